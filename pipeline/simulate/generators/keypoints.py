"""The sparse keypoints a warping generator sees: vertices of the head nearest to named places of a face."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.mesh import Mesh
from pipeline.simulate.rasteriser import SKIN

F32 = NDArray[np.float32]

# Places (x, y) in dm on the front of the unshaped head; where they are mirrored, right comes before left.
_UPPER_LIP: Final = ((0.0, 6.632), (0.09, 6.632), (0.17, 6.628), (0.235, 6.617))
_LOWER_LIP: Final = ((0.0, 6.596), (0.09, 6.597), (0.17, 6.602), (0.235, 6.612))
_UPPER_LID: Final = ((0.24, 7.309), (0.314, 7.325), (0.385, 7.321))
_LOWER_LID: Final = ((0.24, 7.255), (0.31, 7.247), (0.381, 7.252))
_REST: Final = (
    *((0.0, 6.72), (0.12, 6.71), (0.0, 6.48), (0.14, 6.50), (0.27, 6.61)),  # outer lips
    *((0.0, 6.25), (0.2, 6.22), (0.42, 6.38), (0.58, 6.65), (0.66, 6.95)),  # jaw
    *((0.0, 6.9), (0.13, 6.86), (0.0, 7.1), (0.0, 7.3)),  # nose
    *((0.19, 7.272), (0.45, 7.28), (0.31, 7.39), (0.31, 7.17)),  # eye: corners, fold, bag
    *((0.13, 7.46), (0.31, 7.52), (0.5, 7.48)),  # brow
    *((0.38, 6.95), (0.42, 6.7), (0.3, 6.45)),  # cheeks
    *((0.0, 7.8), (0.4, 7.75), (0.0, 8.2), (0.5, 8.1), (0.68, 7.5)),  # forehead and temples
)
_NECK: Final = ((0.35, 5.9), (1.2, 5.5))

_LIP: Final = 2 * len(_UPPER_LIP) - 1
_LID: Final = 2 * len(_UPPER_LID)

# Where the keypoints that need care stand among all: inner lips, lids of both eyes, pupils (left, right).
INNER_UPPER: Final = np.arange(_LIP)
INNER_LOWER: Final = INNER_UPPER + _LIP
UPPER_LIDS: Final = np.arange(_LID) + 2 * _LIP
LOWER_LIDS: Final = UPPER_LIDS + _LID
PUPILS: Final = np.arange(2) + 2 * _LIP + 2 * _LID
_MIDDLE_LIDS: Final = np.array([_LID - 2, 1])  # of the left and the right eye, among the lids

#: Lids that touch leave this share of the resting opening, and lids and lips keep their order.
_LEAST_OPENING: Final = 0.10


def _mirrored(places: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    return [(-x, y) for x, y in reversed(places) if x] + list(places)


def keypoint_vertices(mesh: Mesh) -> NDArray[np.int32]:
    """Vertex numbers of the keypoints in `mesh`, in the order of the constants above."""
    front = np.unique(mesh.triangles[mesh.part == SKIN])
    front = front[(mesh.base[front, 2] > 0.2) & (np.abs(mesh.base[front, 0]) < 2.0)]
    chosen = _nearest(mesh, mesh.region["upper_lip"], _mirrored(_UPPER_LIP))
    chosen += _nearest(mesh, mesh.region["lower_lip"], _mirrored(_LOWER_LIP))
    chosen += _nearest(mesh, mesh.region["lids"], [*_mirrored(_UPPER_LID), *_mirrored(_LOWER_LID)])
    for name in ("left_eye", "right_eye"):
        eye = mesh.region[name]
        chosen.append(int(eye[np.argmax(mesh.base[eye, 2])]))
    chosen += _nearest(mesh, front, [*_mirrored(_REST), *_mirrored(_NECK)])
    return np.array(list(dict.fromkeys(chosen)), dtype=np.int32)


def _nearest(mesh: Mesh, among: NDArray[np.int32], places: list[tuple[float, float]]) -> list[int]:
    """The vertex nearest to each place; of vertices behind one another the foremost: the one seen."""
    across = mesh.base[among, None, :2] - np.array(places, dtype=np.float32)
    cost = np.hypot(across[..., 0], across[..., 1]) - 0.15 * mesh.base[among, 2][:, None]
    return [int(vertex) for vertex in among[cost.argmin(axis=0)]]


def in_order(moved: F32, home: F32) -> F32:
    """`moved` [N, K, 2] (pixels, y down) with lids and lips that do not pass each other, pupils between.

    A spline through points that changed places would fold the picture.
    """
    fixed = moved.copy()
    for upper, lower in ((UPPER_LIDS, LOWER_LIDS), (INNER_UPPER, INNER_LOWER)):
        rest = home[lower, 1] - home[upper, 1]
        least = np.maximum(_LEAST_OPENING * rest, 0.3)
        fixed[:, upper, 1] = np.minimum(fixed[:, upper, 1], fixed[:, lower, 1] - least)
    top, bottom = UPPER_LIDS[_MIDDLE_LIDS], LOWER_LIDS[_MIDDLE_LIDS]
    was = (home[PUPILS, 1] - home[top, 1]) / np.maximum(home[bottom, 1] - home[top, 1], 1.0)
    opening = fixed[:, bottom, 1] - fixed[:, top, 1]
    place = (moved[:, PUPILS, 1] - fixed[:, top, 1]) / np.maximum(opening, 1e-3)
    # The pupil goes as far as it likes up and down, but stays in the opening.
    place = np.clip(place, np.minimum(0.25, was), np.maximum(0.75, was))
    fixed[:, PUPILS, 1] = fixed[:, top, 1] + place * opening
    return fixed
