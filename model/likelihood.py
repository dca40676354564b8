"""How good likelihood ratios are, and how large they may get: Cllr, PAV, Tippett, ELUB.

``same`` and ``different`` are log10 likelihood ratios (float64, one axis) of comparisons in which the
same-driver and the different-driver proposition is true. Report, benchmark and calibration share this
module; the tests check it against `lir`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_STEP: Final = 0.01  # of the thresholds an ELUB is searched among, log10
_LN10: Final = float(np.log(10))


def cllr(same: npt.ArrayLike, different: npt.ArrayLike) -> float:
    """Log-likelihood-ratio cost (Brümmer and du Preez 2006): 0 is perfect, 1 says nothing; NaN if empty."""
    costs = (-np.asarray(same, np.float64), np.asarray(different, np.float64))
    if not all(len(cost) for cost in costs):
        return float("nan")
    return float(np.mean([np.logaddexp(0, cost * _LN10).mean() for cost in costs]) / np.log(2))


@dataclass(frozen=True)
class Pav:
    """``value`` (n,) ascending, the log10 LR that pool-adjacent-violators gives it (±inf at the ends), and
    whether the same driver is behind it."""

    value: Floats = field(repr=False)
    llr: Floats = field(repr=False)
    same: npt.NDArray[np.bool_] = field(repr=False)


def pav(same: npt.ArrayLike, different: npt.ArrayLike) -> Pav:
    """Isotonic regression of the truth on scores or LLRs, both propositions weighing the same."""
    from sklearn.isotonic import IsotonicRegression

    values = np.concatenate((np.asarray(same, np.float64), np.asarray(different, np.float64)))
    n_same, n_different = np.size(same), np.size(different)
    truth = np.repeat((1.0, 0.0), (n_same, n_different))
    weight = np.repeat((n_different, n_same), (n_same, n_different)) / len(values)
    chance = IsotonicRegression().fit_transform(values, truth, sample_weight=weight)
    order = np.argsort(values, kind="stable")
    with np.errstate(divide="ignore"):
        llr = np.log10(chance) - np.log10(1 - chance)
    return Pav(values[order], llr[order], truth[order] == 1)


def cllr_min(same: npt.ArrayLike, different: npt.ArrayLike) -> float:
    """Cllr after PAV: what is lost to overlap, however well calibrated. NaN if one is empty."""
    if not np.size(same) or not np.size(different):
        return float("nan")
    best = pav(same, different)
    return cllr(best.llr[best.same], best.llr[~best.same])


@dataclass(frozen=True)
class Tippett:
    """Shares (b,) of the same- and different-driver comparisons whose log10 LR is at least ``llr`` (b,)."""

    llr: Floats
    same: Floats
    different: Floats


def tippett(same: npt.ArrayLike, different: npt.ArrayLike) -> Tippett:
    """Both cumulative curves at every value that occurs; raises ValueError when one kind is empty."""
    kinds = [np.sort(np.asarray(kind, np.float64)) for kind in (same, different)]
    if not all(len(kind) for kind in kinds):
        raise ValueError(f"a Tippett plot needs both kinds, got {len(kinds[0])} and {len(kinds[1])}")
    at = np.unique(np.concatenate(kinds))
    shares = [1 - np.searchsorted(kind, at, side="left") / len(kind) for kind in kinds]
    return Tippett(at, shares[0], shares[1])


def elub(same: npt.ArrayLike, different: npt.ArrayLike) -> tuple[float, float]:
    """Empirical lower and upper bound of log10 LRs (Vergeer et al. 2016, Science & Justice 56, 482–491).

    One misleading comparison is added to each kind; a threshold is inside the bounds while deciding by the
    LRs still costs no more than deciding without them: P(miss) + t P(false alarm) ≤ min(1, t). A bound is
    0 where it costs more from the start.
    """
    right, wrong = (np.sort(np.asarray(kind, np.float64)) for kind in (same, different))
    lowest = max(min(right.min(), wrong.min()), -np.log10(len(right) + 1))
    highest = min(max(right.max(), wrong.max()), np.log10(len(wrong) + 1))
    first = min(0, int(np.floor(lowest / _STEP)))
    last = max(0, int(np.floor(highest / _STEP)) + 1)
    threshold = np.arange(first, last + 1) * _STEP
    missed = (np.searchsorted(right, threshold, side="right") + 1) / (len(right) + 1)
    alarm = (len(wrong) - np.searchsorted(wrong, threshold, side="right") + 1) / (len(wrong) + 1)
    worse = missed + 10**threshold * alarm > np.minimum(1, 10**threshold)
    below, above = threshold[worse & (threshold <= 0)], threshold[worse & (threshold >= 0)]
    low = below.max() + _STEP if len(below) else threshold[0]
    high = above.min() - _STEP if len(above) else threshold[-1]
    return float(min(low, 0)), float(max(high, 0))
