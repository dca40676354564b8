"""What every generator must do: be reproducible, pass the driver's motion on, show a face."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.simulate.clip import clip_track, render_clip
from pipeline.simulate.generators import RENDERERS, Request
from pipeline.simulate.generators.keypoints import (
    INNER_LOWER,
    INNER_UPPER,
    LOWER_LIDS,
    PUPILS,
    UPPER_LIDS,
    in_order,
)
from pipeline.simulate.generators.latent import squeeze
from pipeline.simulate.generators.tps import fit, spline
from pipeline.simulate.motion.track import INDEX, MotionTrack
from pipeline.simulate.plan import ClipPlan, plan_corpus, sample_people
from pipeline.simulate.portrait import SIZE, build_portrait, render, sample_scene
from pipeline.simulate.rig import pose

FRAMES = 25


def planned(generator: str) -> ClipPlan:
    plans = plan_corpus(sample_people(4, 11), 1, 1, FRAMES / 25, seed=11)
    return next(p for p in plans if p.generator == generator)


def decode(path: Path) -> NDArray[np.uint8]:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def still(frames: int) -> MotionTrack:
    zero = np.zeros((frames, 3), np.float32)
    return MotionTrack(np.zeros((frames, 52), np.float32), zero, zero)


@pytest.mark.parametrize("generator", RENDERERS)
def test_same_plan_gives_the_same_decoded_frames(generator: str, wheel: Path, tmp_path: Path) -> None:
    plan = planned(generator)
    for place in ("one", "two"):
        render_clip(wheel, tmp_path / place, plan)
        build_portrait.cache_clear()
    one, two = (decode(tmp_path / place / plan.path) for place in ("one", "two"))
    assert one.shape == (FRAMES, SIZE, SIZE, 3)
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("generator", RENDERERS)
def test_motion_is_in_the_picture_when_the_driver_moves(generator: str, wheel: Path) -> None:
    """A mouth that opens and closes changes the lower half of the picture in step."""
    beat = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(48) / 16)
    # Over 160 ms: a held camera hardly drifts in it.
    expected = np.abs(beat[4:] - beat[:-4])
    correlations = []
    for amount in (0.6, 0.0):
        track = still(48)
        track.coefficients[:, INDEX["jawOpen"]] = amount * beat
        frames = RENDERERS[generator](Request(wheel, 21, 22, track, 5)).frames
        lower = frames[:, SIZE // 2 :].mean(axis=3)
        change = np.abs(lower[4:] - lower[:-4])
        spatial = change.mean(axis=0)
        region = spatial > np.quantile(spatial, 0.99)
        correlations.append(np.corrcoef(change[:, region].mean(axis=1), expected)[0, 1])
    moving, resting = correlations
    assert moving > 0.8
    assert abs(resting) < 0.6


@pytest.mark.parametrize("generator", ["mesh", "tps", "latent"])
def test_motion_energy_follows_the_track(generator: str, wheel: Path) -> None:
    plan = planned(generator)
    rng = np.random.default_rng(3)
    track = still(60)
    speed = np.repeat(rng.uniform(0, 1, 12), 5)
    track.head[:, 0] = 0.25 * np.sin(np.cumsum(speed) * 0.7)
    frames = RENDERERS[generator](Request(wheel, plan.target.seed, plan.driver.seed, track, 9)).frames
    small = np.stack([cv2.resize(f, (64, 64), interpolation=cv2.INTER_AREA) for f in frames]).astype(float)
    energy = np.abs(np.diff(small, axis=0)).mean(axis=(1, 2, 3))
    assert np.corrcoef(energy, np.abs(np.diff(track.head[:, 0])))[0, 1] > 0.8


def test_blinking_closes_the_eye(wheel: Path) -> None:
    """With the lids shut no sample of the picture shows the eyeball, on heads of many shapes."""
    for seed in range(5):
        portrait = build_portrait(wheel, seed)
        scene = sample_scene(portrait, seed)
        bright = []
        for closed in (0.0, 1.0):
            track = still(1)
            for side in ("Left", "Right"):
                track.coefficients[0, INDEX[f"eyeBlink{side}"]] = closed
            marked = portrait.iris.copy()
            marked[:3] = 50.0  # an iris that shines
            lit = type(portrait)(**{**vars(portrait), "iris": marked})
            frame = render(lit, scene, pose(portrait.rig, track), [scene.camera])[0]
            bright.append(int((frame.min(axis=2) > 250).sum()))
        assert bright[0] > 10
        assert bright[1] <= 0.1 * bright[0]


def test_faces_are_found_by_a_detector_that_knows_nothing_of_them(wheel: Path) -> None:
    detector = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"))
    people = sample_people(8, 2)
    found = []
    for number, person in enumerate(people):
        generator = ("mesh", "tps", "latent")[number % 3]
        frames = RENDERERS[generator](Request(wheel, person.seed, people[0].seed, still(2), number)).frames
        for frame in frames:
            gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            found.append(len(detector.detectMultiScale(gray, 1.1, 3, minSize=(60, 60))) > 0)
    assert np.mean(found) >= 15 / 16


def test_the_code_keeps_common_motion_and_loses_rare_motion() -> None:
    plan = planned("latent")
    track = clip_track(plan)
    few, many = squeeze(track, 20, 0.3), squeeze(track, 36, 0.3)
    lost = [np.square(t.coefficients - track.coefficients).sum() for t in (few, many)]
    total = np.square(track.coefficients - track.coefficients.mean(axis=0)).sum()
    assert lost[1] < lost[0] < 0.6 * total
    assert lost[1] < 0.3 * total


def test_spline_through_unmoved_keypoints_is_the_identity() -> None:
    rng = np.random.default_rng(0)
    nodes = rng.uniform(0, 256, (40, 2)).astype(np.float32)
    grid = np.empty((20, 20, 2), np.float32)
    spline(nodes, fit(nodes, nodes, 10.0), 13.0, grid)
    y, x = np.mgrid[0:20, 0:20] * 13.0
    np.testing.assert_allclose(grid, np.stack([x, y], axis=-1), atol=0.05)


def test_lids_and_lips_of_the_warped_still_never_pass_each_other() -> None:
    rng = np.random.default_rng(1)
    home = rng.uniform(100, 140, (80, 2)).astype(np.float32)
    home[UPPER_LIDS, 1], home[LOWER_LIDS, 1] = 90, 98
    home[INNER_UPPER, 1], home[INNER_LOWER, 1] = 150, 150.5
    home[PUPILS, 1] = 94
    ordered = in_order(home + rng.normal(0, 12, (50, 80, 2)).astype(np.float32), home)
    assert (ordered[:, UPPER_LIDS, 1] < ordered[:, LOWER_LIDS, 1]).all()
    assert (ordered[:, INNER_UPPER, 1] < ordered[:, INNER_LOWER, 1]).all()
    np.testing.assert_allclose(in_order(home[None], home)[0], home, atol=1e-4)
