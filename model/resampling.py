"""Intervals by resampling identities, and the floors below which a figure about people is not given.

The pairs of one person are not independent (ISO/IEC 19795-1), so whole identities are drawn with
replacement: one drawn k times counts k times wherever it stands, as target and as driver of others (a
cluster bootstrap with multiplier weights; Davison and Hinkley 1997, section 3.8). Benchmark and report
share what is here, so that neither prints a figure the other would refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

RESAMPLES: Final = 2000
#: Below five identities there are at most 126 distinct resamples, and the ends of an interval are luck.
FEWEST_IDENTITIES: Final = 5
#: Error rates need thirty pairs of each kind: with fewer, one pair more or less moves them by several per
#: cent. A stated rate needs thirty expected errors (Doddington's rule of thirty).
FEWEST_PAIRS: Final = 30
LEAST_MEASURED: Final = 0.9  # of the draws; the lost ones are not lost at random

Floats = npt.NDArray[np.float64]
Why = Literal["few_clusters", "few_same", "lost_draws", "no_overlap", "no_spread"]


@dataclass(frozen=True)
class Interval:
    """A 95 % interval; without one, both ends are None and ``why`` is the reason.

    ``few_clusters``: fewer than five identities (or videos of one) to draw from. ``few_same``: the
    same-driver pairs are of fewer than five. ``lost_draws``: more than a tenth of the draws lack a kind of
    pair. ``no_overlap``: every draw gives the figure's extreme. ``no_spread``: the draws hardly differ.
    """

    low: float | None = None
    high: float | None = None
    why: Why | None = None


def identity_draws(n_identities: int, draws: int = RESAMPLES) -> Floats:
    """Identity weights [draws, identities]: how often each was drawn. Equal input, equal draws."""
    random = np.random.default_rng(0)
    return random.multinomial(n_identities, np.full(n_identities, 1 / n_identities), size=draws).astype(float)


def pair_weights(draws: Floats, left: npt.NDArray[np.intp], right: npt.NDArray[np.intp]) -> Floats:
    """How often each pair counts [draws, pairs]: as the product of its two ends' draws, or as its one's.

    ``draws`` [draws, identities]; ``left`` and ``right`` [pairs] number the identities of the two ends.
    """
    weights: Floats = draws[:, left] * np.where(left == right, 1.0, draws[:, right])
    return weights


def expanded_tail(n_drawn: int) -> float:
    """The share of draws of ``n_drawn`` identities beyond either end of a 95 % percentile interval.

    Plain percentiles are too narrow for few identities (six drivers: 95 % intervals that hold 86 % of the
    time), so they are taken further out, as Student's t lies further out than the normal distribution:
    the expanded percentile interval (Hesterberg 2015, The American Statistician 69, section 5.2).
    """
    return float(ndtr(np.sqrt(n_drawn / (n_drawn - 1)) * stdtrit(n_drawn - 1, 0.025)))


def percentile_interval(values: Floats, n_drawn: int) -> Interval:
    """From what each draw gave, NaN where it left nothing; for figures from 0 to 1 and their differences.

    ``n_drawn``: the fewest identities that stand on one side of what is compared; see `expanded_tail`.
    """
    finite = values[np.isfinite(values)]
    if len(finite) < LEAST_MEASURED * len(values):
        return Interval(why="lost_draws")
    tail = expanded_tail(n_drawn)
    low, high = np.quantile(finite, (tail, 1 - tail))
    if high > low:
        return Interval(float(low), float(high))
    return Interval(why="no_overlap" if low in (0.0, 1.0) else "no_spread")


def mean_over_targets(count: Floats, auc: Floats, of_target: npt.NDArray[np.intp], weights: Floats) -> Floats:
    """Mean AUC over targets for each row of identity weights [draws, identities]; NaN where nothing is left.

    ``count`` and ``auc`` [targets, identities]: pairs of the target's own videos with this other driver's,
    and the AUC against these alone; ``of_target`` [targets]: the identity behind each row. A target's AUC
    is a mean over its impostors' pairs, so with c = count and a = auc

        AUC_t(w) = Σ_d w_d c[t, d] a[t, d] / Σ_d w_d c[t, d],    AUC(w) = Σ_t w_t AUC_t(w) / Σ_t w_t,

    and a whole bootstrap is two matrix products.
    """
    pairs = weights @ count.T
    wins = weights @ (count * auc).T
    with np.errstate(invalid="ignore", divide="ignore"):
        per_target = wins / pairs
        share = weights[:, of_target] * (pairs > 0)
        mean: Floats = np.nansum(share * np.nan_to_num(per_target), axis=1) / share.sum(axis=1)
    return mean
