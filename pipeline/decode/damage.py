"""Where a video is damaged: from refused packets to gaps on the frame grid.

A frame predicted from a lost one shows motion nobody made. So damage reaches from the packet the
decoder refused, or the container marked corrupt, to the next key frame, whatever the decoder
conceals in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Damage:
    """Damaged stretches of presentation time, in the stream's time base, learnt packet by packet."""

    def __init__(self) -> None:
        self.rejected = 0
        self._stretches: list[list[float]] = []  # [start, end), end infinite while no key frame came
        self._open = False

    def see(self, packet: Any) -> None:
        """Every packet passes here before it is decoded, in file order."""
        if packet.pts is None:
            return
        if self._open:
            if packet.is_keyframe and not packet.is_corrupt:
                self._stretches[-1][1] = packet.pts
                self._open = False
            else:
                self._stretches[-1][0] = min(self._stretches[-1][0], packet.pts)
        if packet.is_corrupt:
            self._begin(packet.pts)

    def refuse(self, packet: Any, after: int | None) -> None:
        """The decoder refused this packet; `after` is the latest time decoded so far."""
        self.rejected += 1
        start = packet.pts if packet.pts is not None else after
        if start is not None:
            self._begin(start)

    def _begin(self, start: float) -> None:
        if self._open:
            self._stretches[-1][0] = min(self._stretches[-1][0], start)
        else:
            self._stretches.append([start, float("inf")])
            self._open = True

    def covers(self, time: int | None) -> bool:
        """True for the time of a frame that was decoded from damaged data."""
        return time is not None and any(start <= time < end for start, end in self._stretches)

    def between(self, before: int | None, after: int | None) -> bool:
        """True when something between two successive frames was lost."""
        if before is None or after is None:
            return False
        return any(before < start <= after for start, _ in self._stretches)


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
