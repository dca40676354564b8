"""The score of two videos: minus the distance of the unit means of their windows' embeddings.

A case's scores and what the report lays beside them are made by the same two functions, or they could not be
laid beside one another.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


def unit_mean(vectors: npt.NDArray[np.floating]) -> Vector:
    """Mean of ``vectors`` (n, d) scaled to unit length, in float64."""
    mean: Vector = np.asarray(vectors, np.float64).mean(axis=0)
    norm = float(np.linalg.norm(mean))
    return mean / norm if norm > 0 else mean


def similarity(left: Vector, right: Vector) -> float:
    """Minus the Euclidean distance of two embeddings."""
    return -float(np.linalg.norm(left - right))
