"""Windows of T frames: never across a cut or a gap, none of a shot left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Range = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Frames start..end (half-open) of the grid, then `padded` repeats of frame end - 1."""

    index: int
    shot: int
    start: int
    end: int
    padded: int


def cut_windows(
    shots: Sequence[Range], gaps: Sequence[Range], n_frames: int, clip_length: int, stride: int
) -> list[Window]:
    """Windows of `clip_length` frames inside shots and outside gaps, in order of time.

    shots : half-open ranges of frames, sorted, not overlapping
    gaps : half-open ranges that no window may touch; an empty one (k, k) parts frames k-1 and k

    A stretch without cut or gap gives a window every `stride` frames and one that ends at its end;
    one shorter than `clip_length` gives a single window whose last frame is repeated.
    """
    if clip_length < 2 or stride < 1:
        raise ValueError(
            f"a window needs two frames or more and a stride of one or more: {clip_length}, {stride}"
        )
    windows: list[Window] = []
    for shot, (first, last) in enumerate(shots):
        for start, end in stretches(first, min(last, n_frames), gaps):
            length = end - start
            starts = list(range(start, end - clip_length + 1, stride)) or [start]
            if starts[-1] + clip_length < end:
                starts.append(end - clip_length)
            for at in starts:
                real = min(clip_length, length)
                windows.append(Window(len(windows), shot, at, at + real, clip_length - real))
    return windows


def stretches(start: int, end: int, gaps: Sequence[Range]) -> list[Range]:
    """The parts of start..end (half-open) between the gaps; none is empty."""
    parts: list[Range] = []
    at = start
    for first, last in sorted(gaps):
        if last < start or first > end:
            continue
        if first > at:
            parts.append((at, min(first, end)))
        at = max(at, last)
    if at < end:
        parts.append((at, end))
    return parts
