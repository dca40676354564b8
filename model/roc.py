"""How well scores part two kinds of pairs: the area under the ROC curve, and the equal error rate."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def auc(positives: npt.ArrayLike, negatives: npt.ArrayLike) -> float:
    """P(positive > negative) + ½ P(equal) over all pairs of scores, exact; NaN when either is empty."""
    higher = np.sort(np.asarray(positives, dtype=np.float64))
    lower = np.asarray(negatives, dtype=np.float64)
    if not len(higher) or not len(lower):
        return float("nan")
    return half_wins(higher, lower) / (2 * len(higher) * len(lower))


def half_wins(sorted_positives: Floats, negatives: Floats) -> int:
    """The AUC as a count: twice the pairs a positive wins, plus the ties; nothing is lost in summing."""
    lower = np.sort(negatives)  # sorted queries walk the positives in order, which caches like
    at_most = np.searchsorted(sorted_positives, lower, side="right")
    below = np.searchsorted(sorted_positives, lower, side="left")
    return int(2 * len(sorted_positives) * len(lower) - at_most.sum() - below.sum())


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
