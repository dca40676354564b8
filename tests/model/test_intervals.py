"""Intervals over identities as targets and as drivers, against definitions written out as loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from model.intervals import jackknife_interval, joint_interval, weighted_auc
from model.protocol import evaluate
from model.resampling import FEWEST_IDENTITIES, Interval, Why, expanded_tail, identity_draws
from model.target_auc import Parts, by_distance, parts

Floats = NDArray[np.float64]


def people(seed: int, n: int = 8, videos: int = 3) -> tuple[Floats, NDArray[np.str_], NDArray[np.str_]]:
    """Every target driven by itself and by everybody else; an embedding is its driver's place plus noise."""
    random = np.random.default_rng(seed)
    place = random.normal(size=(n, 4))
    rows = [(t, d) for t in range(n) for d in range(n) for _ in range(videos if t == d else 1)]
    vectors = np.array([place[d] + 1.5 * random.normal(size=4) for _, d in rows])
    names = np.array([[f"p{t:02}", f"p{d:02}"] for t, d in rows])
    return vectors, names[:, 0], names[:, 1]


def taken_apart(vectors: Floats, target: NDArray[np.str_], driver: NDArray[np.str_]) -> Parts:
    """All videos, by distance."""
    return parts(by_distance(vectors), target, driver, np.ones(len(target), bool))


def width(interval: Interval) -> float:
    assert interval.low is not None and interval.high is not None
    return interval.high - interval.low


def loop_auc(
    vectors: Floats, target: NDArray[np.str_], driver: NDArray[np.str_], weight: dict[str, float]
) -> float:
    """The protocol with identities counted by weight, as loops."""
    total = share = 0.0
    for name in np.unique(target):
        own = [i for i in range(len(target)) if target[i] == name == driver[i]]
        other = [i for i in range(len(target)) if target[i] == name != driver[i]]
        same = [-math.dist(vectors[a], vectors[b]) for a, b in itertools.combinations(own, 2)]
        wins = pairs = 0.0
        for a, b in itertools.product(own, other):
            score, w = -math.dist(vectors[a], vectors[b]), weight[driver[b]]
            wins += w * sum((s > score) + 0.5 * (s == score) for s in same)
            pairs += w * len(same)
        if pairs:
            total += weight[name] * wins / pairs
            share += weight[name]
    return total / share if share else math.nan


def test_unit_weights_give_the_protocols_auc() -> None:
    vectors, target, driver = people(0)
    found = taken_apart(vectors, target, driver)
    wanted = loop_auc(vectors, target, driver, dict.fromkeys(np.unique(target), 1.0))
    assert weighted_auc(found, np.ones((1, 8)))[0] == pytest.approx(wanted, abs=1e-12)
    assert found.mean == pytest.approx(wanted, abs=1e-12)


def test_a_draw_of_identities_counts_each_as_often_as_it_was_drawn() -> None:
    vectors, target, driver = people(1)
    found = taken_apart(vectors, target, driver)
    draws = identity_draws(8, 6)
    assert (draws.sum(axis=1) == 8).all()
    for weights, value in zip(draws, weighted_auc(found, draws), strict=True):
        by_name = dict(zip(np.unique(target), weights, strict=True))
        assert value == pytest.approx(loop_auc(vectors, target, driver, by_name), abs=1e-12)


def test_leaving_an_identity_out_leaves_it_out_as_target_and_as_driver() -> None:
    vectors, target, driver = people(2)
    found = taken_apart(vectors, target, driver)
    for number, value in enumerate(weighted_auc(found, 1 - np.eye(8))):
        name = f"p{number:02}"
        kept = (target != name) & (driver != name)
        others = dict.fromkeys(np.unique(target[kept]), 1.0)
        assert value == pytest.approx(loop_auc(vectors[kept], target[kept], driver[kept], others), abs=1e-12)


def test_interval_is_the_percentiles_of_the_loops_over_drawn_identities() -> None:
    vectors, target, driver = people(5, n=5)
    names = np.unique(target)
    draws = identity_draws(5)
    distinct, place = np.unique(draws, axis=0, return_inverse=True)  # five identities: 126 at the most
    of_distinct = [loop_auc(vectors, target, driver, dict(zip(names, row, strict=True))) for row in distinct]
    values = np.array(of_distinct)[place.ravel()]
    tail = expanded_tail(5)
    wanted = np.nanquantile(values, (tail, 1 - tail))
    found = joint_interval([taken_apart(vectors, target, driver)])
    assert (found.low, found.high) == pytest.approx(wanted, abs=1e-12)
    pooled = evaluate(vectors, target.tolist(), driver.tolist(), ["g"] * len(target)).pooled
    assert (pooled.low, pooled.high, pooled.why_no_interval) == (found.low, found.high, None)
    assert pooled.low < pooled.auc < pooled.high


def test_bootstrap_and_jackknife_agree() -> None:
    vectors, target, driver = people(3, n=30)
    found = taken_apart(vectors, target, driver)
    assert width(joint_interval([found])) == pytest.approx(width(jackknife_interval([found])), rel=0.25)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """The truth is the mean over many corpora of the same kind; 95 % intervals of 120 small ones."""
    every: list[float] = []
    intervals = []
    for seed in range(120):
        vectors, target, driver = people(1000 + seed, n=20)
        found = taken_apart(vectors, target, driver)
        every.append(float(weighted_auc(found, np.ones((1, 20)))[0]))
        intervals.append(joint_interval([found]))
    truth = float(np.mean(every))
    hits = sum(one.low is not None and one.low <= truth <= one.high for one in intervals)
    assert hits / len(intervals) > 0.88
    # Not by being absurdly wide: the widths match the spread of the estimates.
    assert np.mean([width(one) for one in intervals]) < 1.5 * 2 * 1.96 * np.std(every)


def test_too_few_targets_carry_no_interval() -> None:
    vectors, target, driver = people(4, n=FEWEST_IDENTITIES - 1)
    found = taken_apart(vectors, target, driver)
    assert joint_interval([found]) == jackknife_interval([found]) == Interval(why="few_clusters")


def impostors_only(
    seed: int, impostors: int, noise: float
) -> tuple[Floats, NDArray[np.str_], NDArray[np.str_]]:
    """Six targets driven by themselves and by the same few others, who own no face."""
    random = np.random.default_rng(seed)
    names = [f"t{n}" for n in range(6)]
    others = [f"x{n}" for n in range(impostors)]
    place = {name: random.normal(size=8) for name in names + others}
    rows = [(t, d) for t in names for d in (t, *others) for _ in range(3)]
    vectors = np.array([place[d] + noise * random.normal(size=8) for _, d in rows])
    return vectors, np.array([t for t, _ in rows]), np.array([d for _, d in rows])


@pytest.mark.parametrize(
    ("impostors", "noise", "why", "why_jackknife"),
    [
        pytest.param(
            5, 0.01, "no_overlap", "no_spread", id="nothing overlaps: what was not seen has no interval"
        ),
        pytest.param(
            1,
            1.5,
            "lost_draws",
            "lost_draws",
            id="one impostor: in a third of the draws nobody to compare with",
        ),
    ],
)
def test_no_interval_where_the_draws_cannot_tell(
    impostors: int, noise: float, why: Why, why_jackknife: Why
) -> None:
    vectors, target, driver = impostors_only(0, impostors, noise)
    found = taken_apart(vectors, target, driver)
    assert found.mean > 0.7
    assert joint_interval([found]) == Interval(why=why)
    assert jackknife_interval([found]) == Interval(why=why_jackknife)


def test_no_end_of_an_interval_lies_beyond_what_an_auc_can_be() -> None:
    ends = []
    for seed in range(4):
        vectors, target, driver = impostors_only(seed, 3, 0.8)
        found = taken_apart(vectors, target, driver)
        ends += [
            end
            for one in (joint_interval([found]), jackknife_interval([found]))
            for end in (one.low, one.high)
        ]
    assert max(ends) == 1 and min(ends) >= 0
