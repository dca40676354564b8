"""95 % intervals of the protocol's AUC that resample identities as targets and as drivers at once.

Pairs that share a video, a target or a driver are not independent, so identities are drawn: one drawn
k times counts k times wherever it stands, as target and as driver of others (a cluster bootstrap with
multiplier weights; Davison and Hinkley 1997, section 3.8). DeLong's interval would assume independent scores.

The AUC of target t is a mean over its impostors' pairs, so with c[t, d] self × cross pairs of driver d
and a[t, d] the AUC against d alone,

    AUC_t(w) = Σ_d w_d c[t, d] a[t, d] / Σ_d w_d c[t, d],    AUC(w) = Σ_t w_t AUC_t(w) / Σ_t w_t,

and a whole bootstrap is two matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist

from model.protocol import auc

DRAWS: Final = 2000
#: Fewer targets carry no interval: most resamples would leave a target without its impostors, or alone.
LEAST_TARGETS: Final = 5
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Parts:
    """Per target (rows) and impostor (columns): pairs ``count`` and AUC ``auc`` against this one alone.

    ``target_of`` and ``driver_of`` number the identities behind rows and columns; ``n_identities`` are
    all there are. ``positives`` and ``negatives`` hold every score, one array a target.
    """

    count: Floats
    auc: Floats
    target_of: NDArray[np.intp]
    driver_of: NDArray[np.intp]
    n_identities: int
    positives: list[Floats]
    negatives: list[Floats]


def parts(
    vectors: Floats, target: NDArray[np.str_], driver: NDArray[np.str_], chosen: NDArray[np.bool_]
) -> Parts:
    """Decompose the protocol's AUC; arrays of length N, vectors [N, D]. Targets without AUC are left out."""
    identities, numbers = np.unique(np.concatenate([target, driver]), return_inverse=True)
    of_target, of_driver = numbers[: len(target)], numbers[len(target) :]
    rows, positives, negatives = [], [], []
    for number in np.unique(of_target[chosen]):
        here = chosen & (of_target == number)
        own = here & (of_driver == number)
        other = here & (of_driver != number)
        if own.sum() < 2 or not other.any():
            continue
        same = np.sort(-pdist(vectors[own]))
        scores = -cdist(vectors[own], vectors[other])
        drivers = of_driver[other]
        count, value = np.zeros(len(identities)), np.zeros(len(identities))
        for impostor in np.unique(drivers):
            against = scores[:, drivers == impostor].ravel()
            count[impostor], value[impostor] = len(against), auc(same, against)
        rows.append((number, count, value))
        positives.append(same)
        negatives.append(scores.ravel())
    size = (len(rows), len(identities))
    return Parts(
        np.array([count for _, count, _ in rows]).reshape(size),
        np.array([value for _, _, value in rows]).reshape(size),
        np.array([number for number, _, _ in rows], dtype=np.intp),
        np.arange(len(identities), dtype=np.intp),
        len(identities),
        positives,
        negatives,
    )


def weighted_auc(found: Parts, weights: Floats) -> Floats:
    """AUC for each row of identity weights [draws, identities]; NaN where a draw leaves nothing."""
    pairs = weights[:, found.driver_of] @ found.count.T
    wins = weights[:, found.driver_of] @ (found.count * found.auc).T
    with np.errstate(invalid="ignore", divide="ignore"):
        per_target = wins / pairs
        share = weights[:, found.target_of] * (pairs > 0)
        mean: Floats = np.nansum(share * np.nan_to_num(per_target), axis=1) / share.sum(axis=1)
    return mean


def bootstrap_draws(n_identities: int, draws: int = DRAWS) -> Floats:
    """Identity weights [draws, identities]: how often each was drawn. Equal input, equal draws."""
    random = np.random.default_rng(0)
    return random.multinomial(n_identities, np.full(n_identities, 1 / n_identities), size=draws).astype(float)


def joint_interval(some: list[Parts]) -> tuple[float, float]:
    """95 % percentile interval of the mean of several AUCs over the same identities.

    NaN where one of them has fewer than ``LEAST_TARGETS`` targets.
    """
    usable = [found for found in some if len(found.count)]
    if not usable or min(len(found.count) for found in usable) < LEAST_TARGETS:
        return float("nan"), float("nan")
    weights = bootstrap_draws(usable[0].n_identities)
    values = np.mean([weighted_auc(found, weights) for found in usable], axis=0)
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def jackknife_interval(some: list[Parts]) -> tuple[float, float]:
    """95 % normal interval from leaving out one identity at a time, as target and as driver; cross-check."""
    usable = [found for found in some if len(found.count)]
    if not usable or min(len(found.count) for found in usable) < LEAST_TARGETS:
        return float("nan"), float("nan")
    n = usable[0].n_identities
    every = float(np.mean([weighted_auc(found, np.ones((1, n)))[0] for found in usable]))
    without = np.mean([weighted_auc(found, 1 - np.eye(n)) for found in usable], axis=0)
    without = without[np.isfinite(without)]
    count = len(without)
    error = np.sqrt((count - 1) / count * np.sum((without - without.mean()) ** 2))
    return float(every - 1.959964 * error), float(every + 1.959964 * error)
