"""`driverprint report`: build the report of a finished case again, without video or model."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer

from pipeline.audit import Audit
from pipeline.case_folder import CaseFolder, locked
from pipeline.cli.progress import say
from pipeline.custody import PAGES, REPORT, make_private_folder
from pipeline.errors import UserError
from pipeline.purge import is_purged
from pipeline.reseal import resealed, settle
from pipeline.run_record import tool_version
from pipeline.verify import verify_case
from reports.build import build_report, figures_json

EXAMPLES: Final = """
Examples:

  driverprint report case-17/
      Builds report.html again from the tables, byte for byte, and seals the
      case anew.

  driverprint report case-17/ --redact public/
      A copy without frames and names in a new folder; the case stays as it
      is.

  driverprint report case-17/ --json > figures.json
      Every figure of the report as data; with --redact as well, without
      names.
"""


def report_command(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="Folder that analyze has written.")],
    redact: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a report without frames and names there.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print every figure of the report as JSON.")] = False,
) -> None:
    """Build the report again from the tables of a case."""
    folder = CaseFolder(case)
    folder.read_record()
    with locked(folder):
        settle(folder)
        if folder.is_unfinished():
            raise UserError(f"{case} is unfinished: run the same 'driverprint analyze' again to complete it.")
        if is_purged(folder.root):
            raise UserError(
                f"{case} was purged of pictures and embeddings: its report can no longer be built and stands "
                "as it was without them."
            )
        verdict = verify_case(folder)
        others = [problem for problem in verdict.problems if REPORT not in problem]
        if others:
            raise UserError(f"{case} does not verify ({others[0]}): no report is built on what does not.")
        if json:
            _print_utf8(figures_json(folder.root, redact=redact is not None))
            return
        if redact is not None:
            say(f"Report: {_redacted(folder, redact)}")
            return
        with resealed(folder, "report") as aside, Audit(aside, tool_version()) as audit:
            build_report(folder.root, aside)
            audit.note("report_built")
    say(f"Report: {folder.report}")


def _print_utf8(text: str) -> None:
    """JSON is UTF-8 wherever it is read (RFC 8259), whatever the terminal it was printed from."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    print(text)


def _redacted(folder: CaseFolder, out: Path) -> Path:
    """Build a redacted report in a folder of its own; the case and its own report stay as they are.

    Raises UserError when the folder lies in the case or holds something already.
    """
    if out.resolve().is_relative_to(folder.root):
        raise UserError(f"{out} lies in the sealed case: name a folder outside it.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is not empty: name a new folder for the redacted report.")
    with tempfile.TemporaryDirectory() as scratch:
        report = build_report(folder.root, Path(scratch), redact=True)
        make_private_folder(out)
        try:
            for item in (report, report.with_name(PAGES)):
                if item.exists():
                    shutil.move(item, out / item.name)
        except OSError as error:
            for begun in out.iterdir():  # it was empty: the same command can be run again
                shutil.rmtree(begun) if begun.is_dir() else begun.unlink()
            error.filename, error.filename2 = str(out), None  # not the scratch folder's, which has room
            raise
    return out / report.name
