"""Cases without known drivers: which videos resemble one another, and whether they fall into groups.

Average linkage on the distances of the pairs table; `reports.grouping` judges whether there are groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow.compute as pc
from scipy.cluster.hierarchy import leaves_list

from reports.case import Case
from reports.grouping import (
    FEWEST_VIDEOS,
    SUBSTANTIAL,
    Floats,
    Members,
    Redrawn,
    best_division,
    redrawn,
    tree_of,
    width_of_one_cloud,
)

_ORDERED: Final = 200  # beyond, the best order of the leaves costs too much for what can be seen


@dataclass(frozen=True)
class Group:
    """Videos put together; ``stability``: how often two of them (or one alone) stay so, 0 to 1.

    ``within`` is the mean score of its pairs; None for a single video.
    """

    number: int
    members: tuple[str, ...]
    stability: float | None
    within: float | None


@dataclass(frozen=True)
class Neighbour:
    """A video, the one most like it, and the score between them."""

    label: str
    nearest: str
    score: float
    group: int | None
    n_clips: int


@dataclass(frozen=True)
class Exploration:
    """``labels``, ``scores`` (n, n) and ``position`` (n, 2) stand in dendrogram order.

    ``silhouette``: width of the best division, None where the videos are too few to judge one.
    ``one_cloud``: what it must exceed besides 0.25, None where it does not reach that.
    ``explained``: share of the squared distances the two drawn axes keep.
    """

    labels: tuple[str, ...]
    scores: Floats
    tree: Floats
    silhouette: float | None
    one_cloud: float | None
    groups: tuple[Group, ...]
    neighbours: tuple[Neighbour, ...]
    position: Floats
    explained: float | None


def exploration(case: Case) -> Exploration | None:
    """All-pairs view of the case; None with fewer than two comparable videos."""
    table = case.pairs.filter(pc.equal(case.pairs.column("protocol"), "exploratory"))
    left, right = table.column("left").to_pylist(), table.column("right").to_pylist()
    present = set(left) | set(right)
    ids = [e.evidence_id for e in case.exhibits if e.evidence_id is not None and e.evidence_id in present]
    n = len(ids)
    if n < 2:
        return None
    number = {evidence_id: i for i, evidence_id in enumerate(ids)}
    distance = np.zeros((n, n))
    rows, columns = [number[x] for x in left], [number[x] for x in right]
    distance[rows, columns] = distance[columns, rows] = -table.column("score").to_numpy()
    tree = tree_of(distance, ordered=n <= _ORDERED)
    order = leaves_list(tree)
    member, width = best_division(tree, distance) if n >= FEWEST_VIDEOS else (None, None)
    one_cloud = width_of_one_cloud(distance) if width is not None and width >= SUBSTANTIAL else None
    if width is None or one_cloud is None or width <= one_cloud:
        member = None
    labels = [case.by_id[i].label for i in ids]
    again = None
    if member is not None:
        again = redrawn([case.usable_embeddings(i) for i in ids], len(set(member.tolist())))
    groups = _groups(member, order, labels, distance, again)
    of_label = {label: g.number for g in groups for label in g.members}
    position, explained = _plane(distance)
    return Exploration(
        labels=tuple(labels[i] for i in order),
        scores=-distance[np.ix_(order, order)],
        tree=tree,
        silhouette=width,
        one_cloud=one_cloud,
        groups=groups,
        neighbours=tuple(_neighbours(case, ids, labels, distance, of_label)),
        position=position[order],
        explained=explained,
    )


def _groups(
    member: Members | None, order: Members, labels: list[str], distance: Floats, again: Redrawn | None
) -> tuple[Group, ...]:
    if member is None:
        return ()
    found = []
    for number, code in enumerate(dict.fromkeys(member[order].tolist()), start=1):
        inside = np.array([i for i in order if member[i] == code])
        pairs = np.triu_indices(len(inside), 1)
        stability = again.stability(inside) if again else None
        within = float(-distance[np.ix_(inside, inside)][pairs].mean()) if len(inside) > 1 else None
        found.append(Group(number, tuple(labels[i] for i in inside), stability, within))
    return tuple(found)


def _neighbours(
    case: Case, ids: list[str], labels: list[str], distance: Floats, of_label: dict[str, int]
) -> list[Neighbour]:
    apart = distance + np.diag(np.full(len(ids), np.inf))
    nearest = apart.argmin(axis=1)
    return [
        Neighbour(
            label=labels[i],
            nearest=labels[j],
            score=float(-distance[i, j]),
            group=of_label.get(labels[i]),
            n_clips=int(case.by_id[ids[i]].row["n_usable"]),
        )
        for i, j in enumerate(nearest.tolist())
    ]


def _plane(distance: Floats) -> tuple[Floats, float | None]:
    """Classical scaling to two axes (Torgerson 1952): (n, 2), and the share of variance it keeps."""
    n = len(distance)
    centre = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-0.5 * centre @ distance**2 @ centre)
    values, vectors = values[::-1], vectors[:, ::-1]
    positive = np.clip(values, 0, None)
    total = float(positive.sum())
    plane = np.zeros((n, 2))
    kept = min(2, n)
    # An eigenvector's sign is arbitrary: its largest part is made positive, so that a rebuild is equal.
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(n)])
    plane[:, :kept] = (vectors * signs)[:, :kept] * np.sqrt(positive[:kept])
    # The last digits depend on the processor's linear algebra, and a rebuild elsewhere must be equal.
    unit = 10.0 ** np.ceil(np.log10(np.abs(plane).max() or 1.0))
    plane = np.round(plane / unit, 9) * unit + 0.0
    return plane, float(positive[:2].sum() / total) if total > 0 else None
