"""The score of two videos is plain geometry on mean embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from model.similarity import similarity, unit_mean


def test_score_is_minus_the_distance_of_unit_means() -> None:
    assert similarity(unit_mean(np.array([[3.0, 0]])), unit_mean(np.array([[0, 5.0]]))) == pytest.approx(
        -(2**0.5)
    )
    assert similarity(unit_mean(np.array([[1.0, 1]])), unit_mean(np.array([[2.0, 2]]))) == 0


def test_mean_of_opposite_embeddings_has_no_direction_and_stays_nought() -> None:
    assert (unit_mean(np.array([[1.0, 0], [-1.0, 0]])) == 0).all()
    found = unit_mean(np.array([[3, 0], [0, 3]], np.float32))
    assert found.dtype == np.float64
    assert found == pytest.approx([0.5**0.5, 0.5**0.5], abs=1e-12)
