"""The sampled pictures of a video, chosen while it is decoded."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.decode.luma import LumaScaler, portrait_size
from pipeline.decode.orientation import orientation_of

KEPT_PIXELS: Final = 1920 * 1088  # of a frame kept for a portrait; a dozen of them are 36 MiB at 8 bits


class Portraits:
    """A few pictures spread over a video whose length is not known beforehand.

    One is taken every `step` seconds; when there are twice as many as wanted, every other one is
    let go and the step doubles. Frames of ordinary size are kept as decoded and scaled at the end, since
    most of them are let go; large ones are scaled at once, to keep little memory.
    """

    def __init__(self, wanted: int, pixel_aspect: float) -> None:
        self._wanted = wanted
        self._aspect = pixel_aspect
        self._step = 0.1
        self._next = 0.0
        self._kept: list[tuple[float, Any]] = []  # time, frame or picture
        self._scalers: dict[tuple[int, int], LumaScaler] = {}

    def wants(self, time: float) -> bool:
        return self._wanted > 0 and time >= self._next

    def add(self, time: float, frame: Any) -> None:
        self._kept.append((time, frame if frame.width * frame.height <= KEPT_PIXELS else self._scale(frame)))
        if len(self._kept) >= 2 * self._wanted:
            self._kept = self._kept[::2]
            self._step *= 2
        self._next = self._kept[-1][0] + self._step if self._kept else 0.0

    def chosen(self) -> list[tuple[float, NDArray[np.uint8]]]:
        count = min(self._wanted, len(self._kept))
        kept = [self._kept[i] for i in np.linspace(0, len(self._kept) - 1, count).round().astype(int)]
        return [(time, p if isinstance(p, np.ndarray) else self._scale(p)) for time, p in kept]

    def _scale(self, frame: Any) -> NDArray[np.uint8]:
        orientation = orientation_of(frame)
        width, height = portrait_size(frame.width, frame.height, self._aspect)
        size = orientation.size(width, height)
        scaler = self._scalers.setdefault(size, LumaScaler(None, *size))
        return scaler(frame, orientation)
