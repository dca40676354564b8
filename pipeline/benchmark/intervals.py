"""The protocol's AUC taken apart, and its 95 % interval over identities as targets and as drivers at once.

Pairs that share a video, a target or a driver are not independent; DeLong's interval would assume so.
How identities are drawn, and when there is no interval, is `model.resampling`'s, shared with the report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist

from model.protocol import half_wins
from model.resampling import (
    FEWEST_IDENTITIES,
    identity_draws,
    mean_over_targets,
    percentile_interval,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """A target identity that can be measured: its AUC, videos, and every score of its pairs."""

    name: str
    auc: float
    n_self: int
    n_cross: int
    positives: Floats
    negatives: Floats


@dataclass(frozen=True)
class Parts:
    """The protocol's AUC taken apart, one row a target that can be measured.

    Per target (rows) and impostor (columns, numbered as the identities): pairs ``count`` and AUC ``auc``
    against this one alone. ``target_of`` numbers the identities behind the rows; ``n_identities`` are all
    there are. ``left_out``: target -> why it is not measured.
    """

    count: Floats
    auc: Floats
    target_of: NDArray[np.intp]
    n_identities: int
    targets: tuple[Target, ...]
    left_out: dict[str, str]

    @property
    def mean(self) -> float:
        """Unweighted mean of the targets' AUCs; NaN without a target."""
        return float(np.mean([one.auc for one in self.targets])) if self.targets else float("nan")

    @property
    def positives(self) -> Floats:
        """Scores of all self × self pairs."""
        return np.concatenate([np.empty(0), *(one.positives for one in self.targets)])

    @property
    def negatives(self) -> Floats:
        """Scores of all self × cross pairs."""
        return np.concatenate([np.empty(0), *(one.negatives for one in self.targets)])


#: Scores of one target: of its self × self pairs; of its self × cross pairs, one cross-reenactment after the
#: other in the order given; and how many each cross-reenactment has.
Scorer = Callable[[NDArray[np.intp], NDArray[np.intp]], tuple[Floats, Floats, NDArray[np.intp]]]


def by_distance(vectors: Floats, probes: Floats | None = None) -> Scorer:
    """Scores of embeddings [N, D]: minus the Euclidean distance.

    With ``probes`` (the same videos altered, [N, D]) the first video of a pair is the clean one and the
    second the altered one, so every pair of self-reenactments is scored both ways.
    """

    def score(own: NDArray[np.intp], other: NDArray[np.intp]) -> tuple[Floats, Floats, NDArray[np.intp]]:
        asked = vectors if probes is None else probes
        # Difference by difference, not by the Gram matrix: equal embeddings must be at distance 0.
        negatives = -cdist(asked[other], vectors[own])
        if probes is None:
            positives = -pdist(vectors[own])
        else:
            positives = -cdist(vectors[own], probes[own])[~np.eye(len(own), dtype=bool)]
        return positives, negatives.ravel(), np.full(len(other), len(own))

    return score


def parts(
    score: Scorer, target: NDArray[np.str_], driver: NDArray[np.str_], chosen: NDArray[np.bool_]
) -> Parts:
    """Decompose the protocol's AUC over the chosen videos; the arrays have one entry a video."""
    identities, numbers = np.unique(np.concatenate([target, driver]), return_inverse=True)
    of_target, of_driver = numbers[: len(target)], numbers[len(target) :]
    rows: list[tuple[int, Floats, Floats]] = []
    targets: list[Target] = []
    left_out: dict[str, str] = {}
    for number in np.unique(of_target[chosen]):
        here = chosen & (of_target == number)
        own, other = (
            np.flatnonzero(here & (of_driver == number)),
            np.flatnonzero(here & (of_driver != number)),
        )
        name = str(identities[number])
        if len(own) < 2:
            left_out[name] = f"{len(own)} self-reenactments, at least 2 needed"
            continue
        if not len(other):
            left_out[name] = "no cross-reenactments"
            continue
        other = other[np.argsort(of_driver[other], kind="stable")]  # an impostor's scores lie together
        positives, negatives, counts = score(own, other)
        if not len(positives) or not len(negatives):
            left_out[name] = "no scored pair of " + (
                "two self-" if not len(positives) else "self- and cross-"
            )
            left_out[name] += "reenactments"
            continue
        same, ends = np.sort(positives), np.concatenate([[0], np.cumsum(counts)])
        count, value = np.zeros(len(identities)), np.zeros(len(identities))
        impostors, starts = np.unique(of_driver[other], return_index=True)
        for impostor, start, end in zip(impostors, starts, [*starts[1:], len(other)], strict=True):
            against = negatives[ends[start] : ends[end]]
            if len(against):
                count[impostor] = len(against)
                value[impostor] = half_wins(same, against) / (2 * len(same) * len(against))
        rows.append((number, count, value))
        whole = float((count * value).sum() / count.sum())
        targets.append(Target(name, whole, len(own), len(other), same, negatives))
    size = (len(rows), len(identities))
    return Parts(
        np.array([count for _, count, _ in rows]).reshape(size),
        np.array([value for _, _, value in rows]).reshape(size),
        np.array([number for number, _, _ in rows], dtype=np.intp),
        len(identities),
        tuple(targets),
        left_out,
    )


def weighted_auc(found: Parts, weights: Floats) -> Floats:
    """AUC for each row of identity weights [draws, identities]; NaN where a draw leaves nothing."""
    return mean_over_targets(found.count, found.auc, found.target_of, weights)


def _fewest_targets(side: list[Parts]) -> int:
    return min((len(found.targets) for found in side), default=0)


def joint_interval(some: list[Parts], less: list[Parts] | None = None) -> tuple[float, float]:
    """95 % percentile interval of the mean of several AUCs over the same identities.

    With ``less``, of that mean minus the mean of those, each draw of identities serving both. NaN where
    one of them has fewer than ``FEWEST_IDENTITIES`` targets, where more than a tenth of the draws leave
    one without an impostor, and where all draws agree: what was not seen has no interval.
    """
    sides = [[found for found in side if found.targets] for side in (some, *([less] if less else []))]
    fewest = min(_fewest_targets(side) for side in sides)
    if fewest < FEWEST_IDENTITIES:
        return float("nan"), float("nan")
    weights = identity_draws(sides[0][0].n_identities)
    means = [np.mean([weighted_auc(found, weights) for found in side], axis=0) for side in sides]
    found = percentile_interval(means[0] - means[1] if less else means[0], fewest)
    if found.low is None or found.high is None:
        return float("nan"), float("nan")
    return found.low, found.high


def jackknife_interval(some: list[Parts]) -> tuple[float, float]:
    """95 % normal interval from leaving out one identity at a time, as target and as driver; cross-check.

    Cut at 0 and 1. NaN where there is no joint interval: fewer than ``FEWEST_IDENTITIES`` targets, an
    identity without which nothing is left to measure, or no spread.
    """
    usable = [found for found in some if found.targets]
    if _fewest_targets(usable) < FEWEST_IDENTITIES:
        return float("nan"), float("nan")
    n = usable[0].n_identities
    every = float(np.mean([weighted_auc(found, np.ones((1, n)))[0] for found in usable]))
    without = np.mean([weighted_auc(found, 1 - np.eye(n)) for found in usable], axis=0)
    error = 1.959964 * np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2))
    if not error > 0:  # NaN too
        return float("nan"), float("nan")
    return max(0.0, every - error), min(1.0, every + error)
