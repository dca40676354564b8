"""Windows: never across a cut or a gap, nothing of a shot left out."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clips.windows import Range, cut_windows, stretches


@st.composite
def videos(draw: st.DrawFn) -> tuple[list[Range], list[Range], int]:
    """Shots that cover all frames, and any gaps, some of them empty."""
    count = draw(st.integers(1, 400))
    cuts = sorted(draw(st.sets(st.integers(1, count), max_size=6)) - {count})
    edges = [0, *cuts, count]
    shots = list(itertools.pairwise(edges))
    pairs = draw(st.lists(st.tuples(st.integers(0, count), st.integers(0, 40)), max_size=5))
    return shots, [(start, min(count, start + length)) for start, length in pairs], count


LENGTHS = st.integers(2, 80)
STRIDES = st.integers(1, 100)


@given(videos(), LENGTHS, STRIDES)
def test_no_window_touches_a_gap_or_spans_a_cut(
    video: tuple[list[Range], list[Range], int], length: int, stride: int
) -> None:
    shots, gaps, count = video
    for window in cut_windows(shots, gaps, count, length, stride):
        first, last = shots[window.shot]
        assert first <= window.start < window.end <= last
        for start, end in gaps:
            if start == end:
                assert not window.start < start < window.end
            else:
                assert window.end <= start or end <= window.start


@given(videos(), LENGTHS, STRIDES)
def test_every_window_has_the_clip_length_with_its_padding(
    video: tuple[list[Range], list[Range], int], length: int, stride: int
) -> None:
    windows = cut_windows(*video, length, stride)
    assert [w.index for w in windows] == list(range(len(windows)))
    assert all(w.end - w.start + w.padded == length for w in windows)
    assert len({(w.start, w.end) for w in windows}) == len(windows)


@given(videos(), LENGTHS)
def test_stride_of_the_clip_length_or_less_leaves_no_frame_out(
    video: tuple[list[Range], list[Range], int], length: int
) -> None:
    shots, gaps, count = video
    covered = {k for w in cut_windows(shots, gaps, count, length, length) for k in range(w.start, w.end)}
    lost = {k for start, end in gaps for k in range(start, end)}
    assert covered == set(range(count)) - lost


@given(videos(), LENGTHS, STRIDES)
def test_only_a_stretch_shorter_than_the_clip_is_padded(
    video: tuple[list[Range], list[Range], int], length: int, stride: int
) -> None:
    shots, gaps, count = video
    whole = {part for first, last in shots for part in stretches(first, last, gaps)}
    for window in cut_windows(shots, gaps, count, length, stride):
        if window.padded:
            assert (window.start, window.end) in whole


def test_windows_of_one_long_shot() -> None:
    windows = cut_windows([(0, 150)], [], 150, 64, 64)
    assert [(w.start, w.end) for w in windows] == [(0, 64), (64, 128), (86, 150)]
    assert [(w.start, w.end) for w in cut_windows([(0, 128)], [], 128, 64, 64)] == [(0, 64), (64, 128)]
    assert [(w.start, w.end) for w in cut_windows([(0, 130)], [], 130, 64, 32)] == [
        (0, 64),
        (32, 96),
        (64, 128),
        (66, 130),
    ]


def test_short_shot_is_one_padded_window() -> None:
    (window,) = cut_windows([(0, 20)], [], 20, 64, 64)
    assert (window.start, window.end, window.padded) == (0, 20, 44)


def test_empty_gap_parts_two_frames_that_both_exist() -> None:
    windows = cut_windows([(0, 40)], [(20, 20)], 40, 10, 10)
    assert [(w.start, w.end) for w in windows] == [(0, 10), (10, 20), (20, 30), (30, 40)]
    windows = cut_windows([(0, 40)], [(15, 15)], 40, 10, 10)
    assert [(w.start, w.end) for w in windows] == [(0, 10), (5, 15), (15, 25), (25, 35), (30, 40)]


@pytest.mark.parametrize(("length", "stride"), [(1, 1), (64, 0)])
def test_senseless_lengths_are_refused(length: int, stride: int) -> None:
    with pytest.raises(ValueError, match="stride"):
        cut_windows([(0, 10)], [], 10, length, stride)
