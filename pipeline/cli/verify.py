"""`driverprint verify`: does a sealed case still hold? Needs no video and no model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from pipeline.case_folder import CaseFolder
from pipeline.cli.exit_codes import Exit
from pipeline.cli.progress import say
from pipeline.verify import verify_case

EXAMPLES: Final = """
Examples:

  driverprint verify case-17/
      Says that everything holds, or line by line what does not, and prints
      the result digest.

Exit status: 0 everything holds, 1 something does not, 2 this is no case.
"""


def verify_command(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="Folder that analyze has written.")],
) -> None:
    """Check a case: checksums, counts, schemas, ids and result digest."""
    verdict = verify_case(CaseFolder(case))
    for problem in verdict.problems:
        say(f"does not hold: {problem}")
    if verdict.result_digest:
        print(f"result digest {verdict.result_digest}")
    if verdict.problems:
        raise typer.Exit(Exit.SOME_FAILED)
    print("everything holds: checksums, counts, schemas, identifiers, digest")
