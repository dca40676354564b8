"""From score to log10 likelihood ratio: logistic calibration, its bounds and its interval.

One form serves the case's own known material and the model's validation pairs; the latter travels in
the model file's metadata as ``calibration``. Whoever reports a likelihood ratio decides what the data
behind it can carry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist, pdist

from model.likelihood import cllr, cllr_min, elub
from model.logistic import fit_logistic
from model.resampling import (
    FEWEST_IDENTITIES,
    FEWEST_PAIRS,
    LEAST_MEASURED,
    expanded_tail,
    identity_draws,
    pair_weights,
)

Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]

DRAWS: Final = 400  # of the bootstrap; the 2.5 % ends of an interval of many people rest on ten draws each
MOST: Final = 5_000  # comparisons of a kind that are used; more change the fit by less than its interval
_GROUPS: Final = 20  # identities are left out in at most so many groups, or the fits grow with their square


@dataclass(frozen=True)
class Supply:
    """How much calibration data there is: comparisons of both kinds, and drivers present in both."""

    same: int = 0
    different: int = 0
    drivers: int = 0

    @property
    def enough(self) -> bool:
        """Whether a likelihood ratio may rest on it, the case's own or the model's."""
        return min(self.same, self.different) >= FEWEST_PAIRS and self.drivers >= FEWEST_IDENTITIES


@dataclass(frozen=True)
class Comparisons:
    """Scores (n,) of comparisons whose truth is known, and the two drivers behind each (n,)."""

    score: Floats = field(repr=False)
    left: Names = field(repr=False)
    right: Names = field(repr=False)

    @property
    def same(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.left == self.right, bool)

    @property
    def identities(self) -> list[str]:
        return sorted({*self.left.tolist(), *self.right.tolist()})

    @property
    def supply(self) -> Supply:
        same = self.same
        drivers = set(self.left[same].tolist()) & set(self.left[~same].tolist())
        return Supply(int(same.sum()), int((~same).sum()), len(drivers))

    @property
    def n_same_drivers(self) -> int:
        """How many drivers have a same-driver comparison."""
        return len(set(self.left[self.same].tolist()))

    @property
    def n_different_drivers(self) -> int:
        """How many people the different-driver comparisons rest on: those of the side that has fewer.

        Sixty strangers against one identity show how that one is mistaken, not how identities are: where
        every left meets every right, the variance of a mean holds one part that falls with the number of
        people left and one that falls with the number right, and the smaller number governs it.
        """
        different = ~self.same
        return min(len(set(side[different].tolist())) for side in (self.left, self.right))


@dataclass(frozen=True)
class Calibration:
    """log10 LR = slope · score + intercept, kept within ``low`` and ``high``.

    ``n_same_drivers`` and ``n_different_drivers`` as in Comparisons. ``draws`` (DRAWS, 2) are slope and
    intercept of the bootstrap. ``cllr`` and ``cllr_min`` are measured on comparisons left out of the fit.
    """

    slope: float
    intercept: float
    low: float
    high: float
    n_same: int
    n_different: int
    n_same_drivers: int
    n_different_drivers: int
    cllr: float
    cllr_min: float
    draws: Floats = field(repr=False)

    def llr(self, score: float) -> float:
        """The bounded log10 LR of a score."""
        return float(np.clip(self.slope * score + self.intercept, self.low, self.high))

    def bound(self, score: float) -> float:
        """The largest |log10 LR| on the side of 0 to which the score points before it is bounded."""
        return abs(self.high if self.slope * score + self.intercept >= 0 else self.low)

    def interval(self, score: float) -> tuple[float, float] | None:
        """95 % percentile interval of the bounded log10 LR, widened to hold the value itself.

        Of few people the percentiles lie further out (`expanded_tail`); of five, beyond most of the draws.

        None where value and both ends lie at a bound or beyond: the bounds are the same for every draw, so
        the interval would have no width, and not because the data are so exact.
        """
        drawn = np.clip(self.draws[:, 0] * score + self.draws[:, 1], self.low, self.high)
        tail = expanded_tail(max(2, min(self.n_same_drivers, self.n_different_drivers)))
        low, high = np.quantile(drawn, (tail, 1 - tail))
        value = self.llr(score)
        low, high = min(float(low), value), max(float(high), value)
        return None if low == high and value in (self.low, self.high) else (low, high)


def calibrate(comparisons: Comparisons) -> tuple[Calibration, Floats] | None:
    """The calibration, and the bounded log10 LR (n,) of each comparison by a fit without its two drivers.

    Bounds: the ELUB of those left-out LRs, and on either side no more than ELUB's own limit, log10(n + 1),
    with people for pairs, since the pairs of one person are not independent. Below 0 those are the drivers
    with a same-driver comparison, whose pairs alone show how seldom one driver scores so low; above 0 the
    people of the different-driver comparisons (`Comparisons.n_different_drivers`). Interval: whole
    identities are drawn with replacement; a pair of two people counts as often as the product of their
    draws. Fixed seed, equal input gives equal output.

    None where there is nothing to fit: a kind is missing, or only one identity carries it, or the slope is
    not positive (the scores do not tell the kinds apart), or both bounds are 0, or every tenth draw lacks a
    kind.
    """
    score, same = comparisons.score, comparisons.same
    if not same.any() or same.all():
        return None
    names = comparisons.identities
    left, right = (np.searchsorted(names, side) for side in (comparisons.left, comparisons.right))
    ((slope, intercept),) = fit_logistic(score, same, np.ones((1, len(score))))
    fitted = _left_out_llrs(score, same, left, right, len(names))
    draws = _bootstrap(score, same, left, right, len(names))
    if slope <= 0 or not np.isfinite(fitted).all() or len(draws) < LEAST_MEASURED * DRAWS:
        return None
    low, high = elub(fitted[same], fitted[~same])
    of_same, of_different = comparisons.n_same_drivers, comparisons.n_different_drivers
    low, high = max(low, -float(np.log10(of_same + 1))), min(high, float(np.log10(of_different + 1)))
    if low == high:
        return None
    fitted = np.clip(fitted, low, high)
    found = Calibration(
        slope=float(slope),
        intercept=float(intercept),
        low=low,
        high=high,
        n_same=int(same.sum()),
        n_different=int((~same).sum()),
        n_same_drivers=of_same,
        n_different_drivers=of_different,
        cllr=cllr(fitted[same], fitted[~same]),
        cllr_min=cllr_min(fitted[same], fitted[~same]),
        draws=draws,
    )
    return found, fitted


def _left_out_llrs(
    score: Floats,
    same: npt.NDArray[np.bool_],
    left: npt.NDArray[np.intp],
    right: npt.NDArray[np.intp],
    n_identities: int,
) -> Floats:
    groups = min(n_identities, _GROUPS)
    first, second = np.sort(np.stack((left % groups, right % groups)), axis=0)
    folds, fold = np.unique(first * groups + second, return_inverse=True)
    a, b = folds[:, None] // groups, folds[:, None] % groups
    outside = (first != a) & (first != b) & (second != a) & (second != b)
    fits = fit_logistic(score, same, outside.astype(np.float64))
    return np.asarray(fits[fold, 0] * score + fits[fold, 1])


def _bootstrap(
    score: Floats,
    same: npt.NDArray[np.bool_],
    left: npt.NDArray[np.intp],
    right: npt.NDArray[np.intp],
    n_identities: int,
) -> Floats:
    fits = fit_logistic(score, same, pair_weights(identity_draws(n_identities, DRAWS), left, right))
    return fits[np.isfinite(fits).all(axis=1)]


def thinned(comparisons: Comparisons) -> npt.NDArray[np.intp]:
    """Which comparisons to use: all, or of a kind with more than MOST a seeded choice, in their order."""
    random = np.random.default_rng(0)
    kinds = [np.flatnonzero(comparisons.same), np.flatnonzero(~comparisons.same)]
    chosen = [kind if len(kind) <= MOST else random.choice(kind, MOST, replace=False) for kind in kinds]
    return np.sort(np.concatenate(chosen))


def pair_scores(
    embeddings: npt.NDArray[np.floating], targets: Sequence[str], drivers: Sequence[str]
) -> Comparisons:
    """The protocol's same-driver and different-driver pairs, all targets together.

    embeddings ``[N, D]``. Score: minus the Euclidean distance, as in :mod:`model.protocol`.
    """
    vectors = np.asarray(embeddings, dtype=np.float64)
    target, driver = np.asarray(targets, dtype=str), np.asarray(drivers, dtype=str)
    score, left, right = [np.empty(0)], [np.empty(0, str)], [np.empty(0, str)]
    for name in np.unique(target):
        selves = vectors[(target == name) & (driver == name)]
        others = (target == name) & (driver != name)
        if len(selves):
            own, crossed = -pdist(selves), -cdist(selves, vectors[others]).ravel()
            score += [own, crossed]
            left.append(np.full(len(own) + len(crossed), name))
            right += [np.full(len(own), name), np.tile(driver[others], len(selves))]
    return Comparisons(np.concatenate(score), np.concatenate(left), np.concatenate(right))


def fit_calibration(pairs: Comparisons) -> dict[str, Any] | None:
    """Calibration on validation pairs of single clips, as a model file carries it.

    None as in calibrate, and where the pairs are too few to rest a likelihood ratio on.
    """
    chosen = thinned(pairs)
    used = Comparisons(pairs.score[chosen], pairs.left[chosen], pairs.right[chosen])
    fitted = calibrate(used) if used.supply.enough else None
    if fitted is None:
        return None
    found = fitted[0]
    return {
        "method": "logistic regression on validation pairs of single clips, equal weight for both kinds",
        "slope": found.slope,
        "intercept": found.intercept,
        "llr_low": found.low,
        "llr_high": found.high,
        "same_driver_pairs": found.n_same,
        "different_driver_pairs": found.n_different,
        "same_driver_identities": found.n_same_drivers,
        "different_driver_identities": found.n_different_drivers,
        "identities_in_both": used.supply.drivers,
        "cllr": found.cllr,
        "cllr_min": found.cllr_min,
        "clips": 1,
        "known": 1,
        "draws": [[float(f"{value:.7g}") for value in draw] for draw in found.draws.tolist()],
    }


def read_calibration(stated: Mapping[str, Any]) -> Calibration | None:
    """What fit_calibration wrote; None where a value is missing, not of its kind, or rests on too few."""
    try:
        found = Calibration(
            slope=float(stated["slope"]),
            intercept=float(stated["intercept"]),
            low=float(stated["llr_low"]),
            high=float(stated["llr_high"]),
            n_same=int(stated["same_driver_pairs"]),
            n_different=int(stated["different_driver_pairs"]),
            n_same_drivers=int(stated["same_driver_identities"]),
            n_different_drivers=int(stated["different_driver_identities"]),
            cllr=float(stated["cllr"]),
            cllr_min=float(stated["cllr_min"]),
            draws=np.asarray(stated["draws"], np.float64).reshape(-1, 2),
        )
        supply = Supply(found.n_same, found.n_different, int(stated["identities_in_both"]))
        numbers = (int(stated["clips"]), int(stated["known"]))
    except (KeyError, TypeError, ValueError):
        return None
    finite = np.isfinite([found.slope, found.intercept, found.low, found.high, found.cllr]).all()
    sound = finite and len(found.draws) and np.isfinite(found.draws).all() and found.slope > 0
    bounded = found.low <= 0 <= found.high and found.low < found.high
    return found if sound and bounded and supply.enough and numbers == (1, 1) else None
