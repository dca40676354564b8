"""Do videos fall into groups, and how stable is each?

Average linkage; the number of groups is the one with the largest mean silhouette width. That is the best of
up to 29 widths, and a single cloud of few videos or few dimensions nearly always reaches 0.25, below which
there is no substantial structure (Kaufman & Rousseeuw 1990, table 4). So it must also exceed what 95 in 100
clouds without groups stay below: samples of one Gaussian with the videos' own mean and covariance (after Liu
et al. 2008, SigClust), brought back to unit length and divided in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist, squareform

from model.similarity import unit_mean

SUBSTANTIAL: Final = 0.25
#: Of three videos two are always the nearest: their best division is as clean in one cloud as in two groups.
FEWEST_VIDEOS: Final = 4
#: Samples of a cloud; of many videos one costs far more, and their widths differ far less.
_CLOUDS: Final = 200
_CLOUDS_OF_MANY: Final = 40
_MANY: Final = 60
_BELOW: Final = 0.95
_MOST_GROUPS: Final = 30
_RESAMPLES: Final = 100
_RESAMPLES_OF_MANY: Final = 20
_MANY_RESAMPLED: Final = 200

Floats = NDArray[np.float64]
Members = NDArray[np.intp]


def tree_of(distance: Floats, *, ordered: bool = False) -> Floats:
    """Average linkage of a distance matrix (n, n); ``ordered``: like leaves side by side."""
    tree: Floats = linkage(squareform(distance, checks=False), "average", optimal_ordering=ordered)
    return tree


def best_division(tree: Floats, distance: Floats) -> tuple[Members | None, float | None]:
    """Group of each video (n,), from 0, and the mean silhouette width of the best of 2 to 30 groups.

    None of fewer than three videos: there is no division to judge.
    """
    n = len(distance)
    most = min(n - 1, _MOST_GROUPS)
    if most < 2:
        return None, None
    finest = fcluster(tree, most, "maxclust") - 1
    sums = distance @ np.eye(finest.max() + 1)[finest]
    best: tuple[float, Members | None] = (-np.inf, None)
    for k in range(2, most + 1):
        member = fcluster(tree, k, "maxclust") - 1
        n_groups = member.max() + 1
        if n_groups > 1:
            into = np.zeros((sums.shape[1], n_groups))  # coarser groups are unions of finer ones
            into[finest, member] = 1
            width = _mean_silhouette(sums @ into, member)
            if width > best[0]:
                best = (width, member)
    width, found = best
    return (None, None) if found is None else (found, width)


def _mean_silhouette(sums: Floats, member: Members) -> float:
    """Mean silhouette width (Rousseeuw 1987) from each video's summed distances to each group (n, k).

    A single video counts 0. scikit-learn's spends its time on checks, and a report asks thousands of times.
    """
    rows, sizes = np.arange(len(member)), np.bincount(member)
    size = sizes[member]
    within = sums[rows, member] / np.maximum(size - 1, 1)
    means = sums / sizes
    means[rows, member] = np.inf
    other = means.min(axis=1)
    larger = np.maximum(within, other)
    known = (larger > 0) & (size > 1)
    return float(np.divide(other - within, larger, out=np.zeros(len(member)), where=known).mean())


def width_of_one_cloud(distance: Floats) -> float:
    """The best mean silhouette width that 95 of 100 samples of one Gaussian cloud stay below.

    ``distance`` (n, n) is of unit vectors x. With A = 1/n + G J / sqrt(n - 1), G of standard normal numbers
    and J the centring, the rows of A x have the mean and the covariance of x; their inner products A K A' ask
    only for those of x, K = 1 - distance² / 2. Seeded: the same distances give the same width.
    """
    n = len(distance)
    generator = np.random.default_rng(0)
    inner = 1 - distance**2 / 2
    widths = []
    for _ in range(_CLOUDS if n <= _MANY else _CLOUDS_OF_MANY):
        normal = generator.standard_normal((n, n))
        mix = 1 / n + (normal - normal.mean(axis=1, keepdims=True)) / np.sqrt(n - 1)
        drawn = mix @ inner @ mix.T
        length = np.sqrt(np.diag(drawn))
        apart = np.sqrt(np.clip(2 - 2 * drawn / np.outer(length, length), 0, None))
        np.fill_diagonal(apart, 0)
        apart = (apart + apart.T) / 2
        widths.append(best_division(tree_of(apart), apart)[1] or 0.0)
    # Rounded, as the last digits depend on the processor's linear algebra and a rebuild must be equal.
    return round(float(np.quantile(widths, _BELOW)), 6)


@dataclass(frozen=True)
class Redrawn:
    """Videos grouped again and again, each time from clips drawn anew with replacement.

    ``together`` (n, n): how often two fall into one group; ``alone`` (n,): how often one falls into none;
    ``varies`` (n,): whether the video has the two clips without which every draw is the same.
    """

    together: Floats
    alone: Floats
    varies: NDArray[np.bool_]

    def stability(self, inside: Members) -> float | None:
        """How often two of these videos, or the only one alone, stay so; None unless most of them vary."""
        if 2 * np.count_nonzero(self.varies[inside]) <= len(inside):
            return None
        if len(inside) == 1:
            return float(self.alone[inside[0]])
        pairs = np.triu_indices(len(inside), 1)
        return float(self.together[np.ix_(inside, inside)][pairs].mean())


def redrawn(windows: Sequence[NDArray[np.floating]], n_groups: int) -> Redrawn | None:
    """Cuts the videos into ``n_groups`` from clips drawn anew; ``windows``: each video's clips (clips, 256).

    None where a video has no clip or none has two.
    """
    varies = np.array([len(w) > 1 for w in windows])
    if any(len(w) == 0 for w in windows) or not varies.any():
        return None
    generator = np.random.default_rng(0)
    n = len(windows)
    rounds = _RESAMPLES if n <= _MANY_RESAMPLED else _RESAMPLES_OF_MANY
    together, alone = np.zeros((n, n)), np.zeros(n)
    for _ in range(rounds):
        drawn = np.stack([unit_mean(w[generator.integers(0, len(w), len(w))]) for w in windows])
        again = fcluster(linkage(pdist(drawn), "average"), n_groups, "maxclust")
        together += again[:, None] == again[None, :]
        alone += np.bincount(again)[again] == 1
    return Redrawn(together / rounds, alone / rounds, varies)
