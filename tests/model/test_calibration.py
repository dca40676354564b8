"""Scores become likelihood ratios that mean what they say."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from model.calibration import fit_calibration, pair_scores


def test_pairs_are_the_protocols() -> None:
    random = np.random.default_rng(0)
    embeddings = random.normal(size=(12, 4))
    targets = [str(n) for n in random.integers(0, 2, 12)]
    drivers = [str(n) for n in random.integers(0, 2, 12)]
    same, different = pair_scores(embeddings, targets, drivers)
    wanted_same, wanted_different = [], []
    for a, b in itertools.permutations(range(12), 2):
        if targets[a] != targets[b] or drivers[a] != targets[a]:
            continue
        score = -math.dist(embeddings[a], embeddings[b])
        if drivers[b] != targets[b]:
            wanted_different.append(score)
        elif a < b:
            wanted_same.append(score)
    np.testing.assert_allclose(np.sort(same), np.sort(wanted_same))
    np.testing.assert_allclose(np.sort(different), np.sort(wanted_different))


def test_likelihood_ratio_of_two_normals_is_recovered() -> None:
    """Scores N(−1, 0.3) and N(−1.5, 0.3): ln LR = (0.5 / 0.09)(s + 1.25), whatever the counts."""
    random = np.random.default_rng(0)
    fit = fit_calibration(random.normal(-1, 0.3, 5_000), random.normal(-1.5, 0.3, 50_000), 9)
    assert fit is not None
    slope = 0.5 / 0.09 / math.log(10)
    assert fit["slope"] == pytest.approx(slope, rel=0.03)
    assert fit["intercept"] == pytest.approx(1.25 * slope, rel=0.03)
    assert (fit["same_driver_pairs"], fit["different_driver_pairs"], fit["identities"]) == (5_000, 50_000, 9)


def test_nothing_to_fit_gives_no_calibration() -> None:
    assert fit_calibration(np.empty(0), np.array([1.0]), 1) is None
    assert fit_calibration(np.array([0.0, 1.0]), np.array([5.0, 6.0]), 1) is None
