"""The pictures of one video, ready to stand in the page: key frames, motion map, occlusion test."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from typing import Any, Final

import matplotlib.image as mpl_image
import numpy as np
from numpy.typing import NDArray

from reports.case import Row

Floats = NDArray[np.float64]

_NO_METADATA: Final[dict[str, Any]] = {"Software": None}


@dataclass(frozen=True)
class Picture:
    """A PNG as a data URI, its time in seconds and its size in pixels."""

    uri: str = field(repr=False)
    second: float
    width: int
    height: int


@dataclass(frozen=True)
class Motion:
    """Where a clip moves: dark is most, ``most`` gray levels from frame to frame."""

    picture: Picture
    most: float | None


@dataclass(frozen=True)
class Occlusion:
    """What holding each patch still does to the embedding: the frame, fading to white where it does little.

    ``effects``: distance by patch, rows from the top; stored in 256 steps of the largest, ``most``.
    ``strongest``: row and column of that one, from 1.
    """

    picture: Picture
    most: float
    effects: tuple[tuple[float, ...], ...]
    patches: int
    strongest: tuple[int, int]


def picture(row: Row, png: bytes | None = None) -> Picture:
    """The picture of a row of the visuals table, or ``png`` in its place."""
    data = row["image"] if png is None else png
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return Picture("data:image/png;base64," + base64.b64encode(data).decode(), row["second"], width, height)


def motion(rows: list[Row]) -> Motion | None:
    """The motion map among the rows of one video: dark ink on white, so that it reads the same in gray."""
    row = next((r for r in rows if r["kind"] == "motion"), None)
    return Motion(picture(row, _png(1 - _gray(row["image"]))), row.get("white")) if row else None


def occlusion(rows: list[Row]) -> Occlusion | None:
    """The occlusion test among the rows of one video; None where there was none."""
    row = next((r for r in rows if r["kind"] == "occlusion"), None)
    frame = next((r for r in rows if r["kind"] == "frame"), None)
    if row is None or frame is None:
        return None
    effects, pixels = _gray(row["image"]), _gray(frame["image"])
    weight = _spread_out(effects, pixels.shape)
    values = tuple(tuple(float(v) * row["white"] for v in line) for line in effects)
    line, column = divmod(int(effects.argmax()), effects.shape[1])
    shown = picture(row, _png(1 - weight * (1 - pixels)))
    return Occlusion(shown, row["white"], values, effects.size, (line + 1, column + 1))


def _spread_out(effects: Floats, shape: tuple[int, ...]) -> Floats:
    """Each patch's value on all of its pixels; the edges are those of `pipeline.occlusion`."""
    for axis, (patches, side) in enumerate(zip(effects.shape, shape, strict=True)):
        edges = np.linspace(0, side, patches + 1).round().astype(int)
        effects = np.repeat(effects, np.diff(edges), axis=axis)
    return effects


def _gray(png: bytes) -> Floats:
    return np.asarray(mpl_image.imread(io.BytesIO(png), format="png"), np.float64)


def _png(gray: Floats) -> bytes:
    """``gray`` (h, w), 0 black to 1 white."""
    out = io.BytesIO()
    mpl_image.imsave(out, gray, cmap="gray", vmin=0, vmax=1, format="png", metadata=_NO_METADATA)
    return out.getvalue()
