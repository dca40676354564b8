"""95 % intervals of the protocol's AUC, over identities as targets and as drivers at once.

Pairs that share a video, a target or a driver are not independent; DeLong's interval would assume so.
How identities are drawn, and when there is no interval, is `model.resampling`'s, shared with the report.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.resampling import (
    FEWEST_IDENTITIES,
    Interval,
    identity_draws,
    mean_over_targets,
    percentile_interval,
)
from model.target_auc import Floats, Parts


def weighted_auc(found: Parts, weights: Floats) -> Floats:
    """AUC for each row of identity weights [draws, identities]; NaN where a draw leaves nothing."""
    return mean_over_targets(found.count, found.auc, found.target_of, weights)


def joint_interval(some: Sequence[Parts], less: Sequence[Parts] = ()) -> Interval:
    """95 % percentile interval of the mean of several AUCs over the same identities.

    With ``less``, of that mean minus the mean of those, each draw of identities serving both. None where
    one of them has fewer than ``FEWEST_IDENTITIES`` targets, and for what else `percentile_interval`
    refuses: what was not seen has no interval.
    """
    sides = [[found for found in side if found.targets] for side in (some, *([less] if less else []))]
    fewest = min(_fewest_targets(side) for side in sides)
    if fewest < FEWEST_IDENTITIES:
        return Interval(why="few_clusters")
    weights = identity_draws(sides[0][0].n_identities)
    means = [np.mean([weighted_auc(found, weights) for found in side], axis=0) for side in sides]
    return percentile_interval(means[0] - means[1] if less else means[0], fewest)


def jackknife_interval(some: Sequence[Parts]) -> Interval:
    """95 % normal interval from leaving out one identity at a time, as target and as driver; cross-check.

    Cut at 0 and 1. None where there is no joint interval: fewer than ``FEWEST_IDENTITIES`` targets, an
    identity without which nothing is left to measure, or no spread.
    """
    usable = [found for found in some if found.targets]
    if _fewest_targets(usable) < FEWEST_IDENTITIES:
        return Interval(why="few_clusters")
    n = usable[0].n_identities
    every = float(np.mean([weighted_auc(found, np.ones((1, n)))[0] for found in usable]))
    without = np.mean([weighted_auc(found, 1 - np.eye(n)) for found in usable], axis=0)
    error = 1.959964 * np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2))
    if not error > 0:
        return Interval(why="lost_draws" if np.isnan(error) else "no_spread")
    return Interval(max(0.0, every - error), min(1.0, every + error))


def _fewest_targets(side: list[Parts]) -> int:
    return min((len(found.targets) for found in side), default=0)
