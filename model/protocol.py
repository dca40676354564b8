"""The paper's measure: ROC AUC per target identity, averaged without weights (section IV.B).

For each target identity, positives are all unordered pairs of its self-reenactments (driver is the
target), negatives all pairs self × cross of that target; the score is minus the Euclidean distance of
the embeddings. Training, benchmark and report share this module; it needs neither torch nor scikit-learn.

Overall, as the reference computes it, *pools* the generators: its pairs span them. Table II's
footnote calls it the *mean over generators*. Both are reported.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist, pdist

from model.resampling import (
    FEWEST_IDENTITIES,
    Interval,
    Why,
    identity_draws,
    mean_over_targets,
    percentile_interval,
)

ORIGINAL: Final = "original"  # generator of a real recording, which is neither self- nor cross-reenactment
_CHUNK_PAIRS: Final = 4_000_000  # distances held at once: 32 MB

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TargetAuc:
    """AUC of one target identity, and how many videos and pairs stand behind it."""

    target: str
    auc: float
    n_self: int
    n_cross: int
    n_positives: int
    n_negatives: int


@dataclass(frozen=True)
class MeanAuc:
    """Unweighted mean over targets, its 95 % interval, the targets, and those left out with the reason.

    ``auc`` is NaN when no target is left, the interval where there is none; ``why_no_interval`` is the
    reason, see `model.resampling.Interval`.
    """

    auc: float
    low: float
    high: float
    targets: tuple[TargetAuc, ...]
    left_out: dict[str, str]
    why_no_interval: Why | None


@dataclass(frozen=True)
class ProtocolResult:
    """``pooled`` over all generators, each generator by itself, and the mean of the latter."""

    pooled: MeanAuc
    per_generator: dict[str, MeanAuc]
    mean_over_generators: float


def evaluate(
    embeddings: npt.NDArray[np.floating],
    targets: Sequence[str],
    drivers: Sequence[str],
    generators: Sequence[str],
    *,
    with_originals: bool = False,
) -> ProtocolResult:
    """Measure embeddings, one a video, by the protocol.

    embeddings: float ``[N, D]``; the three label sequences have length N. ``with_originals`` counts
    videos of generator ``original`` as self-reenactments in the pooled figure, as the reference does;
    otherwise they are left out. Raises ValueError when lengths differ or an embedding is not finite.
    """
    vectors = np.asarray(embeddings, dtype=np.float64)
    target, driver, generator = (np.asarray(labels, dtype=str) for labels in (targets, drivers, generators))
    if vectors.ndim != 2 or not len(vectors) == len(target) == len(driver) == len(generator):
        raise ValueError(
            f"embeddings {vectors.shape} and labels ({len(target)}, {len(driver)}, {len(generator)}) "
            "must be one per video"
        )
    if not np.isfinite(vectors).all():
        raise ValueError("an embedding is not finite")
    synthetic = generator != ORIGINAL
    pooled = mean_auc(vectors, target, driver, np.ones_like(synthetic) if with_originals else synthetic)
    per_generator = {
        str(name): mean_auc(vectors, target, driver, generator == name)
        for name in np.unique(generator[synthetic])
    }
    means = [result.auc for result in per_generator.values()]
    return ProtocolResult(pooled, per_generator, float(np.mean(means)) if means else float("nan"))


def mean_auc(
    vectors: Floats,
    target: npt.NDArray[np.str_],
    driver: npt.NDArray[np.str_],
    chosen: npt.NDArray[np.bool_],
) -> MeanAuc:
    """Mean over targets of the AUC among the chosen videos; arrays have length N, vectors ``[N, D]``.

    Its interval draws identities, as targets and as drivers at once, as the benchmark's does.
    """
    identities = np.unique(np.concatenate([target, driver]))
    measured: list[TargetAuc] = []
    apart: list[tuple[int, Floats, Floats]] = []
    left_out: dict[str, str] = {}
    for name in np.unique(target[chosen]):
        own = np.flatnonzero(chosen & (target == name) & (driver == name))
        other = np.flatnonzero(chosen & (target == name) & (driver != name))
        if len(own) < 2:
            left_out[str(name)] = f"{len(own)} self-reenactments, at least 2 needed"
        elif len(other) == 0:
            left_out[str(name)] = "no cross-reenactments"
        else:
            of_impostor = {
                int(np.searchsorted(identities, impostor)): vectors[other[driver[other] == impostor]]
                for impostor in np.unique(driver[other])
            }
            found, count, value = _target_auc(str(name), vectors[own], of_impostor, len(identities))
            measured.append(found)
            apart.append((int(np.searchsorted(identities, name)), count, value))
    interval = _interval(apart, len(identities))
    return MeanAuc(
        float(np.mean([found.auc for found in measured])) if measured else float("nan"),
        float("nan") if interval.low is None else interval.low,
        float("nan") if interval.high is None else interval.high,
        tuple(measured),
        left_out,
        interval.why,
    )


def _interval(apart: list[tuple[int, Floats, Floats]], n_identities: int) -> Interval:
    """Of the mean of targets, each by its identity's number, and by impostor its pairs and AUC."""
    if len(apart) < FEWEST_IDENTITIES:
        return Interval(why="few_clusters")
    of_target, count, value = (np.array(side) for side in zip(*apart, strict=True))
    draws = mean_over_targets(count, value, of_target, identity_draws(n_identities))
    return percentile_interval(draws, len(apart))


def auc(positives: npt.ArrayLike, negatives: npt.ArrayLike) -> float:
    """P(positive > negative) + ½ P(equal) over all pairs of scores, exact; NaN when either is empty."""
    higher = np.sort(np.asarray(positives, dtype=np.float64))
    lower = np.asarray(negatives, dtype=np.float64)
    if not len(higher) or not len(lower):
        return float("nan")
    return half_wins(higher, lower) / (2 * len(higher) * len(lower))


@dataclass(frozen=True)
class EqualError:
    """Equal error rate, and the score at and above which a pair is accepted there."""

    rate: float
    threshold: float


def eer(positives: npt.ArrayLike, negatives: npt.ArrayLike) -> EqualError:
    """Where the rate of false matches equals that of false non-matches (ISO/IEC 19795-1).

    Both rates are steps over the observed scores; between the two steps where they cross, both are
    interpolated linearly. NaN when either is empty.
    """
    match = np.sort(np.asarray(positives, dtype=np.float64))
    other = np.sort(np.asarray(negatives, dtype=np.float64))
    if not len(match) or not len(other):
        return EqualError(float("nan"), float("nan"))

    def missed(threshold: float) -> float:
        return int(np.searchsorted(match, threshold, side="left")) / len(match)

    def accepted(threshold: float) -> float:
        return 1 - int(np.searchsorted(other, threshold, side="left")) / len(other)

    def crossed(threshold: float) -> bool:
        return missed(threshold) >= accepted(threshold)

    # The rates move one way only, so the first score at which they have crossed is found by halving; above
    # the highest score everything is missed.
    after = float(np.nextafter(max(match[-1], other[-1]), np.inf))
    for scores in (match, other):
        place = bisect_left(scores, True, key=crossed)
        after = min(after, float(scores[place])) if place < len(scores) else after
    ends = [(scores, int(np.searchsorted(scores, after))) for scores in (match, other)]
    below = [float(scores[end - 1]) for scores, end in ends if end]
    if not below:
        return EqualError(missed(after), after)
    before = max(below)
    gap_before = accepted(before) - missed(before)
    gap_after = missed(after) - accepted(after)
    weight = gap_before / (gap_before + gap_after)
    return EqualError(missed(before) + weight * (missed(after) - missed(before)), after)


def _target_auc(
    name: str, selves: Floats, of_impostor: dict[int, Floats], n_identities: int
) -> tuple[TargetAuc, Floats, Floats]:
    """A target's AUC; and by impostor, numbered as the identities, the pairs with it and the AUC of these."""
    # Distances are summed difference by difference, not by the Gram matrix: equal embeddings must be
    # at distance 0 and ties stay ties.
    positives = np.sort(-pdist(selves))
    count, value = np.zeros(n_identities), np.zeros(n_identities)
    wins = 0
    for impostor, crosses in of_impostor.items():
        rows = max(1, _CHUNK_PAIRS // len(crosses))
        won = sum(
            half_wins(positives, -cdist(selves[start : start + rows], crosses).ravel())
            for start in range(0, len(selves), rows)
        )
        count[impostor] = len(selves) * len(crosses)
        value[impostor] = won / (2 * len(positives) * count[impostor])
        wins += won
    n_cross = sum(map(len, of_impostor.values()))
    n_negatives = len(selves) * n_cross
    whole = wins / (2 * len(positives) * n_negatives)
    return TargetAuc(name, whole, len(selves), n_cross, len(positives), n_negatives), count, value


def half_wins(sorted_positives: Floats, negatives: Floats) -> int:
    """The AUC as a count: twice the pairs a positive wins, plus the ties; nothing is lost in summing."""
    lower = np.sort(negatives)  # sorted queries walk the positives in order, which caches like
    at_most = np.searchsorted(sorted_positives, lower, side="right")
    below = np.searchsorted(sorted_positives, lower, side="left")
    return int(2 * len(sorted_positives) * len(lower) - at_most.sum() - below.sum())
