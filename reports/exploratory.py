"""Cases without known drivers: which videos resemble one another, and whether they fall into groups.

Average linkage on the distances of the pairs table. The number of groups is the one with the largest
mean silhouette width; below 0.25 no substantial structure is claimed (Kaufman & Rousseeuw 1990,
table 4). How stable a group is comes from drawing each video's clips anew, with replacement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics import silhouette_score

from reports.case import Case
from reports.known_scores import unit_mean

SUBSTANTIAL: Final = 0.25
_MOST_GROUPS: Final = 30
_ORDERED: Final = 200  # beyond, the best order of the leaves costs too much for what can be seen
_RESAMPLES: Final = 100

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Videos put together; ``stability``: how often two of them (or one alone) stay so, 0 to 1."""

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

    ``explained``: share of the squared distances the two drawn axes keep.
    """

    labels: tuple[str, ...]
    scores: Floats
    tree: Floats
    silhouette: float | None
    groups: tuple[Group, ...]
    neighbours: tuple[Neighbour, ...]
    position: Floats
    explained: float | None


def exploration(case: Case) -> Exploration | None:
    """All-pairs view of the case; None with fewer than two comparable videos."""
    table = case.pairs.filter(pc.equal(case.pairs.column("protocol"), "exploratory"))
    left, right = table.column("left").to_pylist(), table.column("right").to_pylist()
    present = set(left) | set(right)
    ids = [e.evidence_id for e in case.exhibits if e.evidence_id in present]
    n = len(ids)
    if n < 2:
        return None
    number = {evidence_id: i for i, evidence_id in enumerate(ids)}
    distance = np.zeros((n, n))
    rows, columns = [number[x] for x in left], [number[x] for x in right]
    distance[rows, columns] = distance[columns, rows] = -table.column("score").to_numpy()
    tree = _tree(squareform(distance, checks=False), n)
    order = leaves_list(tree)
    member, width = _cut(tree, distance)
    labels = [case.by_id[i].label for i in ids]  # type: ignore[index]
    stability = _together(case, ids, member) if member is not None else None
    groups = _groups(member, order, labels, distance, stability)
    of_label = {label: g.number for g in groups for label in g.members}
    position, explained = _plane(distance)
    return Exploration(
        labels=tuple(labels[i] for i in order),
        scores=-distance[np.ix_(order, order)],
        tree=tree,
        silhouette=width,
        groups=groups,
        neighbours=tuple(_neighbours(case, ids, labels, distance, of_label)),
        position=position[order],
        explained=explained,
    )


def _tree(condensed: Floats, n: int) -> Floats:
    tree: Floats = linkage(condensed, "average", optimal_ordering=n <= _ORDERED)
    return tree


def _cut(tree: Floats, distance: Floats) -> tuple[NDArray[np.intp] | None, float | None]:
    """Group of each video (n,) and the mean silhouette width; no groups where none are substantial."""
    n = len(distance)
    best: tuple[float, NDArray[np.intp] | None] = (-1.0, None)
    for k in range(2, min(n - 1, _MOST_GROUPS) + 1):
        member = fcluster(tree, k, "maxclust")
        if 1 < len(set(member.tolist())) < n:
            width = float(silhouette_score(distance, member, metric="precomputed"))
            if width > best[0]:
                best = (width, member)
    width, found = best
    if found is None:
        return None, None
    return (found if width >= SUBSTANTIAL else None), width


def _together(case: Case, ids: list[str | None], member: NDArray[np.intp]) -> Floats | None:
    """(n, n): how often two videos fall into one group when every video's clips are drawn anew."""
    windows = [case.usable_embeddings(i or "") for i in ids]
    if any(len(w) == 0 for w in windows) or all(len(w) == 1 for w in windows):
        return None
    generator = np.random.default_rng(0)
    k, n = len(set(member.tolist())), len(ids)
    rounds = _RESAMPLES if n <= _ORDERED else _RESAMPLES // 5
    together = np.zeros((n, n))
    for _ in range(rounds):
        drawn = np.stack([unit_mean(w[generator.integers(0, len(w), len(w))]) for w in windows])
        again = fcluster(linkage(pdist(drawn), "average"), k, "maxclust")
        together += again[:, None] == again[None, :]
    return together / rounds


def _groups(
    member: NDArray[np.intp] | None,
    order: NDArray[np.intp],
    labels: list[str],
    distance: Floats,
    together: Floats | None,
) -> tuple[Group, ...]:
    if member is None:
        return ()
    found = []
    for number, code in enumerate(dict.fromkeys(member[order].tolist()), start=1):
        inside = np.array([i for i in order if member[i] == code])
        pairs = np.triu_indices(len(inside), 1)
        block = np.ix_(inside, inside)
        stability = None
        if together is not None:
            outside = np.setdiff1d(order, inside)
            alone = 1 - together[np.ix_(inside, outside)].max()
            stability = float(together[block][pairs].mean()) if len(inside) > 1 else float(alone)
        within = float(-distance[block][pairs].mean()) if len(inside) > 1 else None
        found.append(Group(number, tuple(labels[i] for i in inside), stability, within))
    return tuple(found)


def _neighbours(
    case: Case, ids: list[str | None], labels: list[str], distance: Floats, of_label: dict[str, int]
) -> list[Neighbour]:
    apart = distance + np.diag(np.full(len(ids), np.inf))
    nearest = apart.argmin(axis=1)
    return [
        Neighbour(
            label=labels[i],
            nearest=labels[j],
            score=float(-distance[i, j]),
            group=of_label.get(labels[i]),
            n_clips=int(case.by_id[ids[i]].row["n_usable"]),  # type: ignore[index]
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
