"""Area under the curve and equal error rate of scores, against an independent implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from model.roc import auc, eer

scores = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=20)


@given(scores, scores)
def test_auc_of_scores_equals_scikit_learn(positives: list[float], negatives: list[float]) -> None:
    labels = [1] * len(positives) + [0] * len(negatives)
    assert auc(positives, negatives) == pytest.approx(roc_auc_score(labels, positives + negatives), abs=1e-12)


@given(scores, scores)
def test_equal_error_rate_lies_between_the_two_rates_at_its_threshold(
    positives: list[float], negatives: list[float]
) -> None:
    found = eer(positives, negatives)
    match, other = np.array(positives), np.array(negatives)

    def rates(threshold: float) -> tuple[float, float]:
        return float((match < threshold).mean()), float((other >= threshold).mean())

    missed, accepted = rates(found.threshold)
    assert missed >= accepted
    assert accepted - 1e-12 <= found.rate <= missed + 1e-12


def test_equal_error_rate_of_known_cases() -> None:
    assert eer([2, 3], [0, 1]).rate == 0
    assert eer([0, 1], [2, 3]).rate == 1
    assert eer([1, 1], [1, 1]).rate == 0.5
    random = np.random.default_rng(0)
    # Two unit normals two standard deviations apart: the rates meet at Φ(−1).
    found = eer(random.normal(2, 1, 200_000), random.normal(0, 1, 200_000))
    assert found.rate == pytest.approx(0.158655, abs=2e-3)
    assert found.threshold == pytest.approx(1, abs=1e-2)
    assert math.isnan(auc([], [1])) and math.isnan(eer([1], []).rate)
