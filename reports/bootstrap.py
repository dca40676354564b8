"""Intervals of an AUC by resampling people, not pairs.

A person drawn k times counts k times in every group of pairs the person stands in, so that a pair counts
as often as the product of its two ends' draws. When there is no interval `model.resampling` says, for
the benchmark too. Percentiles of draws from a fixed seed: the same data give the same interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.resampling import (
    FEWEST_IDENTITIES,
    Interval,
    identity_draws,
    mean_over_targets,
    pair_weights,
    percentile_interval,
)
from model.roc import half_wins

RESAMPLES: Final = 1000  # of pairs one by one; a mean over groups whose own driver is known costs less
_HELD: Final = 4_000_000  # weights held at once: 32 MB

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def weighted_auc(scores: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    """AUC for each row of ``weights`` (R, P); scores and labels are (P,). NaN where a class has no weight."""
    order = np.argsort(scores, kind="stable")
    ordered, label = scores[order], positive[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    values = np.empty(len(weights))
    for i, row in enumerate(weights):
        weight = row[order]
        negatives = np.cumsum(np.where(label, 0.0, weight))[ends]
        positives = np.diff(np.cumsum(np.where(label, weight, 0.0))[ends], prepend=0.0)
        below = np.concatenate(([0.0], negatives[:-1]))
        total = positives.sum() * negatives[-1]
        values[i] = (positives * (below + negatives)).sum() / (2 * total) if total > 0 else np.nan
    return values


@dataclass(frozen=True)
class Compared:
    """Scored pairs: whether of one driver, and the people at their two ends, as numbers; all (P,).

    ``own``: the driver whose pairs the positives are; None where they are of several.
    """

    scores: Floats
    positive: NDArray[np.bool_]
    left: Ints
    right: Ints
    own: int | None = None


def clustered_auc_interval(pairs: Compared, strata: Sequence[int]) -> Interval:
    """95 % interval of the AUC of pairs whose two ends lie in clusters.

    Clusters are numbered 0..sum(strata)-1; each stratum is drawn by itself (one person's videos in one,
    the other people in another). A pair inside one cluster is drawn as often as the cluster, a pair of
    two as often as the product.
    """
    if min(strata) < FEWEST_IDENTITIES:
        return Interval(why="few_clusters")
    n_same = len(np.union1d(pairs.left[pairs.positive], pairs.right[pairs.positive]))
    if n_same < FEWEST_IDENTITIES:
        return Interval(why="few_same")
    generator = np.random.default_rng(0)
    drawn = np.hstack([generator.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) for n in strata])
    return percentile_interval(_drawn_auc(pairs, drawn), min(n_same, *strata))


def mean_auc_interval(groups: Sequence[Compared], n_people: int) -> Interval:
    """95 % interval of the unweighted mean of the groups' AUCs, people drawn once for all groups.

    People are numbered 0..n_people-1. A group with a driver of its own counts as often as that driver was
    drawn, as in the benchmark; a group without one (a face that drives nothing) is no person and stays. A
    group left without a kind of pair is left out of that draw's mean.
    """
    if n_people < FEWEST_IDENTITIES:
        return Interval(why="few_clusters")
    n_same = len({person for one in groups for person in one.left[one.positive].tolist()})
    if n_same < FEWEST_IDENTITIES:
        return Interval(why="few_same")
    owned = [one for one in groups if one.own is not None]
    if owned:
        taken = [_by_other(one, n_people) for one in owned]
        count, value = (np.stack(side) for side in zip(*taken, strict=True))
        of_target = np.array([one.own for one in owned], np.intp)
        means = mean_over_targets(count, value, of_target, identity_draws(n_people))
        return percentile_interval(means, n_same)
    drawn = identity_draws(n_people, RESAMPLES)
    each = np.array([_drawn_auc(one, drawn) for one in groups])
    measured = np.isfinite(each)
    with np.errstate(invalid="ignore"):
        means = np.where(measured, each, 0.0).sum(axis=0) / measured.sum(axis=0)
    return percentile_interval(means, n_same)


def _drawn_auc(pairs: Compared, drawn: NDArray[np.integer] | Floats) -> Floats:
    """AUC in each draw (R, people)."""
    order = np.argsort(pairs.scores, kind="stable")
    scores, positive = pairs.scores[order], pairs.positive[order]
    left, right = pairs.left[order], pairs.right[order]
    chunk = max(1, _HELD // len(scores))
    values = []
    for start in range(0, len(drawn), chunk):
        weights = pair_weights(drawn[start : start + chunk].astype(np.float64), left, right)
        values.append(weighted_auc(scores, positive, weights))
    return np.concatenate(values)


def _by_other(pairs: Compared, n_people: int) -> tuple[Floats, Floats]:
    """A group with an own driver, taken apart by the other: pairs with each, and the AUC against these."""
    other = np.where(pairs.left == pairs.own, pairs.right, pairs.left)
    same = np.sort(pairs.scores[pairs.positive])
    count, value = np.zeros(n_people), np.zeros(n_people)
    for person in np.unique(other[~pairs.positive]):
        against = pairs.scores[~pairs.positive & (other == person)]
        count[person] = len(against)
        value[person] = half_wins(same, against) / (2 * len(same) * len(against))
    return count, value
