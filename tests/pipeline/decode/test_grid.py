"""Presentation times to grid frames."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decode.grid import JUMP_SECONDS, Clock, Grid, varies

# Milliseconds, as most containers keep them; increasing.
STEPS = st.lists(st.integers(1, 400), min_size=0, max_size=60)
RATES = st.sampled_from([10.0, 12.0, 23.976, 25.0, 29.97, 30.0, 50.0])


def shown(times: list[float], fps: float | None) -> list[int]:
    """Source frame of every grid frame, through Grid as the decoder uses it."""
    grid, out = Grid(fps), []
    for k, time in enumerate(times):
        out += [k - 1] * grid.push(time)
    return out + [len(times) - 1] * grid.finish()


@given(STEPS, RATES)
def test_every_grid_frame_shows_the_nearest_source_frame(steps: list[int], fps: float) -> None:
    times = np.concatenate(([0], np.cumsum(steps))) / 1000
    index = shown(times.tolist(), fps)
    for k, source in enumerate(index):
        distance = np.abs(times - k / fps)
        assert distance[source] <= distance.min() + 2e-6


@given(STEPS, RATES)
def test_grid_covers_the_video_to_half_a_step_after_its_last_frame(steps: list[int], fps: float) -> None:
    last = sum(steps) / 1000
    count = len(shown((np.concatenate(([0], np.cumsum(steps))) / 1000).tolist(), fps))
    assert (count - 1) / fps <= last + 0.5 / fps + 2e-6
    assert count / fps > last + 0.5 / fps - 2e-6


@given(st.integers(1, 200), RATES, st.sampled_from([1000, 90000, 12800]))
def test_constant_rate_on_its_own_grid_shows_every_frame_once(count: int, fps: float, base: int) -> None:
    times = [round(k / fps * base) / base for k in range(count)]
    assert shown(times, fps) == list(range(count))


def test_native_mode_shows_every_frame_once_whatever_the_times() -> None:
    assert shown([0.0, 0.01, 3.0, 3.5], None) == [0, 1, 2, 3]


def test_no_frame_gives_no_grid_frame() -> None:
    assert shown([], 25.0) == []


@given(st.lists(st.one_of(st.none(), st.floats(-100, 100)), min_size=1, max_size=40))
def test_clock_always_increases(raw: list[float | None]) -> None:
    clock = Clock(0.04)
    for time in raw:
        clock.push(time)
    assert len(clock.times) == len(raw)
    assert all(np.diff(clock.times) > 0)
    assert all(np.diff(clock.times) <= JUMP_SECONDS + 1e-6)


def test_clock_keeps_good_times_from_the_first_frame_even_negative_ones() -> None:
    clock = Clock(0.04)
    for time in (-0.08, -0.04, 0.0, 0.05):
        assert not clock.push(time)
    np.testing.assert_allclose(clock.times, [0, 0.04, 0.08, 0.13])
    assert clock.repaired == 0


def test_clock_fills_missing_times_and_takes_up_good_ones_again() -> None:
    clock = Clock(0.04)
    for time in (0.0, None, None, 0.12, 0.16):
        clock.push(time)
    np.testing.assert_allclose(clock.times, [0, 0.04, 0.08, 0.12, 0.16])
    assert clock.repaired == 2


def test_clock_bridges_a_jump_and_reports_it() -> None:
    clock = Clock(0.04)
    jumps = [clock.push(time) for time in (0.0, 0.04, 95443.7, 95443.74, 0.5, 0.54)]
    assert jumps == [False, False, True, False, True, False]
    np.testing.assert_allclose(clock.times, np.arange(6) * 0.04, atol=1e-6)


def test_rate_is_constant_in_milliseconds_and_varies_when_frames_are_dropped() -> None:
    steady = np.round(np.arange(100) / 29.97, 3)
    assert not varies(steady)
    assert varies(np.delete(steady, [10, 40, 41, 70]))
