"""Measures of likelihood ratios agree with `lir`, the reference of the Netherlands Forensic Institute."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from model.likelihood import cllr, cllr_min, elub, pav, tippett

SEEDS = range(4)


def llrs(seed: int, n_same: int = 60, n_different: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """log10 LRs of two normals with overlap, some of them equal."""
    random = np.random.default_rng(seed)
    same, different = random.normal(0.8, 0.9, n_same), random.normal(-0.8, 0.9, n_different)
    return same.round(2), different.round(2)


@pytest.mark.parametrize("seed", SEEDS)
def test_cllr_and_cllr_min_are_those_of_lir(seed: int) -> None:
    metrics = pytest.importorskip("lir.metrics")
    from lir.data.models import LLRData

    same, different = llrs(seed)
    truth = np.repeat((1, 0), (len(same), len(different)))
    data = LLRData(features=np.concatenate((same, different)), labels=truth)
    assert cllr(same, different) == pytest.approx(metrics.cllr(data), rel=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert cllr_min(same, different) == pytest.approx(metrics.cllr_min(data), rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_elub_is_that_of_lir(seed: int) -> None:
    oracle = pytest.importorskip("lir.algorithms.bayeserror")
    for n_same, n_different, shift in ((60, 900, 0.0), (8, 20, 0.0), (40, 40, 3.0), (30, 30, -2.0)):
        same, different = llrs(seed, n_same, n_different)
        same = same + shift + 0.0037  # off the grid: there two roundings of a threshold part
        different = different + 0.0037
        truth = np.repeat((1, 0), (len(same), len(different)))
        wanted = oracle.elub(np.concatenate((same, different)), truth)
        assert elub(same, different) == pytest.approx(wanted, abs=0.0101)  # one step of the search


@pytest.mark.parametrize("seed", SEEDS)
def test_pav_is_that_of_lir(seed: int) -> None:
    oracle = pytest.importorskip("lir.algorithms.isotonic_regression")
    same, different = llrs(seed)
    truth = np.repeat((1, 0), (len(same), len(different)))
    values = np.concatenate((same, different))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        wanted = oracle.IsotonicCalibrator().fit_transform(values, truth)
    order = np.argsort(values, kind="stable")
    found = pav(same, different)
    np.testing.assert_allclose(found.llr, wanted[order], atol=1e-9)
    np.testing.assert_array_equal(found.value, values[order])


def test_pav_is_scikit_learns_isotonic_regression() -> None:
    same, different = llrs(9, 50, 50)
    truth = np.repeat((1.0, 0.0), 50)
    values = np.concatenate((same, different))
    chance = np.sort(IsotonicRegression().fit(values, truth).predict(values))
    found = pav(same, different)
    np.testing.assert_allclose(1 / (1 + 10**-found.llr), chance, atol=1e-12)
    assert (found.llr[1:] >= found.llr[:-1]).all()


def test_lr_of_one_costs_one_and_certainty_that_is_right_costs_nothing() -> None:
    assert cllr([0.0], [0.0]) == pytest.approx(1)
    assert cllr([np.inf], [-np.inf]) == 0
    assert cllr([-np.inf], [0.0]) == np.inf
    assert math.isnan(cllr([], [0.0]))
    assert cllr_min([3.0, 4.0], [1.0, 2.0]) == 0


def test_tippett_curves_count_the_comparisons_at_or_above() -> None:
    found = tippett([0.0, 1.0, 1.0, 2.0], [-1.0, 0.0])
    assert found.llr.tolist() == [-1, 0, 1, 2]
    assert found.same.tolist() == [1, 1, 0.75, 0.25]
    assert found.different.tolist() == [1, 0.5, 0, 0]


def test_elub_of_useless_likelihood_ratios_is_zero() -> None:
    random = np.random.default_rng(0)
    assert elub(random.normal(size=50) * 2, random.normal(size=50) * 2) == pytest.approx((0, 0), abs=0.05)
