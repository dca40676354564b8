"""Where a video is damaged: from refused packets to gaps on the frame grid.

A frame predicted from a lost one shows motion nobody made. So damage reaches from the packet the
decoder refused or complained about, or the container marked corrupt, to the next key frame, whatever
the decoder conceals in between.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

REGULAR_SHARE: Final = 0.9  # of the steps between frames, for a hole to be told from a varying rate
HOLE_STEPS: Final = 2.5  # usual steps; a single frame an encoder dropped is no hole
HOLE_SECONDS: Final = 1.0  # where the rate varies; and ten usual steps


class Damage:
    """Damaged stretches of presentation time, in the stream's time base, learnt packet by packet.

    A stretch begins at a start and ends at the first key frame after it.
    """

    def __init__(self) -> None:
        self.rejected = 0
        self._starts: list[float] = []
        self._keys: list[int] = []

    def see(self, packet: Any, lost_before: bool) -> None:
        """Every packet passes here before it is decoded, in file order.

        lost_before : the demuxer complained on its way to this packet
        """
        if packet.pts is None:
            return
        if packet.is_keyframe and not packet.is_corrupt:
            insort(self._keys, packet.pts)
        elif self._starts and self._is_open(self._starts[-1]) and packet.pts < self._starts[-1]:
            self._starts.pop()  # decoded after the damage, shown before it
            self.begin(packet.pts)
        if packet.is_corrupt:
            self.begin(packet.pts)
        elif lost_before:
            self.begin(packet.pts - 0.5)

    def refuse(self, time: int | None) -> None:
        """The decoder refused the packet of this time."""
        self.rejected += 1
        if time is not None:
            self.begin(time)

    def complain(self, time: int | None) -> None:
        """The decoder took the packet of this time with an error message."""
        if time is not None:
            self.begin(time)

    def begin(self, start: float) -> None:
        """Something is lost at this time."""
        if self._starts and self._is_open(self._starts[-1]):
            start = min(start, self._starts.pop())
        insort(self._starts, start)

    def _is_open(self, start: float) -> bool:
        return not self._keys or self._keys[-1] <= start

    def covers(self, time: int) -> bool:
        """True for the time of a frame that was decoded from damaged data."""
        at = bisect_right(self._starts, time)
        if not at:
            return False
        return bisect_right(self._keys, time) == bisect_right(self._keys, self._starts[at - 1])

    def between(self, before: int, after: int) -> bool:
        """True when something between two successive frames was lost."""
        return bisect_left(self._starts, after + 1) > bisect_right(self._starts, before)


def holes(times: NDArray[np.float64]) -> list[int]:
    """Frames before which frames are missing without anybody having complained, int numbers >= 1.

    times : float64 [n], increasing, s. Where nearly all steps are equal, a step of over 2.5 of them
    is a hole; where the rate varies, only one of over a second and ten usual steps.
    """
    if len(times) < 3:
        return []
    steps = np.diff(times)
    usual = float(np.median(steps))
    regular = np.mean(np.abs(steps - usual) <= max(0.1 * usual, 0.002)) >= REGULAR_SHARE
    least = HOLE_STEPS * usual if regular else max(HOLE_SECONDS, 10 * usual)
    return [int(at) + 1 for at in np.flatnonzero(steps > least)]


def grid_gaps(
    grid_times: NDArray[np.float64],
    source_index: NDArray[np.int32],
    times: NDArray[np.float64],
    damaged: Sequence[int],
    breaks: Sequence[int],
    interval: float,
) -> tuple[tuple[int, int], ...]:
    """Half-open gaps on the grid, sorted and merged.

    grid_times [n], source_index [n] : time of each grid frame and the source frame it shows
    times [m] : times of the source frames, s
    damaged : source frames decoded from damaged data
    breaks : source frames before which something is lost
    interval : usual step between source frames, s
    """
    bad = np.isin(source_index, np.asarray(damaged, dtype=np.int64))
    empty: list[tuple[int, int]] = []
    for first in breaks:
        at = int(np.searchsorted(source_index, first))
        empty.append((at, at))
        hole = (grid_times > times[first - 1] + 0.75 * interval) & (
            grid_times < times[first] - 0.75 * interval
        )
        bad |= hole
    edges = np.flatnonzero(np.diff(np.concatenate(([False], bad, [False])).astype(np.int8)))
    ranges = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    inside = [(k, k) for k, _ in empty if 0 < k < len(grid_times) and not any(a <= k <= b for a, b in ranges)]
    return tuple(sorted(set(ranges + inside)))
