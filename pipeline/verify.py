"""Does a sealed case still hold? Checksums, schemas, identifiers, counts and the result digest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline import schemas
from pipeline.audit import AUDIT_NAME, check_audit
from pipeline.case_folder import MARKER, WORK, CaseFolder
from pipeline.custody import SUMS_NAME, check_sums, read_sums
from pipeline.digest import result_digest
from pipeline.errors import UserError
from pipeline.purge import read_purge
from pipeline.reseal import check_half_done, interrupted
from pipeline.run_record import count_rows
from pipeline.tables import read_table, table_path


@dataclass(frozen=True)
class Verdict:
    """What verification found; ``problems`` in the order they were met, empty when all holds."""

    result_digest: str | None
    problems: tuple[str, ...]


def verify_case(case: CaseFolder) -> Verdict:
    """Check everything a case claims about itself.

    Raises UserError when the folder is not a case.
    """
    if case.is_unfinished():
        return Verdict(
            None, (f"{case.root} is unfinished: run the same 'driverprint analyze' again to complete it",)
        )
    sealed = (case.root / SUMS_NAME).is_file()
    if not case.record.exists() and not (sealed and os.fsencode(MARKER) in read_sums(case.root)):
        case.read_record()  # says that this is no case; one whose record was removed is an altered case
    if not sealed:
        return Verdict(None, (f"{SUMS_NAME} is missing: the case was never sealed, or the file was removed",))
    command = interrupted(case)
    again = f"'driverprint {command}' was interrupted or is still at work on {case.root}: run it again"
    half_done = check_half_done(case)
    if half_done is not None:
        return Verdict(None, (*half_done, again))
    problems = check_sums(case.root, leaving_out=WORK)
    problems += [_older(AUDIT_NAME)] if _never_there(case, AUDIT_NAME) else check_audit(case.root)
    if command is not None:
        problems.append(again)
    return _check_content(case, problems)


def _never_there(case: CaseFolder, name: str) -> bool:
    """Whether a file is missing that the checksums do not know of either: no one removed it alone."""
    return not os.path.lexists(case.root / name) and os.fsencode(name) not in read_sums(case.root)


def _older(name: str) -> str:
    return (
        f"{name} is missing and was not there when the case was sealed, which may have been by an older "
        "version of driverprint: use that version (run.json names it), or analyse the evidence again into a "
        "new folder"
    )


def _check_content(case: CaseFolder, problems: list[str]) -> Verdict:
    """What the case says of itself, behind the ``problems`` its checksums and its log have."""
    try:
        case.record.read_bytes()
    except OSError as error:  # of which the checksums' problems tell already, unless it just went away
        return Verdict(None, tuple(problems) or (f"{MARKER} cannot be read ({error.strerror})",))
    try:
        record = case.read_record()
        removed = read_purge(case.root)
    except UserError:
        return Verdict(None, (*problems, f"{MARKER} is not a record of this tool"))
    except ValueError as error:
        return Verdict(None, (*problems, str(error)))
    tables: dict[str, pa.Table] = {}
    for name in schemas.TABLES:
        try:
            tables[name] = read_table(case.root, name)
        except (OSError, pa.ArrowException) as error:
            file = str(table_path(case.root, name).relative_to(case.root))
            missing = _never_there(case, file)
            problems.append(_older(file) if missing else f"table {name} cannot be read: {error}")
    if len(tables) < len(schemas.TABLES):
        return Verdict(None, tuple(problems))
    problems += _reconcile(record, tables, removed)
    digest = result_digest(tables, removed)
    if digest != record["result_digest"]:
        problems.append(f"result digest is {digest}, run.json says {record['result_digest']}")
    return Verdict(digest, tuple(problems))


def _reconcile(
    record: Mapping[str, Any], tables: Mapping[str, pa.Table], removed: Mapping[str, str]
) -> list[str]:
    problems = []
    counts = count_rows(tables["evidence"], tables["clips"])
    for name, value in counts.items():
        if record["counts"].get(name) != value:
            problems.append(f"run.json counts {record['counts'].get(name)} {name}, the tables hold {value}")
    if sum(counts[status] for status in schemas.STATUSES) != counts["found"]:
        problems.append("the statuses of the evidence table do not add up to the files found")
    clips = set(tables["clips"].column("clip_id").to_pylist())
    files = set(tables["evidence"].column("evidence_id").to_pylist())
    problems += [f"table {name} holds rows although it was purged" for name in removed if len(tables[name])]
    if not removed and clips != set(tables["embeddings"].column("clip_id").to_pylist()):
        problems.append("clips and embeddings do not name the same windows")
    for name in ("clips", "embeddings", "visuals", "shots"):
        if not set(tables[name].column("evidence_id").to_pylist()) <= files:
            problems.append(f"table {name} names a file the evidence table does not hold")
    models = set(tables["embeddings"].column("model_id").to_pylist())
    if not models <= {record["model"]["model_id"]}:
        problems.append("embeddings were made by another model than run.json names")
    declared = sum(count or 0 for count in tables["evidence"].column("n_clips").to_pylist())
    if declared != tables["clips"].num_rows:
        problems.append(
            f"evidence rows announce {declared} clips, the manifest holds {tables['clips'].num_rows}"
        )
    return problems
