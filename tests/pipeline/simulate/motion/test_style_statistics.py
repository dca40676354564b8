"""What a driver's style may and may not give away, measured on 20 drivers who all say the same 24 things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.simulate.motion import MotionTrack, perform, sample_content, sample_driver
from pipeline.simulate.motion.style import draw_style
from tests.pipeline.simulate.motion import style_statistics as statistics

DRIVERS, CONTENTS, FRAMES = 20, 24, 100
CARICATURE = 0.70  # area under the curve that no single simple statistic may pass
GUESSING = 0.075  # share of single frames a linear classifier may name; chance is 0.05


@dataclass(frozen=True)
class Cast:
    tracks: list[MotionTrack]
    drivers: NDArray[np.int64]
    contents: NDArray[np.int64]


@pytest.fixture(scope="module")
def cast() -> Cast:
    drivers, contents = np.divmod(np.arange(DRIVERS * CONTENTS), CONTENTS)
    tracks = [
        perform(sample_driver(int(d)), sample_content(int(c), FRAMES), FRAMES, seed=1000 * int(d) + int(c))
        for d, c in zip(drivers, contents, strict=True)
    ]
    return Cast(tracks, drivers, contents)


def alone(cast: Cast, measure: Callable[[MotionTrack], float | NDArray[np.float64]]) -> float:
    values = np.array([measure(track) for track in cast.tracks])
    return statistics.pair_auc(statistics.distances(values), cast.drivers, cast.contents)


def frame_accuracy(cast: Cast) -> float:
    rows, of = statistics.single_frames(cast.tracks)
    return statistics.linear_accuracy(rows, cast.drivers[of], cast.contents[of])


def log_energy(track: MotionTrack) -> float:
    return float(np.log(statistics.motion_energy(track)))


def spectrum_shape(track: MotionTrack) -> NDArray[np.float64]:
    spectrum = statistics.difference_spectrum(track)
    return spectrum - spectrum.mean()


@pytest.mark.parametrize(
    "measure",
    [
        pytest.param(log_energy, id="total motion energy"),
        pytest.param(statistics.blink_rate, id="blink rate"),
        pytest.param(statistics.difference_spectrum, id="mean spectrum of differences"),
        pytest.param(spectrum_shape, id="its shape without its level"),
    ],
)
def test_no_simple_statistic_alone_tells_drivers_apart(
    cast: Cast, measure: Callable[[MotionTrack], float | NDArray[np.float64]]
) -> None:
    assert alone(cast, measure) <= CARICATURE


def test_a_driver_who_always_moves_more_would_be_called_a_caricature(cast: Cast) -> None:
    louder = [
        replace(t, coefficients=np.clip(t.coefficients * (0.2 + 0.15 * d), 0, 1).astype(np.float32))
        for t, d in zip(cast.tracks, cast.drivers, strict=True)
    ]
    assert alone(replace(cast, tracks=louder), log_energy) > CARICATURE


def test_a_single_frame_does_not_tell_the_driver(cast: Cast) -> None:
    assert frame_accuracy(cast) <= GUESSING


def test_a_resting_pose_of_ones_own_would_be_found_in_single_frames(cast: Cast) -> None:
    own = np.random.default_rng(0).uniform(0, 0.05, (DRIVERS, 52))
    posed = [
        replace(t, coefficients=np.clip(t.coefficients + own[d], 0, 1).astype(np.float32))
        for t, d in zip(cast.tracks, cast.drivers, strict=True)
    ]
    assert frame_accuracy(replace(cast, tracks=posed)) > GUESSING


def test_motion_statistics_tell_the_driver_of_a_clip_whatever_is_said(cast: Cast) -> None:
    rows = np.array([statistics.window_statistics(t, 0, FRAMES) for t in cast.tracks])
    assert statistics.linear_accuracy(rows, cast.drivers, cast.contents) > 0.60


def test_64_frames_tell_whether_two_windows_are_one_unseen_drivers(cast: Cast) -> None:
    known, known_drivers = [], []
    for driver in range(100):
        # Statistics of motion do not see a mean, so these drivers need not be brought to the common one.
        style = draw_style(np.random.default_rng([driver, 7]))
        for clip in range(6):
            seed = 10_000 + 10 * driver + clip
            known.append(
                statistics.window_statistics(perform(style, sample_content(seed, 64), 64, seed), 0, 64)
            )
            known_drivers.append(driver)
    new = np.array([statistics.window_statistics(t, 18, 64) for t in cast.tracks])
    auc = statistics.verification_auc(
        np.array(known), np.array(known_drivers), new, cast.drivers, cast.contents
    )
    assert auc >= 0.90


def test_statistics_of_motion_do_not_see_offsets_or_gain(cast: Cast) -> None:
    track = cast.tracks[0]
    halved = MotionTrack(
        (0.5 * track.coefficients + 0.2).astype(np.float32),
        (0.5 * track.head + 1.0).astype(np.float32),
        (0.5 * track.translation - 1.0).astype(np.float32),
    )
    plain, changed = (statistics.window_statistics(t, 0, 64) for t in (track, halved))
    assert np.corrcoef(plain, changed)[0, 1] > 0.98


def test_a_window_beyond_the_track_is_refused(cast: Cast) -> None:
    with pytest.raises(ValueError, match="does not lie in a track of 100 frames"):
        statistics.window_statistics(cast.tracks[0], 50, 64)


def test_blinks_are_counted_once_each() -> None:
    lids = np.zeros((250, 52), np.float32)
    for start in (20, 90, 200):
        lids[start : start + 6, [0, 7]] = np.array([0.3, 0.9, 1.0, 0.8, 0.5, 0.2])[:, None]
    still = np.zeros((250, 3), np.float32)
    assert statistics.blink_rate(MotionTrack(lids, still, still)) == pytest.approx(3 / (250 / 25 / 60))
