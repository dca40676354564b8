"""Evidence that is not what it was when it was taken in: found before the case is sealed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.intake.found import Found
from pipeline.intake.reading import NotRegularError, Tell, read_through, utc
from pipeline.intake.walk import TellOf
from pipeline.names import MEMBER, printable, raw_name

CODE = "changed_since_intake"


@dataclass(frozen=True)
class Changed:
    """A file that changed during the run; ``reason`` is one sentence with the remedy."""

    path: str
    evidence_id: str
    reason: str


def find_changed(
    found: Sequence[Found], evidence: Path, *, rehash: bool, tell: TellOf | None = None
) -> list[Changed]:
    """Files below ``evidence`` whose size or modification time (``rehash``: bytes) are not those of intake.

    Archive members are left out: the archive they came from has its own row. ``tell`` as for `find_evidence`.
    """
    changes = []
    for item in found:
        if item.evidence_id is None or MEMBER in item.path:
            continue
        told = partial(tell, item.path) if tell is not None else None
        how = _difference(item, evidence / os.fsdecode(raw_name(item.path)), told, rehash=rehash)
        if how is not None:
            reason = (
                f"The file {how} after it was taken in; its results are compared with nothing. "
                "Work on a copy that nothing writes to and run again with --fresh."
            )
            changes.append(Changed(item.path, item.evidence_id, reason))
    return changes


def mark_changed(rows: Iterable[dict[str, Any]], changes: Sequence[Changed]) -> list[dict[str, Any]]:
    """Evidence rows in which a changed file says so and, if it was processed, is compared with nothing.

    Nor are the members of a changed archive: nobody can say any more that they lie in the file of its hash.
    Duplicates of a changed file keep their bytes, but the results under that content may be another's.
    """
    reasons = {change.path: change.reason for change in changes}
    contents = {change.evidence_id: change.reason for change in changes}
    marked = []
    for row in rows:
        said = {}
        if row["path"] in reasons:
            old = f"{row['reason']} " if row["status"] != "processed" and row["reason"] else ""
            said["reason"] = old + reasons[row["path"]]
            said["reason_code"] = row["reason_code"] if old else CODE
        if row["evidence_id"] in contents:
            said["conflict"] = row["conflict"] or contents[row["evidence_id"]]
        outer, inside, _ = row["path"].partition(MEMBER)
        if inside and outer in reasons and row["status"] == "processed":
            said["conflict"] = row["conflict"] or f"It lies in {printable(outer)}. {reasons[outer]}"
        marked.append(row | said)
    return marked


def _difference(item: Found, local: Path, tell: Tell | None, *, rehash: bool) -> str | None:
    try:
        if rehash:
            return "was given other bytes" if read_through(local, tell).sha256 != item.evidence_id else None
        now = local.lstat()
    except NotRegularError:
        return "was replaced"
    except OSError:
        return "was removed or became unreadable"
    same = now.st_size == item.size and utc(now.st_mtime_ns / 1e9) == item.modified
    return None if same else "was written to"
