"""`driverprint purge`: remove the biometric data of a finished case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.audit import Audit
from pipeline.case_folder import CaseFolder, locked
from pipeline.cli.progress import say
from pipeline.errors import UserError
from pipeline.purge import is_purged, purge_biometrics
from pipeline.reseal import resealed, settle
from pipeline.run_record import tool_version
from pipeline.verify import verify_case

EXAMPLES = """
Examples:

  driverprint purge case-17/ --biometrics
      Remove embeddings, thumbnails and motion maps. Text of the report,
      scores, hashes and log stay and 'driverprint verify' still checks
      them.
"""


def purge_command(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="Folder that analyze has written.")],
    biometrics: Annotated[
        bool,
        typer.Option("--biometrics", help="Say that embeddings and pictures are to be removed."),
    ] = False,
) -> None:
    """Remove what identifies people from a case; it cannot be undone."""
    if not biometrics:
        raise UserError("purge removes data for good: say what to remove with --biometrics.")
    folder = CaseFolder(case)
    record = folder.read_record()
    with locked(folder):
        settle(folder)
        problems = verify_case(folder).problems
        if problems:
            raise UserError(
                f"{case} does not verify ({problems[0]}): what does not is not purged, or no one could "
                "tell what it was."
            )
        if not is_purged(folder.root):
            with resealed(folder, "purge") as aside, Audit(aside, tool_version()) as audit:
                blanked = purge_biometrics(folder.root, aside, tool_version())
                audit.note("purged", result_digest=record["result_digest"], pictures=blanked)
    after = verify_case(folder)
    if after.problems:
        raise UserError(f"{case} does not verify after the purge ({after.problems[0]}): restore a copy.")
    say(
        f"Removed embeddings, thumbnails and motion maps of {case}; result digest {after.result_digest} can "
        "still be verified."
    )
