"""The one step from a decoded frame to the network's picture, for every decoder.

libswscale takes the luma plane (RGB sources: BT.601 luma), stretches limited range to 0..255 and
averages areas down to 128×128; the aspect is not kept (the paper's full frame to 128×128). Asking
it for gray touches no chroma, so nothing is converted to RGB and back.
"""

from __future__ import annotations

from typing import Any, Final

import av
import av.filter
import numpy as np
from numpy.typing import NDArray

from pipeline.decode.orientation import UPRIGHT, Orientation
from pipeline.decode.types import PORTRAIT_SIDE, SIDE, Crop

# accurate_rnd: without it libswscale's rounding differs between processors.
SCALING: Final = "area+accurate_rnd"
LIMITED, FULL = 1, 2  # AVColorRange: luma from 16 to 235, from 0 to 255
FULL_BY_DEFAULT: Final = (
    "yuvj",
    "rgb",
    "bgr",
    "gbr",
    "gray",
    "pal8",
    "mono",
    "ya",
    "argb",
    "abgr",
    "0rgb",
    "0bgr",
    "x2",
)


class CropOutsideError(ValueError):
    """The crop asked for does not lie inside the picture."""


def is_limited(frame: Any) -> bool:
    """True where luma runs from 16 to 235 (scaled for deeper pixels)."""
    if frame.color_range == FULL:
        return False
    return frame.color_range == LIMITED or not frame.format.name.startswith(FULL_BY_DEFAULT)


class LumaScaler:
    """Frames to gray pictures of one size; the filter graph is kept while the format stays.

    crop : displayed pixels, None for the full frame
    width, height : of the result as displayed
    """

    def __init__(self, crop: Crop | None, width: int = SIDE, height: int = SIDE) -> None:
        self._crop = crop
        self._width, self._height = width, height
        self._key: tuple[object, ...] | None = None
        self._graph: Any = None

    def __call__(self, frame: Any, orientation: Orientation = UPRIGHT) -> NDArray[np.uint8]:
        """One frame to uint8 [height, width], upright. Raises CropOutsideError."""
        limited = is_limited(frame)
        key = (
            frame.format.name,
            frame.width,
            frame.height,
            limited,
            frame.color_range,
            frame.colorspace,
            orientation,
        )
        if key != self._key:
            self._graph = self._build(frame, limited, orientation)
            self._key = key
        self._graph.vpush(frame)
        plane = self._graph.vpull().planes[0]
        stored = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : plane.width]
        return np.ascontiguousarray(orientation.upright(stored))

    def _build(self, frame: Any, limited: bool, orientation: Orientation) -> Any:
        graph = av.filter.Graph()
        graph.threads = 1
        last = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        steps: list[tuple[str, str]] = []
        if self._crop is not None:
            x, y, w, h = orientation.stored_crop(self._crop, frame.width, frame.height)
            if x < 0 or y < 0 or w < 1 or h < 1 or x + w > frame.width or y + h > frame.height:
                shown = orientation.size(frame.width, frame.height)
                raise CropOutsideError(f"crop {self._crop} does not fit the picture of {shown[0]}×{shown[1]}")
            steps.append(("crop", f"{w}:{h}:{x}:{y}:exact=1"))
        width, height = orientation.size(self._width, self._height)
        in_range = "limited" if limited else "full"
        steps.append(
            (
                "scale",
                f"{width}:{height}:flags={SCALING}:in_range={in_range}:out_range=full:out_color_matrix=bt601",
            )
        )
        steps.append(("format", "gray"))
        steps.append(("buffersink", ""))
        for name, arguments in steps:
            step = graph.add(name, arguments) if arguments else graph.add(name)
            last.link_to(step)
            last = step
        graph.configure()
        return graph


def portrait_size(width: int, height: int, pixel_aspect: float) -> tuple[int, int]:
    """Width and height of the sampled picture: aspect kept, square pixels, at most 320, never enlarged."""
    wide = max(1.0, width * pixel_aspect)
    factor = min(1.0, PORTRAIT_SIDE / max(wide, height))
    return max(1, round(wide * factor)), max(1, round(height * factor))
