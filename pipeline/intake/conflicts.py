"""The same bytes stated to be two different things: found before anything is compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pipeline.intake.found import Found
from pipeline.names import first_of, printable

_MOST_NAMED: Final = 5

Copies = tuple[str | None, str]  # evidence_id and role


@dataclass(frozen=True)
class Conflict:
    """``evidence_id`` is not compared with anything; ``reason`` is one sentence with the remedy."""

    evidence_id: str
    paths: tuple[str, ...]  # sorted labels of every copy
    reason: str


def find_conflicts(found: Sequence[Found]) -> list[Conflict]:
    """Contents whose copies differ in role, known driver, target, claimed driver or crop; sorted by id.

    A target or claimed driver stated for one copy and not for another is no conflict; a crop is, because
    the copies would give different frames.
    """
    copies: defaultdict[str, list[Found]] = defaultdict(list)
    for row in found:
        if row.kind == "video" and row.evidence_id is not None:
            copies[row.evidence_id].append(row)
    conflicts = []
    for evidence_id, rows in sorted(copies.items()):
        why = _disagreement(rows) if len(rows) > 1 else None
        if why is not None:
            paths = tuple(sorted(row.path for row in rows))
            shown = first_of([printable(path) for path in paths], _MOST_NAMED)
            reason = f"The same video is {why} ({shown}); remove or restate a copy to have it compared."
            conflicts.append(Conflict(evidence_id, paths, reason))
    return conflicts


def stated_of_copies(found: Sequence[Found]) -> list[Found]:
    """``found`` with what is stated of one copy of a video, its face or claimed driver, stated of all.

    Only one copy is decoded and compared, the first by path; what the examiner said of another is as true of
    it. Copies that contradict one another are left as they are: they are compared with nothing.
    """
    targets: defaultdict[Copies, set[str | None]] = defaultdict(set)
    claims: defaultdict[Copies, set[str | None]] = defaultdict(set)
    for row in found:
        targets[row.evidence_id, row.role].add(row.target)
        claims[row.evidence_id, row.role].add(row.claimed_driver)
    return [
        replace(
            row,
            target=row.target or _only(targets[row.evidence_id, row.role]),
            claimed_driver=row.claimed_driver or _only(claims[row.evidence_id, row.role]),
        )
        if row.kind == "video" and row.evidence_id is not None
        else row
        for row in found
    ]


def _only(values: set[str | None]) -> str | None:
    names = _named(values)
    return names[0] if len(names) == 1 else None


def _disagreement(rows: Sequence[Found]) -> str | None:
    identities = _named(row.identity for row in rows)
    if len(identities) > 1:
        return f"filed under two known drivers, {' and '.join(map(printable, identities))}"
    if len({row.role for row in rows}) > 1:
        return "both known and questioned"
    targets = _named(row.target for row in rows)
    if len(targets) > 1:
        return f"said to show two targets, {' and '.join(map(printable, targets))}"
    claimed = _named(row.claimed_driver for row in rows)
    if len(claimed) > 1:
        return f"claimed to have two drivers, {' and '.join(map(printable, claimed))}"
    if len({row.crop for row in rows}) > 1:
        return "given with two crops"
    return None


def _named(values: Iterable[str | None]) -> list[str]:
    return sorted({value for value in values if value is not None})
