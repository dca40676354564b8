"""`driverprint case-uco`: hand a case over to other forensic tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.case_folder import CaseFolder
from pipeline.case_uco import case_uco
from pipeline.cli.progress import say
from pipeline.custody import write_atomically
from pipeline.errors import UserError
from pipeline.verify import verify_case

EXAMPLES = """
Examples:

  driverprint case-uco case-17/ -o case-17.jsonld
      Evidence, hashes, tool and results as CASE/UCO (JSON-LD).
"""


def case_uco_command(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="Folder that analyze has written.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="JSON-LD file to write.")],
) -> None:
    """Export a finished case as CASE/UCO."""
    folder = CaseFolder(case)
    problems = verify_case(folder).problems
    if problems:
        raise UserError(f"{case} does not verify ({problems[0]}): only a case that holds is exported.")
    if out.resolve().is_relative_to(folder.root):
        raise UserError(f"{out} lies in the sealed case: name a file outside it.")
    text = json.dumps(case_uco(folder), indent=1, ensure_ascii=False)
    write_atomically(out, text.encode())
    say(f"CASE/UCO: {out}")
