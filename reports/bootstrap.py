"""Intervals of an AUC by resampling people, not pairs.

The pairs of one person are not independent (ISO/IEC 19795-1), so whole identities are drawn with
replacement and a pair counts as often as the product of its two ends' draws. Percentiles of 1,000
draws from a fixed seed: the same data give the same interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

RESAMPLES: Final = 1000
#: Below five identities there are at most 126 distinct resamples, and the ends of an interval are luck.
FEWEST: Final = 5
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


def percentiles(values: Floats) -> tuple[float, float] | None:
    """The 95 % interval of the finite values; None without width or when a tenth of the draws gave none."""
    finite = values[np.isfinite(values)]
    if len(finite) < 0.9 * len(values):
        return None
    low, high = np.quantile(finite, (0.025, 0.975))
    return (float(low), float(high)) if high > low else None


def clustered_auc_interval(
    scores: Floats, positive: NDArray[np.bool_], left: Ints, right: Ints, strata: Sequence[int]
) -> tuple[float, float] | None:
    """95 % interval of the AUC of pairs whose two ends lie in clusters ``left`` and ``right`` (P,).

    Clusters are numbered 0..sum(strata)-1; each stratum is drawn by itself (one person's videos in one,
    the other people in another). A pair inside one cluster is drawn as often as the cluster, a pair of
    two as often as the product. None when a stratum has fewer than five clusters, when a class is empty,
    or when no draw differs from any other (scores that do not overlap: what was not seen has no interval).
    """
    if min(strata) < FEWEST or not positive.any() or positive.all():
        return None
    order = np.argsort(scores, kind="stable")
    scores, positive, left, right = scores[order], positive[order], left[order], right[order]
    generator = np.random.default_rng(0)
    drawn = np.hstack([generator.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) for n in strata])
    inside = left == right
    chunk = max(1, _HELD // len(scores))
    values = []
    for start in range(0, RESAMPLES, chunk):
        some = drawn[start : start + chunk].astype(np.float64)
        weights = some[:, left] * np.where(inside, 1.0, some[:, right])
        values.append(weighted_auc(scores, positive, weights))
    return percentiles(np.concatenate(values))
