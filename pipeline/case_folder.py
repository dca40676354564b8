"""The case folder: where its parts lie, who may write to it, and whether it is finished.

A case is *unfinished* while it holds ``.work`` (the ledger's shards and extracted archive members)
and *sealed* once that is gone and ``SHA256SUMS`` stands. One process at a time may work on a case.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.custody import make_private_folder, write_atomically
from pipeline.errors import UserError

MARKER = "run.json"
SUMS = "SHA256SUMS"
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
        return self.root / "report.html"

    def is_unfinished(self) -> bool:
        return self.plan.is_file()

    def is_sealed(self) -> bool:
        return self.record.is_file() and (self.root / SUMS).is_file() and not self.work.exists()

    def read_record(self) -> dict[str, Any]:
        """``run.json`` as a dictionary.

        Raises UserError when the folder is not a case or the record cannot be read.
        """
        try:
            record: dict[str, Any] = json.loads(self.record.read_text("utf-8"))
        except FileNotFoundError:
            raise UserError(
                f"{self.root} is not a driverprint case (no {MARKER} in it): name a folder that "
                "'driverprint analyze' has written."
            ) from None
        except (OSError, ValueError) as error:
            raise UserError(
                f"{self.record} cannot be read ({error}): restore it from a copy of the case."
            ) from None
        return record


def prepare_case(case: CaseFolder, plan: Mapping[str, Any], *, fresh: bool) -> bool:
    """Make the folder ready for a run with this plan; True when an unfinished run is continued.

    ``plan`` holds everything that decides what the shards contain (model, clip length, crops …).
    Shards made under another plan cannot be continued and are never mixed.

    Raises UserError when the folder holds something that is not a case, or another plan's run.
    """
    occupied = case.root.exists() and (not case.root.is_dir() or any(case.root.iterdir()))
    ours = case.is_unfinished() or case.record.is_file() or _only_work(case)
    if occupied and not ours:
        raise UserError(
            f"{case.root} exists and is not a driverprint case: name a new or empty folder with -o, "
            "nothing in it was touched."
        )
    if fresh and occupied:
        _empty(case)
    if case.is_unfinished():
        if json.loads(case.plan.read_text("utf-8")) != json.loads(json.dumps(plan)):
            raise UserError(
                f"{case.root} holds an unfinished run with other settings (model, clip length, stride, crop "
                "or version): use --fresh to start again, or name another folder with -o."
            )
        write_atomically(case.holder, str(os.getpid()).encode())
        return True
    for folder in (case.root, case.work, case.shards, case.members):
        make_private_folder(folder)
    write_atomically(case.holder, str(os.getpid()).encode())
    write_atomically(case.plan, json.dumps(plan, indent=1, sort_keys=True).encode())
    return False


def _only_work(case: CaseFolder) -> bool:
    """A run killed before its plan was written leaves an empty ``.work`` and nothing else."""
    return case.root.is_dir() and {entry.name for entry in case.root.iterdir()} <= {WORK}


def _empty(case: CaseFolder) -> None:
    for entry in case.root.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


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
        holder = case.holder.read_text() if case.holder.exists() else "of another user"
        raise UserError(
            f"{case.root} is being written by process {holder}: wait for it or stop it, then run this again."
        ) from None
    try:
        yield
    finally:
        os.close(handle)
