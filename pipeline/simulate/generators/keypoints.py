"""The sparse keypoints a warping generator sees: vertices of the head nearest to named places of a face."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.mesh import Mesh
from pipeline.simulate.rasteriser import SKIN

# Places (x, y) in dm on the front of the unshaped head; those off the midline are mirrored.
_UPPER_LIP: Final = ((0.0, 6.632), (0.09, 6.632), (0.17, 6.628), (0.235, 6.617))
_LOWER_LIP: Final = ((0.0, 6.596), (0.09, 6.597), (0.17, 6.602), (0.235, 6.612))
_REST: Final = (
    *((0.0, 6.72), (0.12, 6.71), (0.0, 6.48), (0.14, 6.50), (0.27, 6.61)),  # outer lips
    *((0.0, 6.25), (0.2, 6.22), (0.42, 6.38), (0.58, 6.65), (0.66, 6.95)),  # jaw
    *((0.0, 6.9), (0.13, 6.86), (0.0, 7.1), (0.0, 7.3)),  # nose
    *((0.19, 7.272), (0.44, 7.28), (0.31, 7.335), (0.31, 7.24)),  # eye: corners and lids
    *((0.25, 7.326), (0.375, 7.33), (0.25, 7.25), (0.375, 7.245)),
    *((0.13, 7.44), (0.31, 7.5), (0.5, 7.46)),  # brow
    *((0.38, 6.95), (0.42, 6.7), (0.3, 6.45)),  # cheeks
    *((0.0, 7.8), (0.4, 7.75), (0.0, 8.2), (0.5, 8.1), (0.68, 7.5)),  # forehead and temples
)
_NECK: Final = ((0.35, 5.9), (1.2, 5.5))
_EYES: Final = ("left_eye", "right_eye")

# Order of the keypoints: upper lip and lower lip right to left, then all others.
_LIP_POINTS: Final = 2 * len(_UPPER_LIP) - 1
INNER_UPPER: Final = tuple(range(_LIP_POINTS))
INNER_LOWER: Final = tuple(range(_LIP_POINTS, 2 * _LIP_POINTS))


def _mirrored(places: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    return [(-x, y) for x, y in reversed(places) if x] + list(places)


def keypoint_vertices(mesh: Mesh) -> NDArray[np.int32]:
    """Vertex numbers of the keypoints in `mesh`, lips first (see INNER_UPPER, INNER_LOWER), pupils last."""
    front = np.unique(mesh.triangles[mesh.part == SKIN])
    front = front[(mesh.base[front, 2] > 0.2) & (np.abs(mesh.base[front, 0]) < 2.0)]
    chosen = _nearest(mesh, mesh.region["upper_lip"], _mirrored(_UPPER_LIP))
    chosen += _nearest(mesh, mesh.region["lower_lip"], _mirrored(_LOWER_LIP))
    chosen += _nearest(mesh, front, [*_mirrored(_REST), *_mirrored(_NECK)])
    for name in _EYES:
        eye = mesh.region[name]
        chosen.append(int(eye[np.argmax(mesh.base[eye, 2])]))
    return np.array(list(dict.fromkeys(chosen)), dtype=np.int32)


def _nearest(mesh: Mesh, among: NDArray[np.int32], places: list[tuple[float, float]]) -> list[int]:
    """The vertex nearest to each place; of vertices behind one another the foremost: the one seen."""
    across = mesh.base[among, None, :2] - np.array(places, dtype=np.float32)
    cost = np.hypot(across[..., 0], across[..., 1]) - 0.15 * mesh.base[among, 2][:, None]
    return [int(vertex) for vertex in among[cost.argmin(axis=0)]]
