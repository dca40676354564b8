"""How well drivers are told apart in the known material: ROC, AUC per identity, equal error rate.

The paper's measure (section IV.B) is the unweighted mean over targets of each target's AUC; the ROC
curve and its area pool all pairs. The arithmetic is `model.protocol`'s, shared with the benchmark.
A figure is only given where the data carry one: an AUC needs a pair of each class, an interval five
identities, and what is missing is said instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from model.protocol import auc, bootstrap_interval, eer
from reports.bootstrap import FEWEST, clustered_auc_interval
from reports.known_pairs import Group, Kind, KnownPairs, groups

#: Error rates need thirty pairs of each kind: with fewer, one pair more or less moves them by several per
#: cent (after Doddington's rule of thirty).
FEWEST_PAIRS: Final = 30
_MOST_POINTS: Final = 300  # of a drawn curve; more cannot be seen


@dataclass(frozen=True)
class IdentityAuc:
    """One identity's AUC with the counts behind it; `note` says why an interval is missing."""

    name: str
    auc: float
    low: float | None
    high: float | None
    n_videos: int
    n_others: int
    n_positives: int
    n_negatives: int
    note: str | None


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
    mean_low: float | None
    mean_high: float | None
    pooled_auc: float
    pooled_low: float | None
    pooled_high: float | None
    interval_note: str | None
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
    drivers = np.concatenate((pairs.left_identity[chosen], pairs.right_identity[chosen])).tolist()
    left, right, n_drivers = _numbered(pairs.left_identity[chosen], pairs.right_identity[chosen])
    positive = np.arange(len(chosen)) < len(positives)
    pooled = clustered_auc_interval(pairs.score[chosen], positive, left, right, [n_drivers])
    mean = _mean_interval(np.array([row.auc for row in rows]))
    error = eer(same, different) if min(len(same), len(different)) >= FEWEST_PAIRS else None
    fpr, tpr = _curve(same, different)
    return Separation(
        kind=kind,
        mean_auc=float(np.mean([row.auc for row in rows])),
        mean_low=mean[0] if mean else None,
        mean_high=mean[1] if mean else None,
        pooled_auc=auc(same, different),
        pooled_low=pooled[0] if pooled else None,
        pooled_high=pooled[1] if pooled else None,
        interval_note=None if mean and pooled else _why_no_interval(len(rows), auc(same, different)),
        eer=error.rate if error else None,
        eer_threshold=error.threshold if error else None,
        n_identities=len(set(drivers)),
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
    value = auc(pairs.score[group.positives], pairs.score[group.negatives])
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
    found = clustered_auc_interval(pairs.score[chosen], positive, left, right, strata)
    videos = set(pairs.left[chosen].tolist()) | set(pairs.right[chosen].tolist())
    return IdentityAuc(
        name=group.name,
        auc=value,
        low=found[0] if found else None,
        high=found[1] if found else None,
        n_videos=n_own or len(videos),
        n_others=n_others,
        n_positives=len(group.positives),
        n_negatives=len(group.negatives),
        note=None if found else _why_no_interval(min(strata), value),
    )


def _cluster(group: Group, driver: str, video: str) -> tuple[int, str]:
    """What is resampled: the videos of the group's own driver one by one, everyone else as a person."""
    return (0, video) if driver == group.own else (1, driver)


def _left_out(group: Group) -> LeftOut:
    note = "no_positives" if not len(group.positives) else "no_negatives"
    return LeftOut(group.name, len(group.positives), len(group.negatives), note)


def _mean_interval(values: NDArray[np.float64]) -> tuple[float, float] | None:
    if len(values) < FEWEST:
        return None
    low, high = bootstrap_interval(values)
    return (low, high) if high > low else None


def _why_no_interval(clusters: int, value: float) -> str:
    if clusters < FEWEST:
        return "few_clusters"
    return "no_overlap" if value in (0.0, 1.0) else "no_spread"


def _numbered(
    left: NDArray[np.object_], right: NDArray[np.object_]
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    names, number = np.unique(np.concatenate((left, right)).astype(str), return_inverse=True)
    return number[: len(left)], number[len(left) :], len(names)


def _curve(
    same: NDArray[np.float64], different: NDArray[np.float64]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    label = np.repeat([1, 0], [len(same), len(different)])
    fpr, tpr, _ = roc_curve(label, np.concatenate((same, different)))
    if len(fpr) > _MOST_POINTS:
        keep = np.unique(np.linspace(0, len(fpr) - 1, _MOST_POINTS).round().astype(int))
        fpr, tpr = fpr[keep], tpr[keep]
    return tuple(fpr.tolist()), tuple(tpr.tolist())
