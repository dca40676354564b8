"""The evidence table: one row per file found, whatever happened to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.intake.conflicts import Conflict, stated_of_copies
from pipeline.intake.found import Found

Facts = Mapping[str, Any]

NOTHING: Facts = {"n_clips": 0, "n_usable": 0}


def evidence_rows(
    found: Sequence[Found], facts: Mapping[str, Facts], conflicts: Sequence[Conflict]
) -> list[dict[str, Any]]:
    """Rows of the evidence table: what intake saw of each path, joined with what decoding its content gave.

    Raises KeyError when a file that had to be decoded has no facts: no file may be lost in silence.
    """
    disputed = {conflict.evidence_id: conflict.reason for conflict in conflicts}
    return [_row(item, facts, disputed) for item in stated_of_copies(found)]


def _row(item: Found, facts: Mapping[str, Facts], disputed: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "evidence_id": item.evidence_id,
        "path": item.path,
        "size": item.size,
        "modified": item.modified,
        "role": item.role,
        "identity": item.identity,
        "target": item.target,
        "claimed_driver": item.claimed_driver,
        "crop": ",".join(map(str, item.crop)) if item.crop else None,
        "conflict": disputed.get(item.evidence_id or ""),
    }
    if item.status is not None:
        outcome = {"status": item.status, "reason_code": item.reason_code, "reason": item.reason}
        return {**row, **NOTHING, **outcome}
    assert item.evidence_id is not None
    return {**row, **_with_caveat(item, facts[item.evidence_id])}


def _with_caveat(item: Found, facts: Facts) -> Facts:
    """What decoding gave, and what intake has to say about how the bytes were come by."""
    if item.reason_code is None:
        return facts
    code = item.reason_code if facts["status"] == "processed" else facts["reason_code"]
    reasons = [reason for reason in (item.reason, facts["reason"]) if reason]
    return {**facts, "reason_code": code, "reason": " ".join(reasons)}
