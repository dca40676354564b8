"""What the terminal says of a case that is finished, just now or long ago, and the exit status it earns."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from model.validated_for import in_words
from pipeline import schemas
from pipeline.case_folder import CaseFolder
from pipeline.cli.exit_codes import Exit
from pipeline.cli.progress import console, say
from pipeline.cli.request import Request, question_of
from pipeline.errors import UserError
from pipeline.question import QUESTION_NAME, changed_evidence, differences, read_question


def say_it_is_sealed(request: Request) -> Exit:
    """The same question was answered before; any other is refused, so that nobody takes it for answered."""
    case = request.case
    record = case.read_record()
    other = differences(read_question(case.root / QUESTION_NAME), question_of(request))
    if other:
        raise UserError(
            f"{case.root} is a finished case with other settings ({other}) and was left as it is: name "
            "another folder with -o, or use --fresh to put a new case in its place."
        )
    try:
        changed = changed_evidence(case.root, request.evidence)
    except pa.ArrowException as error:
        raise UserError(
            f"The evidence table of {case.root} cannot be read ({error}): restore a copy."
        ) from None
    if changed:
        raise UserError(
            f"{case.root} is a finished case, but {request.evidence} has changed since ({changed}); nothing "
            "was analysed: name another folder with -o, or use --fresh to put a new case in its place."
        )
    say(
        f"{case.root} is a finished case (result digest {record['result_digest']}); nothing was changed. The "
        "evidence folder lists the same names, sizes and times; its content was not read again. Use --fresh "
        "to run it again."
    )
    return Exit.SOME_FAILED if record["counts"]["failed"] else Exit.ALL_PROCESSED


def say_how_it_ended(case: CaseFolder, record: dict[str, Any], evidence: pa.Table) -> Exit:
    counts = record["counts"]
    parts = ", ".join(f"{counts[status]} {status}" for status in schemas.STATUSES)
    console.print(
        f"{counts['found']} files: {parts}. {counts['usable_clips']} of {counts['clips']} clips usable."
    )
    for row in evidence.sort_by("path").to_pylist():
        if row["status"] == "failed":
            say(f"  failed: {row['path']}: {row['reason']} [{row['reason_code']}]")
    for conflict in record["conflicts"]:
        say(f"  conflict: {conflict['reason']}")
    for change in record["changed"]:
        say(f"  changed: {change['path']}: {change['reason']}")
    say(f"Model validated for: {in_words(record['model']['validated_for'])}.")
    say(f"Result digest: {record['result_digest']}")
    say(f"Report: {case.report}")
    return Exit.SOME_FAILED if counts["failed"] else Exit.ALL_PROCESSED
