"""The case folder: where its parts lie, who may write to it, and whether it is finished.

A case is *sealed* while ``run.json`` and ``SHA256SUMS`` stand, and *unfinished* while it is not and holds
``.work`` (the ledger's shards and extracted archive members). Sealing writes the one before it removes the
other, so a kill in between loses nothing. One process at a time may work on a case.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.custody import REPORT, SUMS_NAME, make_private_folder, write_atomically, write_sums
from pipeline.errors import UserError

MARKER = "run.json"
WORK = ".work"


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

        Raises UserError when the folder is not a case, or an unfinished one, or the record cannot be read.
        """
        try:
            record = json.loads(self.record.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            if self.is_unfinished():
                raise UserError(
                    f"{self.root} is unfinished: run the same 'driverprint analyze' again to complete it."
                ) from None
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


def seal(case: CaseFolder) -> None:
    """Write ``SHA256SUMS`` over everything that stays, then remove the ledger: the case is finished."""
    write_sums(case.root, leaving_out=WORK)
    clear_work(case)


def clear_work(case: CaseFolder) -> None:
    """Remove the ledger."""
    if case.work.exists():
        shutil.rmtree(case.work)


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
