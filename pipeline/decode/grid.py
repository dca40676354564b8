"""Presentation times to the model's frame grid.

`Clock` makes the times of decoded frames strictly increasing; `Grid` says, frame by frame, how
often each source frame is shown at the grid times k / fps. Both look at one frame at a time, so a
frame nobody shows is never scaled and a long video needs no list of pictures.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

JUMP_SECONDS: Final = 10.0  # a larger step of the timestamps is a fault of the clock, not a still picture
TIE: Final = 1e-6  # s; equally near frames: the earlier is shown, whatever the rounding of floats


class Clock:
    """Strictly increasing times from raw presentation times.

    A missing or not increasing time continues one frame interval after the last; so does one that
    jumps forward by more than `JUMP_SECONDS` (spliced transport streams, damaged headers). Each of
    these counts in `repaired`, and jumps are reported as breaks.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval  # nominal frame interval, s
        self.repaired = 0
        self.times: list[float] = []
        self.origin: float | None = None  # raw time of clock time zero; another behind a jump
        self._raw: float | None = None

    def push(self, raw: float | None) -> bool:
        """Take the next frame's raw time (s); True when the clock had to bridge a jump."""
        if not self.times:
            self.origin = self._raw = raw
            self.times.append(0.0)
            self.repaired += raw is None
            return False
        last = self.times[-1]
        if raw is None or (self._raw is not None and raw == self._raw):
            self.repaired += 1
            self.times.append(last + self.interval)
            return False
        if self.origin is None:
            self.origin = raw - (last + self.interval)
        self._raw = raw
        time = raw - self.origin
        if last < time <= last + JUMP_SECONDS:
            self.times.append(time)
            return False
        self.repaired += 1
        self.times.append(last + self.interval)
        if abs(time - last) > JUMP_SECONDS:
            self.origin = raw - self.times[-1]
            return True
        return False


class Grid:
    """Shows the frame nearest in time at each grid time k / fps, k = 0, 1, ...

    The grid ends with the last time that lies at most half a step after the last frame. With
    `fps` None every frame is shown once.
    """

    def __init__(self, fps: float | None) -> None:
        self.fps = fps
        self.count = 0  # grid frames shown so far
        self._last: float | None = None

    def push(self, time: float) -> int:
        """Time (s, increasing) of the next frame; returns how often the one before it is shown."""
        if self._last is None:
            self._last = time
            return 0
        middle = (self._last + time) / 2
        self._last = time
        return self._advance(1 if self.fps is None else math.floor((middle + TIE) * self.fps) + 1)

    def finish(self) -> int:
        """How often the last frame is shown."""
        if self._last is None:
            return 0
        return self._advance(1 if self.fps is None else math.floor(self._last * self.fps + 0.5 + TIE) + 1)

    def _advance(self, until: int) -> int:
        if self.fps is None:
            self.count += until
            return until
        shown = max(0, until - self.count)
        self.count += shown
        return shown


def median_interval(times: NDArray[np.float64], nominal: float) -> float:
    """Median step between neighbouring frames, s; `nominal` where there are fewer than two."""
    return float(np.median(np.diff(times))) if len(times) > 1 else nominal


def varies(times: NDArray[np.float64]) -> bool:
    """True when the frame rate varies: over 1 % of the steps are off the median by over 10 %.

    Steps off by less than 2 ms never count: Matroska and FLV round times to milliseconds.
    """
    if len(times) < 3:
        return False
    steps = np.diff(times)
    middle = float(np.median(steps))
    return bool(np.mean(np.abs(steps - middle) > max(0.1 * middle, 0.002)) > 0.01)
