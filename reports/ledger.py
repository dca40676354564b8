"""Every file found, accounted for: the ledger, what failed, what was not searched, unusable clips."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pipeline.schemas import STATUSES
from reports.case import Case


@dataclass(frozen=True)
class Ledger:
    """Counts recounted from the evidence table, beside those the run declared.

    ``balanced``: found = processed + failed + skipped + duplicate, and both counts agree.
    """

    found: int
    by_status: dict[str, int]
    declared: dict[str, int]
    balanced: bool
    clips: int
    usable_clips: int
    unusable_clips: int
    flags: tuple[tuple[str, int, int], ...]
    reasons: tuple[tuple[str, str, int], ...]


def ledger(case: Case) -> Ledger:
    """``flags``: (flag, clips that carry it, of these unusable); ``reasons``: (status, code, files)."""
    statuses = Counter(row["status"] for row in case.evidence)
    by_status = {status: statuses.get(status, 0) for status in STATUSES}
    clips = [clip for rows in case.clips.values() for clip in rows]
    usable = sum(clip["usable"] for clip in clips)
    counted = {"found": len(case.evidence), **by_status, "clips": len(clips), "usable_clips": usable}
    declared = {key: case.run.get("counts", {}).get(key) for key in counted}
    carried = Counter(flag for clip in clips for flag in clip["flags"])
    unusable = Counter(flag for clip in clips if not clip["usable"] for flag in clip["flags"])
    reasons = Counter((row["status"], row["reason_code"]) for row in case.evidence if row["reason_code"])
    return Ledger(
        found=len(case.evidence),
        by_status=by_status,
        declared=declared,
        balanced=sum(by_status.values()) == len(case.evidence) and declared == counted,
        clips=len(clips),
        usable_clips=usable,
        unusable_clips=len(clips) - usable,
        flags=tuple((flag, n, unusable.get(flag, 0)) for flag, n in sorted(carried.items())),
        reasons=tuple((status, code, n) for (status, code), n in sorted(reasons.items())),
    )
