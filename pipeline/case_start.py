"""A run begins in a case folder: what may lie there, what is continued, and what makes room.

Whatever this program has not written is never removed, and an earlier case stands until there is evidence to
put a new one in its place.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from typing import Any, Final

from pipeline import schemas
from pipeline.audit import AUDIT_NAME
from pipeline.case_folder import MARKER, WORK, CaseFolder, clear_work, hold, left_sealed
from pipeline.custody import (
    PAGES,
    REPORT,
    SUMS_NAME,
    UNFINISHED_PREFIX,
    make_private_folder,
    remove_unfinished,
    sync,
    write_atomically,
)
from pipeline.errors import UserError
from pipeline.purge import PURGE_NAME
from pipeline.question import QUESTION_NAME, differences, read_question
from pipeline.tables import FOLDERS

#: All that a run, a report or a purge leaves in a case: files, and folders with what they hold.
_FILES: Final = {
    MARKER, SUMS_NAME, AUDIT_NAME, PURGE_NAME, QUESTION_NAME, REPORT, "report.part",
    *(f"{name}.parquet" for name in schemas.TABLES if name not in FOLDERS),
}  # fmt: skip
_FOLDERS: Final = {
    **{name: re.compile(rf"part-\d+\.parquet|{re.escape(UNFINISHED_PREFIX)}.*") for name in FOLDERS},
    PAGES: re.compile(r"\d+\.(html|part)"),
}


def prepare_case(case: CaseFolder, plan: Mapping[str, Any], *, fresh: bool) -> bool:
    """Make the folder ready for a run with this plan; True when an unfinished run is continued.

    ``plan`` holds everything that decides what the shards contain (model, clip length …).
    Shards made under another plan cannot be continued and are never mixed. ``fresh`` takes nothing away
    yet: an earlier case stays as it is until ``start_again``, and the log of this run begins in ``.work``.

    Raises UserError when the folder holds something that is not a case, or another plan's run, or when a
    fresh start would remove what this program has not written.
    """
    occupied = case.root.exists() and (not case.root.is_dir() or any(case.root.iterdir()))
    ours = case.plan.is_file() or case.record.is_file() or _only_work(case)
    if occupied and not ours:
        raise UserError(
            f"{case.root} exists and is not a driverprint case: name a new or empty folder with -o, "
            "nothing in it was touched."
        )
    if fresh:
        _refuse_foreign(case)
        with left_sealed(case):
            hold(case)
            _clear_members(case)
            if os.path.lexists(case.root / AUDIT_NAME):
                shutil.copyfile(case.root / AUDIT_NAME, case.work / AUDIT_NAME, follow_symlinks=False)
        return False
    if case.root.is_dir():
        remove_unfinished(case.root)
    if case.plan.is_file():
        other = differences(read_question(case.plan), plan)
        if other:
            raise UserError(
                f"{case.root} holds an unfinished run with other settings ({other}): use --fresh to start "
                "again, or name another folder with -o."
            )
        hold(case)
        _clear_members(case)
        return True
    clear_work(case)  # without a plan it is what a kill left of an older run
    _clear_remains(case)
    hold(case, case.shards, case.members)
    _write_plan(case, plan)
    return False


def start_again(case: CaseFolder, plan: Mapping[str, Any]) -> None:
    """Remove the earlier case, now that there is evidence to put a new one in its place.

    What ``prepare_case(fresh=True)`` began in ``.work``, unpacked members and log, is what the run goes on
    with. Raises UserError when something was put into the folder meanwhile that is not this program's.
    """
    _refuse_foreign(case)
    # No more sealed from here on, and the log says who did it, whenever this is killed.
    (case.root / SUMS_NAME).unlink(missing_ok=True)
    (case.work / AUDIT_NAME).replace(case.root / AUDIT_NAME)
    sync(case.root, os.O_RDONLY | os.O_DIRECTORY)
    _empty(case)
    make_private_folder(case.shards)
    _write_plan(case, plan)


def _write_plan(case: CaseFolder, plan: Mapping[str, Any]) -> None:
    write_atomically(case.plan, json.dumps(plan, indent=1, sort_keys=True).encode())


def _clear_members(case: CaseFolder) -> None:
    """Remove what a killed run had unpacked, half of a member perhaps: taking in unpacks everything anew."""
    if case.members.exists():
        shutil.rmtree(case.members)
    make_private_folder(case.members)


def _only_work(case: CaseFolder) -> bool:
    """A run killed before its plan was written leaves an empty ``.work`` and nothing else."""
    return case.root.is_dir() and {entry.name for entry in case.root.iterdir()} <= {WORK, AUDIT_NAME}


def _refuse_foreign(case: CaseFolder) -> None:
    foreign = _foreign(case)
    if foreign is not None:
        raise UserError(
            f"{case.root} holds {foreign}, which driverprint has not written and --fresh would remove: "
            "move it elsewhere; nothing was removed."
        )


def _foreign(case: CaseFolder) -> str | None:
    """The first thing in the folder that no run of this program writes there."""
    if not case.root.is_dir():
        return None
    for entry in sorted(case.root.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            inside = _FOLDERS.get(entry.name)
            if entry.name == WORK:
                continue
            if inside is None:
                return entry.name
            for part in sorted(entry.iterdir()):
                if part.is_dir() or not inside.fullmatch(part.name):
                    return f"{entry.name}/{part.name}"
        elif entry.name not in _FILES and not entry.name.startswith(UNFINISHED_PREFIX):
            return entry.name
    return None


def _empty(case: CaseFolder) -> None:
    """Remove all but the log, which tells that there was an earlier run, and what the new one has begun.

    Ledger and record go last: killed in between, the folder is still known as a case.
    """
    kept = {AUDIT_NAME, MARKER, WORK}
    old = [*(e for e in case.root.iterdir() if e.name not in kept), case.shards]
    begun = {case.members.name, case.holder.name}
    for entry in [*old, *(e for e in case.work.iterdir() if e.name not in begun), case.record]:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def _clear_remains(case: CaseFolder) -> None:
    """Remove what a killed fresh start left of the old case: a new one must not be sealed over its pages.

    The record stays, by which the folder is known as a case, and is written over.
    """
    for name in _FILES - {AUDIT_NAME, MARKER}:
        (case.root / name).unlink(missing_ok=True)
    for folder, ours in _FOLDERS.items():
        inside = case.root / folder
        for part in () if inside.is_symlink() else inside.glob("*"):
            if ours.fullmatch(part.name) and not part.is_dir():
                part.unlink()
