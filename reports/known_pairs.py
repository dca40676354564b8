"""Pairs of known videos, sorted into the comparisons a validation may draw from.

Three readings of the same pairs, in order of worth:

``paper``       per target identity, positives are pairs of its self-reenactments, negatives self × cross
                (arXiv 2604.23247, section IV.B). The face is the same on both sides of every pair.
``same_target`` per target, positives are pairs of one driver, negatives pairs of two, all showing that
                target's face. For faces that drive no video themselves.
``any_face``    per driver, positives are its own pairs, negatives its pairs with everyone else, whatever
                the faces. What separates drivers here may be their faces: never called validation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from reports.case import Case

Kind = Literal["paper", "same_target", "any_face"]
Bools = NDArray[np.bool_]
Names = NDArray[np.object_]


@dataclass(frozen=True)
class KnownPairs:
    """Columns of length P, one row a pair of known videos; `target` is None unless both faces agree."""

    left: Names
    right: Names
    left_identity: Names
    right_identity: Names
    target: Names
    score: NDArray[np.float64]

    @property
    def same_driver(self) -> Bools:
        return np.asarray(self.left_identity == self.right_identity, bool)

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True)
class Group:
    """One row of a per-identity table: which pairs count for it, as row numbers of KnownPairs.

    ``own`` is the driver whose pairs are the positives; None where several drivers share a face.
    """

    name: str
    own: str | None
    positives: NDArray[np.intp]
    negatives: NDArray[np.intp]


def known_pairs(case: Case) -> KnownPairs:
    """Pairs of the case whose two drivers are both known."""
    table = case.pairs.filter(pc.equal(case.pairs.column("protocol"), "known"))
    columns = {
        name: np.asarray(table.column(name).to_pylist(), object)
        for name in ("left", "right", "left_identity", "right_identity", "same_target")
    }
    targets = {row["evidence_id"]: row["target"] for row in case.evidence if row["status"] == "processed"}
    target = [
        targets.get(left) if same is True else None
        for left, same in zip(columns["left"], columns.pop("same_target"), strict=True)
    ]
    return KnownPairs(
        **columns,
        target=np.asarray(target, object),
        score=table.column("score").to_numpy(zero_copy_only=False).astype(np.float64),
    )


def groups(pairs: KnownPairs, kind: Kind) -> list[Group]:
    """The per-identity groups of one reading, by name; those without positives or negatives too."""
    return sorted(_READINGS[kind](pairs), key=lambda group: group.name)


def _paper(pairs: KnownPairs) -> list[Group]:
    found = []
    for target in _present(pairs.target):
        here = pairs.target == target
        left, right = pairs.left_identity == target, pairs.right_identity == target
        found.append(
            Group(target, target, np.flatnonzero(here & left & right), np.flatnonzero(here & (left ^ right)))
        )
    return found


def _same_target(pairs: KnownPairs) -> list[Group]:
    same = pairs.same_driver
    return [
        Group(target, None, np.flatnonzero(here & same), np.flatnonzero(here & ~same))
        for target in _present(pairs.target)
        for here in [pairs.target == target]
    ]


def _any_face(pairs: KnownPairs) -> list[Group]:
    found = []
    for driver in _present(np.concatenate((pairs.left_identity, pairs.right_identity))):
        left, right = pairs.left_identity == driver, pairs.right_identity == driver
        found.append(Group(driver, driver, np.flatnonzero(left & right), np.flatnonzero(left ^ right)))
    return found


def _present(names: Names) -> list[str]:
    return sorted({name for name in names.tolist() if name is not None})


_READINGS: dict[Kind, Callable[[KnownPairs], list[Group]]] = {
    "paper": _paper,
    "same_target": _same_target,
    "any_face": _any_face,
}
