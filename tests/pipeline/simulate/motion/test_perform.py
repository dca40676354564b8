"""A performance is reproducible, within what faces do, and says what its content says."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from pipeline.simulate.motion import (
    ARKIT_NAMES,
    INDEX,
    Content,
    MotionTrack,
    perform,
    sample_content,
    sample_driver,
)
from pipeline.simulate.motion.content import clock
from pipeline.simulate.motion.speech import utter
from pipeline.simulate.motion.visemes import VISEMES

# The header that the Live Link Face app writes, without its time columns and rotations.
APP_HEADER = """
EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,EyeSquintLeft,EyeWideLeft,
EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,EyeSquintRight,EyeWideRight,
JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,MouthSmileLeft,
MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,MouthDimpleRight,MouthStretchLeft,
MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,MouthShrugUpper,MouthPressLeft,
MouthPressRight,MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,MouthUpperUpRight,BrowDownLeft,
BrowDownRight,BrowInnerUp,BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,CheekSquintLeft,CheekSquintRight,
NoseSneerLeft,NoseSneerRight,TongueOut
""".replace("\n", "").split(",")


@pytest.fixture(scope="module")
def tracks() -> list[MotionTrack]:
    return [
        perform(sample_driver(d), sample_content(c, 200), 200, seed=10 * d + c)
        for d in range(8)
        for c in range(6)
    ]


def test_channels_stand_in_the_apps_order() -> None:
    assert [name[0].upper() + name[1:] for name in ARKIT_NAMES] == APP_HEADER


def test_a_track_of_the_wrong_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[N, 52\]"):
        MotionTrack(np.zeros((5, 51), np.float32), np.zeros((5, 3), np.float32), np.zeros((5, 3), np.float32))


def test_same_seeds_give_the_same_bytes() -> None:
    def bytes_of(track: MotionTrack) -> bytes:
        return track.coefficients.tobytes() + track.head.tobytes() + track.translation.tobytes()

    first = perform(sample_driver(3), sample_content(5, 100), 100, seed=7)
    sample_driver.cache_clear()
    again = perform(sample_driver(3), sample_content(5, 100), 100, seed=7)
    assert bytes_of(first) == bytes_of(again)
    others = [
        perform(sample_driver(4), sample_content(5, 100), 100, seed=7),
        perform(sample_driver(3), sample_content(6, 100), 100, seed=7),
        perform(sample_driver(3), sample_content(5, 100), 100, seed=8),
    ]
    assert len({bytes_of(first), *map(bytes_of, others)}) == 4


def test_a_style_survives_being_sent_to_another_process() -> None:
    style = sample_driver(2)
    sent = pickle.loads(pickle.dumps(style))
    content = sample_content(1, 50)
    assert np.array_equal(
        perform(style, content, 50, 1).coefficients, perform(sent, content, 50, 1).coefficients
    )


def test_a_content_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="lasts 50 frames, not 60"):
        perform(sample_driver(2), sample_content(1, 50), 60, 1)


def test_coefficients_stay_between_0_and_1_and_heads_near_the_camera(tracks: list[MotionTrack]) -> None:
    for track in tracks:
        assert track.coefficients.dtype == track.head.dtype == track.translation.dtype == np.float32
        assert len(track) == 200
        assert np.isfinite(track.coefficients).all()
        assert track.coefficients.min() >= 0
        assert track.coefficients.max() <= 1
        assert np.abs(track.head).max() < np.deg2rad(60)
        assert np.abs(track.translation).max() < 1.5


def test_jaws_open_as_far_as_in_speech(tracks: list[MotionTrack]) -> None:
    jaw = np.concatenate([t.coefficients[:, INDEX["jawOpen"]] for t in tracks])
    assert np.quantile(jaw, 0.05) < 0.08
    assert 0.2 < np.quantile(jaw, 0.95) < 0.5


def test_heads_sway_by_a_few_degrees(tracks: list[MotionTrack]) -> None:
    spread = np.rad2deg(np.mean([t.head.std(axis=0) for t in tracks], axis=0))
    assert (spread > 0.5).all()
    assert (spread < 6).all()


def test_blinks_last_as_long_as_peoples(tracks: list[MotionTrack]) -> None:
    lengths = []
    for track in tracks:
        lid = track.coefficients[:, INDEX["eyeBlinkLeft"]]
        closed = np.diff((lid > 0.5).astype(int), prepend=0, append=0)
        starts, ends = np.flatnonzero(closed == 1), np.flatnonzero(closed == -1)
        inside = (starts > 0) & (ends < len(lid))
        lengths += list((ends - starts)[inside] / 25)
    assert len(lengths) > 30
    assert 0.06 < float(np.median(lengths)) < 0.25


def test_nothing_but_eyes_and_lids_jumps(tracks: list[MotionTrack]) -> None:
    slow = [i for i, name in enumerate(ARKIT_NAMES) if not name.startswith(("eyeBlink", "eyeLook"))]
    steps = np.concatenate([np.abs(np.diff(t.coefficients[:, slow], axis=0)).max(axis=0) for t in tracks])
    assert float(np.quantile(steps, 0.99)) < 0.3


def test_lips_close_on_bilabials_and_part_on_open_vowels() -> None:
    style = sample_driver(1)
    closed, parted = [], []
    for seed in range(5):
        content = sample_content(seed, 200)
        commands, time = utter(style, content), clock(200)
        middles = content.onsets[:-1] + np.diff(content.onsets) / 2
        for viseme, middle in zip(content.visemes[:-1], middles, strict=True):
            gap = commands[np.searchsorted(time, middle) % len(time)]
            width = gap[INDEX["jawOpen"]] - gap[INDEX["mouthClose"]]
            if VISEMES[viseme] == "PP":
                closed.append(width)
            elif VISEMES[viseme] == "aa":
                parted.append(width)
    assert np.quantile(closed, 0.75) < 0.08
    assert np.quantile(parted, 0.25) > 0.2


def test_joy_is_smiled_with_mouth_and_cheeks() -> None:
    contents = sorted(
        (sample_content(seed, 100) for seed in range(60)), key=lambda c: float(c.emotion[:, 0].mean())
    )

    def mean(chosen: list[Content], name: str) -> float:
        found = [
            perform(sample_driver(d), c, 100, 100 * d + i) for i, c in enumerate(chosen) for d in range(4)
        ]
        return float(
            np.mean([t.coefficients[:, INDEX[name + side]] for t in found for side in ("Left", "Right")])
        )

    for name in ("mouthSmile", "cheekSquint"):
        assert mean(contents[-6:], name) > mean(contents[:6], name) + 0.05


def test_eyes_turn_together(tracks: list[MotionTrack]) -> None:
    for track in tracks:
        c = track.coefficients
        left = c[:, INDEX["eyeLookOutLeft"]] - c[:, INDEX["eyeLookInLeft"]]
        right = c[:, INDEX["eyeLookInRight"]] - c[:, INDEX["eyeLookOutRight"]]
        assert np.corrcoef(left, right)[0, 1] > 0.9
