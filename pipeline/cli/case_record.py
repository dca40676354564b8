"""The content of a case's run.json."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.cli.request import Request
from pipeline.intake.conflicts import Conflict
from pipeline.names import label
from pipeline.run_record import count_rows, machine_facts, not_searched, package_versions, tool_version


def case_record(
    request: Request,
    started: tuple[datetime, float],
    tables: dict[str, pa.Table],
    conflicts: Sequence[Conflict],
    processed: dict[str, Any],
) -> dict[str, Any]:
    finished = datetime.now(UTC)
    case_file = request.case_file
    evidence = tables["evidence"]
    return {
        "tool": {"name": "driverprint", "version": tool_version()},
        "command": [label(os.fsencode(word)) for word in (Path(sys.argv[0]).name, *sys.argv[1:])],
        "started": started[0].isoformat(timespec="seconds"),
        "finished": finished.isoformat(timespec="seconds"),
        # Not the difference of the two: the clock may have been set meanwhile.
        "duration_seconds": round(time.monotonic() - started[1], 1),
        "case": {
            "number": case_file.number,
            "examiner": case_file.examiner,
            "title": case_file.title,
            "propositions": {"same": case_file.same, "different": case_file.different},
        },
        "case_file": _case_file(request),
        "options": {
            "clip_length": request.clip_length,
            "stride": request.stride,
            "fps": request.metadata.fps,
        },
        "model": {
            "model_id": request.model_id,
            "file": request.model.name,
            **asdict(request.metadata),
        },
        **processed,
        "machine": machine_facts(),
        "packages": package_versions(),
        "counts": count_rows(evidence, tables["clips"]),
        "not_searched": not_searched(evidence),
        "conflicts": [asdict(conflict) for conflict in conflicts],
        "mode": "identities" if tables["scores"].num_rows or _knows(evidence) else "exploratory",
    }


def _case_file(request: Request) -> dict[str, Any] | None:
    """Which statements were used, and whether whoever handed the evidence over may have written them."""
    source = request.case_file.source
    if source is None:
        return None
    places = (source.resolve(), source.parent.resolve() / source.name)  # where it leads to, where it lies
    inside = any(place.is_relative_to(request.evidence) for place in places)
    return {"lies_in_evidence": inside, "sha256": request.case_file.sha256}


def _knows(evidence: pa.Table) -> bool:
    """Whether anything known was meant to be compared; what is skipped there, such as a note, was not."""
    rows = evidence.select(["role", "status"]).to_pylist()
    return any(row["role"] == "known" and row["status"] != "skipped" for row in rows)
