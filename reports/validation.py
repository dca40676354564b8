"""How well drivers are told apart in the known material: ROC, AUC per identity, equal error rate.

The paper's measure (section IV.B) is the unweighted mean over targets of each target's AUC; the ROC
curve and its area pool all pairs. The arithmetic is `model.roc`'s, shared with the benchmark.
A figure is only given where the data carry one: an AUC needs a pair of each class, an interval and an
error rate what `model.resampling` asks for, and what is missing is said instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.resampling import FEWEST_PAIRS, Interval
from model.roc import auc, eer
from reports.bootstrap import Compared, clustered_auc_interval, mean_auc_interval
from reports.known_pairs import Group, Kind, KnownPairs, groups

_MOST_POINTS: Final = 300  # of a drawn curve; more cannot be seen


@dataclass(frozen=True)
class IdentityAuc:
    """One identity's AUC, its interval or why there is none, and the counts behind it."""

    name: str
    auc: float
    interval: Interval
    n_videos: int
    n_others: int
    n_positives: int
    n_negatives: int


@dataclass(frozen=True)
class LeftOut:
    """An identity without an AUC, and which class of pairs it lacks."""

    name: str
    n_positives: int
    n_negatives: int
    note: str


@dataclass(frozen=True)
class Separation:
    """One reading of the known pairs. ``fpr``, ``tpr``: the pooled ROC, thinned to what can be drawn."""

    kind: Kind
    mean_auc: float
    mean_interval: Interval
    pooled_auc: float
    pooled_interval: Interval
    eer: float | None
    eer_threshold: float | None
    n_identities: int
    n_videos: int
    n_positives: int
    n_negatives: int
    identities: tuple[IdentityAuc, ...]
    left_out: tuple[LeftOut, ...]
    fpr: tuple[float, ...]
    tpr: tuple[float, ...]
    same: NDArray[np.float64] = field(repr=False)
    different: NDArray[np.float64] = field(repr=False)

    @property
    def enough_pairs(self) -> bool:
        """Whether there are pairs of each kind enough for a figure to stand by itself."""
        return min(self.n_positives, self.n_negatives) >= FEWEST_PAIRS


def separations(pairs: KnownPairs) -> list[Separation]:
    """The readings the known material carries: first with the face held equal, then any face.

    The second is left out when all pairs show one and the same face: it would repeat the first.
    """
    held = separation(pairs, "paper") or separation(pairs, "same_target")
    faces_differ = any(target is None for target in pairs.target.tolist())
    loose = separation(pairs, "any_face") if faces_differ else None
    return [found for found in (held, loose) if found]


def separation(pairs: KnownPairs, kind: Kind) -> Separation | None:
    """One reading of the known pairs; None when no identity has a pair of each class."""
    all_groups = groups(pairs, kind)
    measured = [g for g in all_groups if len(g.positives) and len(g.negatives)]
    if not measured:
        return None
    rows = tuple(_identity(pairs, group) for group in measured)
    positives = np.unique(np.concatenate([g.positives for g in measured]))
    negatives = np.unique(np.concatenate([g.negatives for g in measured]))
    chosen = np.concatenate((positives, negatives))
    same, different = pairs.score[positives], pairs.score[negatives]
    number = {name: i for i, name in enumerate(_drivers(pairs, chosen))}
    everybody = _compared(pairs, positives, negatives, number)
    each = [_compared(pairs, g.positives, g.negatives, number, g.own) for g in measured]
    error = eer(same, different) if min(len(same), len(different)) >= FEWEST_PAIRS else None
    fpr, tpr = _curve(same, different)
    return Separation(
        kind=kind,
        mean_auc=float(np.mean([row.auc for row in rows])),
        mean_interval=mean_auc_interval(each, len(number)),
        pooled_auc=auc(same, different),
        pooled_interval=clustered_auc_interval(everybody, [len(number)]),
        eer=error.rate if error else None,
        eer_threshold=error.threshold if error else None,
        n_identities=len(number),
        n_videos=len(set(pairs.left[chosen].tolist()) | set(pairs.right[chosen].tolist())),
        n_positives=len(positives),
        n_negatives=len(negatives),
        identities=rows,
        left_out=tuple(_left_out(g) for g in all_groups if g not in measured),
        fpr=fpr,
        tpr=tpr,
        same=same,
        different=different,
    )


def _identity(pairs: KnownPairs, group: Group) -> IdentityAuc:
    chosen = np.concatenate((group.positives, group.negatives))
    positive = np.arange(len(chosen)) < len(group.positives)
    ends = [
        [_cluster(group, who, video) for who, video in zip(names[chosen], videos[chosen], strict=True)]
        for names, videos in ((pairs.left_identity, pairs.left), (pairs.right_identity, pairs.right))
    ]
    present = sorted(set(ends[0]) | set(ends[1]))
    number = {cluster: i for i, cluster in enumerate(present)}
    n_own = sum(cluster[0] == 0 for cluster in present)
    n_others = len(present) - n_own
    strata = [n for n in (n_own, n_others) if n or group.own is not None]
    left, right = (np.array([number[cluster] for cluster in side], np.intp) for side in ends)
    found = clustered_auc_interval(Compared(pairs.score[chosen], positive, left, right), strata)
    videos = set(pairs.left[chosen].tolist()) | set(pairs.right[chosen].tolist())
    return IdentityAuc(
        name=group.name,
        auc=auc(pairs.score[group.positives], pairs.score[group.negatives]),
        interval=found,
        n_videos=n_own or len(videos),
        n_others=n_others,
        n_positives=len(group.positives),
        n_negatives=len(group.negatives),
    )


def _cluster(group: Group, driver: str, video: str) -> tuple[int, str]:
    """What is resampled: the videos of the group's own driver one by one, everyone else as a person."""
    return (0, video) if driver == group.own else (1, driver)


def _left_out(group: Group) -> LeftOut:
    note = "no_positives" if not len(group.positives) else "no_negatives"
    return LeftOut(group.name, len(group.positives), len(group.negatives), note)


def _drivers(pairs: KnownPairs, chosen: NDArray[np.intp]) -> list[str]:
    return sorted(set(pairs.left_identity[chosen].tolist()) | set(pairs.right_identity[chosen].tolist()))


def _compared(
    pairs: KnownPairs,
    positives: NDArray[np.intp],
    negatives: NDArray[np.intp],
    number: dict[str, int],
    own: str | None = None,
) -> Compared:
    chosen = np.concatenate((positives, negatives))
    left, right = (
        np.array([number[name] for name in side[chosen].tolist()], np.intp)
        for side in (pairs.left_identity, pairs.right_identity)
    )
    positive = np.arange(len(chosen)) < len(positives)
    return Compared(pairs.score[chosen], positive, left, right, None if own is None else number[own])


def _curve(
    same: NDArray[np.float64], different: NDArray[np.float64]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    from sklearn.metrics import roc_curve

    label = np.repeat([1, 0], [len(same), len(different)])
    fpr, tpr, _ = roc_curve(label, np.concatenate((same, different)))
    if len(fpr) > _MOST_POINTS:
        keep = np.unique(np.linspace(0, len(fpr) - 1, _MOST_POINTS).round().astype(int))
        fpr, tpr = fpr[keep], tpr[keep]
    return tuple(fpr.tolist()), tuple(tpr.tolist())
