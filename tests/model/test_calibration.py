"""Scores become likelihood ratios that mean what they say and never say more than the data carry."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
import scipy.stats
from sklearn.linear_model import LogisticRegression

from model.calibration import (
    Comparisons,
    Supply,
    calibrate,
    fit_calibration,
    pair_scores,
    read_calibration,
    thinned,
)
from model.likelihood import cllr
from model.logistic import fit_logistic


def people(seed: int, n: int = 12, videos: int = 6, apart: float = 0.6, habit: float = 0.05) -> Comparisons:
    """Scores of ``n`` people, each with a bias of their own, so that pairs of one person hang together."""
    random = np.random.default_rng(seed)
    names = np.array([f"p{i:02d}" for i in range(n)])
    bias = random.normal(0, habit, n)
    left, right = (side.ravel() for side in np.meshgrid(np.arange(n), np.arange(n)))
    left, right = np.repeat(left, videos), np.repeat(right, videos)
    mean = np.where(left == right, -1.0, -1.0 - apart)
    score = mean + bias[left] + bias[right] + random.normal(0, 0.3, len(left))
    return Comparisons(score, names[left], names[right])


def test_pairs_are_the_protocols() -> None:
    random = np.random.default_rng(0)
    embeddings = random.normal(size=(12, 4))
    targets = [str(n) for n in random.integers(0, 2, 12)]
    drivers = [str(n) for n in random.integers(0, 2, 12)]
    wanted = []
    for a, b in itertools.permutations(range(12), 2):
        if targets[a] != targets[b] or drivers[a] != targets[a]:
            continue
        if drivers[b] != targets[b] or a < b:
            wanted.append((-math.dist(embeddings[a], embeddings[b]), drivers[a], drivers[b]))
    found = pair_scores(embeddings, targets, drivers)
    pairs = sorted(zip(found.score.tolist(), found.left.tolist(), found.right.tolist(), strict=True))
    assert [p[1:] for p in pairs] == [w[1:] for w in sorted(wanted)]
    np.testing.assert_allclose([p[0] for p in pairs], [w[0] for w in sorted(wanted)])


@pytest.mark.parametrize("seed", range(3))
def test_fit_is_scikit_learns_on_the_standardised_score(seed: int) -> None:
    data = people(seed)
    weights = np.random.default_rng(seed).integers(0, 3, (3, len(data.score))).astype(float)
    weights = np.vstack((np.ones(len(data.score)), weights))
    found = fit_logistic(data.score, data.same, weights)
    x = (data.score - data.score.mean()) / data.score.std()
    for weight, (slope, intercept) in zip(weights, found, strict=True):
        repeated = np.repeat(np.arange(len(x)), weight.astype(int))
        fit = LogisticRegression(class_weight="balanced", tol=1e-10, max_iter=1000)
        fit.fit(x[repeated, None], data.same[repeated])
        wanted = (fit.coef_[0, 0] * x + fit.intercept_[0]) / math.log(10)
        np.testing.assert_allclose(slope * data.score + intercept, wanted, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_cllr_is_within_two_per_cent_of_that_of_lirs_calibrator(seed: int) -> None:
    oracle = pytest.importorskip("lir.algorithms.logistic_regression")
    data = people(seed)
    fitted = calibrate(data)
    assert fitted is not None
    calibration = fitted[0]
    own = calibration.slope * data.score + calibration.intercept
    theirs = oracle.LogitCalibrator(C=1e6).fit(data.score, data.same.astype(int)).transform(data.score)
    same = data.same
    assert cllr(own[same], own[~same]) == pytest.approx(cllr(theirs[same], theirs[~same]), rel=0.02)


def test_likelihood_ratio_of_two_normals_is_recovered() -> None:
    """Scores N(−1, 0.3) and N(−1.5, 0.3): ln LR = (0.5 / 0.09)(s + 1.25), whatever the counts."""
    data = people(0, n=40, videos=40, apart=0.5, habit=0.0)
    fitted = calibrate(data)
    assert fitted is not None
    slope = 0.5 / 0.09 / math.log(10)
    assert fitted[0].slope == pytest.approx(slope, rel=0.06)
    assert -fitted[0].intercept / fitted[0].slope == pytest.approx(-1.25, rel=0.02)
    assert fitted[0].n_same_drivers == fitted[0].n_different_drivers == 40


@pytest.mark.parametrize("apart", [0.2, 0.6, 5.0])
def test_likelihood_ratios_never_pass_the_bound(apart: float) -> None:
    data = people(1, apart=apart)
    fitted = calibrate(data)
    assert fitted is not None
    calibration, left_out = fitted
    limit = math.log10(12 + 1)
    assert -limit <= calibration.low <= 0 <= calibration.high <= limit
    everywhere = np.linspace(-50, 50, 301)
    for score in everywhere:
        ends = calibration.interval(score)
        if ends is not None:
            assert calibration.low <= ends[0] <= calibration.llr(score) <= ends[1] <= calibration.high
    assert left_out.min() >= calibration.low
    assert left_out.max() <= calibration.high


def with_strangers(known: int, strangers: int, *, one_side: bool) -> Comparisons:
    """Well separated scores of ``known`` people and of others who are never compared with themselves.

    One side: every stranger meets the known people only, and none of them meets the strangers.
    """
    random = np.random.default_rng(0)
    names = np.array([f"p{i:02d}" for i in range(known + strangers)])
    pairs = [
        (a, b)
        for a in range(len(names))
        for b in range(known if one_side else len(names))
        for _ in range(7 if a < known and b < known else 1)
        if a != b or a < known
    ]
    left, right = (np.array(side) for side in zip(*pairs, strict=True))
    score = np.where(left == right, -1.0, -3.0) + random.normal(0, 0.1, len(pairs))
    return Comparisons(score, names[left], names[right])


@pytest.mark.parametrize("strangers", [0, 20, 60])
def test_strangers_lend_no_strength_against_a_driver(strangers: int) -> None:
    """How seldom one driver scores so low, only the drivers with a same-driver comparison show."""
    for one_side in (False, True):
        data = with_strangers(5, strangers, one_side=one_side)
        fitted = calibrate(data)
        assert fitted is not None
        assert -math.log10(5 + 1) <= fitted[0].low < -0.7
        assert fitted[1].min() == fitted[0].low
        people = 5 if one_side else 5 + strangers
        assert 0.7 < fitted[0].high <= math.log10(people + 1)
        assert fitted[1].max() == fitted[0].high
        assert (fitted[0].n_same_drivers, fitted[0].n_different_drivers) == (5, people)


def test_at_the_bound_there_is_no_interval_rather_than_one_without_width() -> None:
    fitted = calibrate(people(1, apart=1.5))
    assert fitted is not None
    calibration = fitted[0]
    tail = scipy.stats.norm.cdf(np.sqrt(12 / 11) * scipy.stats.t.ppf(0.025, 11))  # of twelve people
    sides = set()
    for score in np.linspace(-6, 3, 200):
        drawn = np.clip(calibration.draws @ np.array([score, 1.0]), calibration.low, calibration.high)
        ends = {*np.quantile(drawn, (tail, 1 - tail)).tolist(), calibration.llr(score)}
        if len(ends) == 1:
            assert calibration.interval(score) is None
            assert ends == {math.copysign(calibration.bound(score), calibration.llr(score))}
            sides.add(calibration.llr(score) > 0)
        else:
            assert calibration.interval(score) == pytest.approx((min(ends), max(ends)))
    assert sides == {False, True}


def test_bound_is_that_of_the_side_the_score_points_to() -> None:
    """Where the data carry nothing below 0, a score that points there is given 0 and no room above."""
    fitted = calibrate(people(1))
    assert fitted is not None
    nothing_below = dataclasses.replace(fitted[0], low=0.0)
    middle = -fitted[0].intercept / fitted[0].slope
    assert nothing_below.llr(middle - 1) == nothing_below.bound(middle - 1) == 0
    assert nothing_below.bound(middle + 1) == fitted[0].high > 0
    nothing_above = dataclasses.replace(fitted[0], high=0.0)
    assert nothing_above.llr(middle + 1) == nothing_above.bound(middle + 1) == 0
    assert nothing_above.bound(middle - 1) == -fitted[0].low > 0


def test_data_that_carry_nothing_on_either_side_calibrate_nothing() -> None:
    found = [calibrate(people(seed, n=6, apart=0.05)) for seed in (3, 12, 14, 19)]
    assert found[:3] == [None] * 3
    assert found[3] is not None
    assert found[3][0].low == 0 < found[3][0].high
    stated = fit_calibration(people(3))
    assert stated is not None
    assert read_calibration(stated | {"llr_low": 0.0}) is not None
    assert read_calibration(stated | {"llr_low": 0.0, "llr_high": 0.0}) is None


@pytest.mark.parametrize("seed", range(6))
def test_shuffled_labels_say_next_to_nothing(seed: int) -> None:
    data = people(seed)
    order = np.random.default_rng(seed).permutation(len(data.score))
    shuffled = dataclasses.replace(data, score=data.score[order])
    fitted = calibrate(shuffled)
    if fitted is None:  # the slope fell: refused
        return
    calibration, left_out = fitted
    assert max(abs(left_out)) < 0.2
    assert all(abs(calibration.llr(score)) < 0.2 for score in np.linspace(-3, 1, 50))


def test_interval_is_wider_when_people_differ_and_the_same_every_time() -> None:
    alike, unlike = calibrate(people(2, habit=0.0)), calibrate(people(2, habit=0.25))
    assert alike is not None
    assert unlike is not None
    widths = [np.ptp(c[0].draws @ np.array([-1.3, 1.0])) for c in (alike, unlike)]
    assert widths[1] > 1.3 * widths[0]
    again = calibrate(people(2, habit=0.0))
    assert again is not None
    np.testing.assert_array_equal(again[0].draws, alike[0].draws)


def test_interval_of_few_people_holds_the_truth_as_often_as_it_says() -> None:
    """Scores of endless people of the same kind are the truth; plain percentiles of six held 87 of 100."""
    random, n = np.random.default_rng(0), 100_000
    spread = [math.hypot(0.3, 2 * 0.05), math.hypot(0.3, math.sqrt(2) * 0.05)]
    score = np.concatenate((random.normal(-1, spread[0], n), random.normal(-1.4, spread[1], n)))
    ((slope, intercept),) = fit_logistic(score, np.arange(2 * n) < n, np.ones((1, 2 * n)))
    held = []
    for seed in range(60):
        fitted = calibrate(people(seed, n=6, apart=0.4))
        assert fitted is not None
        for asked in (-1.0, -1.2, -1.4, -1.7):
            ends = fitted[0].interval(asked)
            if ends is not None:
                truth = np.clip(slope * asked + intercept, fitted[0].low, fitted[0].high)
                held.append(ends[0] <= truth <= ends[1])
    assert len(held) > 200
    assert np.mean(held) > 0.92


def test_nothing_to_fit_gives_no_calibration() -> None:
    data = people(0)
    for kind in (data.same, ~data.same):
        assert calibrate(Comparisons(data.score[kind], data.left[kind], data.right[kind])) is None
    assert calibrate(dataclasses.replace(data, score=-data.score)) is None
    assert fit_calibration(Comparisons(np.empty(0), np.empty(0, str), np.empty(0, str))) is None


def test_calibration_travels_in_a_model_file() -> None:
    stated = fit_calibration(people(3))
    assert stated is not None
    written = json.loads(json.dumps(stated))
    found = read_calibration(written)
    fitted = calibrate(people(3))
    assert found is not None
    assert fitted is not None
    assert found.llr(-1.2) == fitted[0].llr(-1.2)
    assert found.interval(-1.2) == pytest.approx(fitted[0].interval(-1.2), abs=1e-5)


@pytest.mark.parametrize(
    "broken",
    [{"slope": -1.0}, {"draws": [[1.0]]}, {"draws": []}, {"clips": 4}, {"llr_low": "x"}, {"cllr": None}],
)
def test_calibration_of_another_form_is_not_used(broken: dict[str, object]) -> None:
    stated = fit_calibration(people(3))
    assert stated is not None
    assert read_calibration(stated | broken) is None
    assert read_calibration({"slope": 1.0, "intercept": 0.0}) is None


@pytest.mark.parametrize(
    ("n", "videos", "carried"), [(4, 1, False), (4, 40, False), (5, 5, False), (5, 6, True), (6, 5, True)]
)
def test_model_carries_a_calibration_from_thirty_pairs_of_five_people_on(
    n: int, videos: int, carried: bool
) -> None:
    data = people(0, n=n, videos=videos, apart=1.5)
    assert calibrate(data) is not None
    stated = fit_calibration(data)
    assert (stated is not None) == carried
    if stated is not None:
        assert (stated["same_driver_pairs"], stated["identities_in_both"]) == (n * videos, n)
        assert read_calibration(stated) is not None


def test_driver_with_pairs_of_one_kind_only_does_not_count_towards_the_floor() -> None:
    """Five have pairs of their own, four of them meet others: too few, whoever else is there."""
    data = people(0, n=8, videos=10, apart=1.5)
    left, same = data.left, data.same
    kept = np.where(same, left < "p05", (left != "p04") & (left < "p05"))
    chosen = Comparisons(data.score[kept], left[kept], data.right[kept])
    assert chosen.supply == Supply(50, 280, 4)
    assert calibrate(chosen) is not None
    assert fit_calibration(chosen) is None


def test_a_surplus_of_one_kind_is_thinned_and_the_other_kept() -> None:
    data = people(0, n=40, videos=4)
    chosen = thinned(data)
    assert data.same[chosen].sum() == data.same.sum() == 160
    assert (~data.same[chosen]).sum() == 5_000
