"""The case folder: where its parts lie, who may write to it, and whether it is finished.

A case is *sealed* while ``run.json`` and ``SHA256SUMS`` stand, and *unfinished* while it is not and holds
``.work`` (the ledger's shards and extracted archive members). Sealing writes the one before it removes the
other, so a kill in between loses nothing. One process at a time may work on a case.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pipeline import schemas
from pipeline.audit import AUDIT_NAME
from pipeline.custody import (
    PAGES,
    REPORT,
    SUMS_NAME,
    UNFINISHED_PREFIX,
    make_private_folder,
    remove_unfinished,
    sync,
    write_atomically,
    write_sums,
)
from pipeline.errors import UserError
from pipeline.purge import PURGE_NAME
from pipeline.question import QUESTION_NAME, differences, read_question
from pipeline.tables import FOLDERS

MARKER = "run.json"
WORK = ".work"

#: All that a run, a report or a purge leaves in a case: files, and folders with what they hold.
_FILES: Final = {
    MARKER, SUMS_NAME, AUDIT_NAME, PURGE_NAME, QUESTION_NAME, REPORT, "report.part",
    *(f"{name}.parquet" for name in schemas.TABLES if name not in FOLDERS),
}  # fmt: skip
_FOLDERS: Final = {
    **{name: re.compile(rf"part-\d+\.parquet|{re.escape(UNFINISHED_PREFIX)}.*") for name in FOLDERS},
    PAGES: re.compile(r"\d+\.(html|part)"),
}


class CaseFolder:
    """Paths of one case. Creating the object touches nothing on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    @property
    def work(self) -> Path:
        return self.root / WORK

    @property
    def shards(self) -> Path:
        return self.work / "shards"

    @property
    def members(self) -> Path:
        """Where members of archives are unpacked to while the run lasts."""
        return self.work / "members"

    @property
    def holder(self) -> Path:
        """Number of the process that works on the case."""
        return self.work / "process"

    @property
    def plan(self) -> Path:
        """What the unfinished run was started with."""
        return self.work / "plan.json"

    @property
    def record(self) -> Path:
        return self.root / MARKER

    @property
    def report(self) -> Path:
        return self.root / REPORT

    def is_unfinished(self) -> bool:
        return self.work.exists() and not self.is_sealed()

    def is_sealed(self) -> bool:
        """All results and checksums stand; a kill may have left ``.work``, see ``pipeline.reseal.settle``."""
        return self.record.is_file() and (self.root / SUMS_NAME).is_file()

    def read_record(self) -> dict[str, Any]:
        """``run.json`` as a dictionary.

        Raises UserError when the folder is not a case or the record cannot be read.
        """
        try:
            record = json.loads(self.record.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(
                f"{self.root} is not a driverprint case (no {MARKER} in it): name a folder that "
                "'driverprint analyze' has written."
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(
                f"{self.record} cannot be read ({error}): restore it from a copy of the case."
            ) from None
        if not _is_record(record):
            raise UserError(
                f"{self.record} is not a record of this tool: restore it from a copy of the case."
            )
        found: dict[str, Any] = record
        return found


def _is_record(record: object) -> bool:
    """Whether the parts are there that checking a case rests on."""
    return (
        isinstance(record, dict)
        and isinstance(record.get("result_digest"), str)
        and isinstance(record.get("counts"), dict)
        and isinstance(record["counts"].get("failed"), int)
        and isinstance(record.get("model"), dict)
        and isinstance(record["model"].get("model_id"), str)
    )


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
            hold(case, case.members)
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


@contextmanager
def left_sealed(case: CaseFolder) -> Iterator[None]:
    """Leave a sealed case exactly as it was when a block fails that has so far only written to ``.work``."""
    try:
        yield
    except BaseException:
        if case.is_sealed():
            clear_work(case)
        raise


def hold(case: CaseFolder, *folders: Path) -> None:
    """Make private folders, and note who works on the case.

    Raises UserError when the case is write-protected: root could write all the same, and whoever may not
    write into one of its folders would find out half-way.
    """
    there = [case.root, *case.root.iterdir()] if case.root.is_dir() else []
    for entry in there:
        found = entry.lstat().st_mode
        if stat.S_ISDIR(found) and not found & stat.S_IWUSR:
            raise UserError(
                f"{entry} is write-protected and nothing was changed: if the case is to be changed, allow "
                f"it with chmod -R u+w {case.root} and run this again."
            )
    for folder in (case.root, case.work, *folders):
        make_private_folder(folder)
    write_atomically(case.holder, str(os.getpid()).encode())


def _write_plan(case: CaseFolder, plan: Mapping[str, Any]) -> None:
    write_atomically(case.plan, json.dumps(plan, indent=1, sort_keys=True).encode())


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


def seal(case: CaseFolder) -> None:
    """Write ``SHA256SUMS`` over everything that stays, then remove the ledger: the case is finished."""
    write_sums(case.root, leaving_out=WORK)
    clear_work(case)


def clear_work(case: CaseFolder) -> None:
    """Remove the ledger of a sealed case."""
    if case.work.exists():
        shutil.rmtree(case.work)


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


@contextmanager
def locked(case: CaseFolder) -> Iterator[None]:
    """Hold the case for this process; the kernel frees the lock when the process dies.

    The lock is on the folder itself, so a sealed case holds no lock file.

    Raises UserError naming the process that holds it, or the folder that cannot be written.
    """
    try:
        if not case.root.exists():
            make_private_folder(case.root)
        handle = os.open(case.root, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise UserError(
            f"{case.root} cannot be written ({error.strerror}): name another folder with -o."
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        try:
            holder = f"process {case.holder.read_text()}"
        except OSError:  # a command that leaves no number, or another user's
            holder = "another process"
        raise UserError(
            f"{case.root} is being written by {holder}: wait for it or stop it, then run this again."
        ) from None
    try:
        yield
    finally:
        os.close(handle)
