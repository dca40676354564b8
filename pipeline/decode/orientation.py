"""The display matrix: how a stored picture is turned and mirrored to stand upright."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from numpy.typing import NDArray

from pipeline.decode.types import Crop


@dataclass(frozen=True)
class Orientation:
    """Transpose first, then flip left-right, then flip upside down."""

    transpose: bool = False
    mirror: bool = False
    upturn: bool = False
    rotation: int = 0  # degrees, counter-clockwise, as FFmpeg reports it

    def upright(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 [h, w] as stored to uint8 [h', w'] as displayed."""
        out = picture.T if self.transpose else picture
        return out[:: -1 if self.upturn else 1, :: -1 if self.mirror else 1]

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Displayed width and height of a stored picture."""
        return (height, width) if self.transpose else (width, height)

    def stored_crop(self, crop: Crop, width: int, height: int) -> Crop:
        """A crop of the displayed picture, in the pixels of the stored one (`width` × `height`)."""
        x, y, w, h = crop
        shown_width, shown_height = self.size(width, height)
        if self.mirror:
            x = shown_width - x - w
        if self.upturn:
            y = shown_height - y - h
        return (y, x, h, w) if self.transpose else (x, y, w, h)


UPRIGHT: Final = Orientation()


def orientation_of(frame: Any) -> Orientation:
    """Orientation from a frame's display matrix (ISO/IEC 14496-12, 8.2.2), to the nearest right angle.

    The matrix maps stored (x, y) to displayed x' = a·x + c·y, y' = b·x + d·y.
    """
    try:
        raw = bytes(frame.side_data[SideDataType.DISPLAYMATRIX])
    except KeyError:
        return UPRIGHT
    if len(raw) < 36:
        return UPRIGHT
    a, b, _, c, d = struct.unpack("=5i", raw[:20])
    transpose = abs(b) + abs(c) > abs(a) + abs(d)
    along_x, along_y = (c, b) if transpose else (a, d)
    return Orientation(transpose, along_x < 0, along_y < 0, int(frame.rotation))
