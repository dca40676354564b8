"""What a head wears and the open model lacks: hair that hangs, and glasses."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

#: How far down (dm, unshaped model) hanging hair reaches, by style.
HANGING: Final = {"bob": 6.25, "long": 5.25}

_COLUMNS: Final = 40
_ROWS: Final = 14
_FRONT: Final = 1.12  # angle from the nose where the hair begins, radians
_HEIGHTS: Final = (5.2, 6.0, 6.6, 7.2, 7.7, 8.1)
_ACROSS: Final = (1.10, 0.98, 0.97, 0.97, 0.93, 0.78)
_BEHIND: Final = (1.00, 0.95, 1.05, 1.27, 1.28, 1.12)


def curtain(axis_z: float, bottom: float) -> tuple[F32, I32, F32]:
    """Hair that hangs from temple to temple behind the face: points [K, 3], quads [Q, 4], texture uv [K, 2].

    The texture is borrowed from the back of the head, where the painted hair is longest.
    """
    side = np.linspace(0, 1, _COLUMNS)[None, :]
    angle = _FRONT + side * (2 * np.pi - 2 * _FRONT)
    fall = np.linspace(0, 1, _ROWS)[:, None]
    # Ends are cut a little unevenly, longer behind than in front.
    end = bottom + 0.16 * np.cos(angle) + 0.03 * np.sin(9 * angle)
    height = 8.1 + fall * (end - 8.1)
    across, behind = np.interp(height, _HEIGHTS, _ACROSS), np.interp(height, _HEIGHTS, _BEHIND)
    locks = 1 + (0.012 + 0.02 * fall) * np.sin(11 * angle + 3 * fall)
    x = across * locks * np.sin(angle)
    z = axis_z + np.where(np.cos(angle) < 0, behind, 0.62 * behind) * locks * np.cos(angle)
    points = np.stack(np.broadcast_arrays(x, height, z), axis=-1).reshape(-1, 3)
    u = np.broadcast_to(0.92 + 0.16 * side, height.shape)
    v = np.broadcast_to(0.09 + 0.33 * fall, height.shape)
    row, column = np.mgrid[0 : _ROWS - 1, 0 : _COLUMNS - 1]
    corner = (row * _COLUMNS + column).ravel()
    quads = np.stack([corner, corner + _COLUMNS, corner + _COLUMNS + 1, corner + 1], axis=1)
    uv = np.stack([u, v], axis=-1).reshape(-1, 2)
    return points.astype(np.float32), quads.astype(np.int32), uv.astype(np.float32)


_RIM: Final = 30  # points around a lens
_ARM: Final = 5  # points along a bridge or temple
_SIDES: Final = 4  # corners of the wire's cross-section


def _wire_quads(points: int, closed: bool, first: int) -> list[list[int]]:
    quads = []
    for k in range(points if closed else points - 1):
        a, b = first + k * _SIDES, first + (k + 1) % points * _SIDES
        quads += [[a + s, a + (s + 1) % _SIDES, b + (s + 1) % _SIDES, b + s] for s in range(_SIDES)]
    return quads


def glasses_quads() -> I32:
    """Faces of two rims, a bridge and two temples, for the points of `glasses_points`."""
    quads: list[list[int]] = []
    first = 0
    for points, closed in ((_RIM, True), (_RIM, True), (_ARM, False), (_ARM, False), (_ARM, False)):
        quads += _wire_quads(points, closed, first)
        first += points * _SIDES
    return np.array(quads, dtype=np.int32)


def _wire(path: F32, one: F32, other: F32, thickness: float) -> F32:
    turns = np.arange(_SIDES) * 2 * np.pi / _SIDES + np.pi / 4
    around = np.cos(turns)[None, :, None] * one[:, None] + np.sin(turns)[None, :, None] * other[:, None]
    return np.asarray((path[:, None] + thickness * around).reshape(-1, 3), dtype=np.float32)


def glasses_points(eyes: F32, half_width: float, shape: tuple[float, float, float], thickness: float) -> F32:
    """Points [K, 3] of glasses before `eyes` [2, 3] (left, right); `half_width` of the head at the temples.

    `shape`: half width and half height of a lens (dm), and the exponent of its outline (2 is an ellipse).
    """
    width, height, power = shape
    turn = np.arange(_RIM) * 2 * np.pi / _RIM
    cos, sin = np.cos(turn), np.sin(turn)
    outline_x = np.sign(cos) * np.abs(cos) ** (2 / power) * width
    outline_y = np.sign(sin) * np.abs(sin) ** (2 / power) * height
    ahead = np.broadcast_to(np.array([0, 0, 1], np.float32), (_RIM, 3))
    pieces: list[F32] = []
    for side, centre in zip((1.0, -1.0), eyes, strict=True):
        bend = -0.10 * (outline_x * side / width + 1) ** 2 / 4
        path = centre + np.stack([outline_x + 0.02 * side, outline_y - 0.02, 0.32 + bend], axis=1)
        radial = np.stack([cos, sin, 0 * cos], axis=1).astype(np.float32)
        pieces.append(_wire(path.astype(np.float32), radial, ahead, thickness))
    inner = eyes[:, 0] + np.array([0.02 - width, width - 0.02])
    middle = float(eyes[:, 1].mean())
    along = np.linspace(0, 1, _ARM, dtype=np.float32)
    unit = np.eye(3, dtype=np.float32)[:, None].repeat(_ARM, axis=1)
    bridge = np.stack(
        [
            inner[0] + along * (inner[1] - inner[0]),
            middle + 0.03 + 0.03 * np.sin(np.pi * along),
            np.full(_ARM, eyes[:, 2].mean() + 0.31) + 0.03 * np.sin(np.pi * along),
        ],
        axis=1,
    )
    pieces.append(_wire(bridge.astype(np.float32), unit[1], unit[2], thickness))
    for side, centre in zip((1.0, -1.0), eyes, strict=True):
        start = np.array([centre[0] + side * (width + 0.02), middle + 0.04, centre[2] + 0.22])
        end = np.array([side * (half_width - 0.01), middle + 0.02, centre[2] - 1.05])
        path = start + along[:, None] ** np.array([0.4, 1.0, 1.0]) * (end - start)
        pieces.append(_wire(path.astype(np.float32), unit[0], unit[1], thickness))
    return np.concatenate(pieces)
