"""Copying archive members to scratch: owner-only, hashed in the same pass, named by their content."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from pipeline.errors import UserError
from pipeline.intake.compressed import COMPRESSED
from pipeline.intake.disks import IMAGES
from pipeline.intake.guarded import guarded_members
from pipeline.intake.limits import Budget
from pipeline.intake.members import Member, Members, clause
from pipeline.intake.reading import HEAD_SIZE
from pipeline.intake.tars import UNREADABLE as TAR_ERRORS
from pipeline.intake.tars import compressed_members, tar_members
from pipeline.intake.zips import UNREADABLE as ZIP_ERRORS
from pipeline.intake.zips import zip_members

READABLE: Final = ("zip", "tar", "7z", *COMPRESSED)
UNPACK_ERRORS: Final = (*TAR_ERRORS, *ZIP_ERRORS)


@dataclass(frozen=True)
class Unpacked:
    """A member's bytes on the disk; the caller renames the file or removes it."""

    local: Path
    head: bytes
    sha256: str  # hex
    size: int  # bytes
    damage: str | None = None  # why it ends here, when the member goes on or its checksum does not match


def members(file: FileIO, kind: str, path: Path, name: bytes, budget: Budget) -> Members:
    """Members of an archive of a READABLE kind, or of a disk image of IMAGES, that is open as ``file``.

    ``path`` is where it lies, ``name`` what it is called. Raises DamagedError, BombError; see the readers.
    """
    if kind == "7z" or kind in IMAGES:
        return guarded_members(file, kind, path, budget.watch)
    if kind == "zip":
        return zip_members(file, budget)
    if kind == "tar":
        return tar_members(file)
    return compressed_members(file, kind, name, budget)


def unpack(member: Member, scratch: Path, budget: Budget) -> Unpacked:
    """Copy a member to an owner-only file (0600) in ``scratch``, in bounded memory.

    A damaged member is kept up to the damage. Raises UNPACK_ERRORS when nothing of it can be read, BombError
    when it passes a limit, UserError when scratch is full or cannot be written; no file is left behind then.
    """
    assert member.stream is not None
    try:
        descriptor, name = tempfile.mkstemp(dir=scratch)  # mkstemp creates with 0600
    except OSError as error:
        raise _scratch_trouble(scratch, error) from None
    head, size, digest, damage = b"", 0, hashlib.sha256(), None
    try:
        with os.fdopen(descriptor, "wb") as target:
            while True:
                try:
                    chunk = member.stream.read(member.chunk)
                except UNPACK_ERRORS as error:
                    if not size:
                        raise
                    damage = clause(error)
                    break
                if not chunk:
                    break
                budget.spend(len(chunk))
                if len(head) < HEAD_SIZE:
                    head += chunk[: HEAD_SIZE - len(head)]
                digest.update(chunk)
                size += len(chunk)
                try:
                    target.write(chunk)
                except OSError as error:
                    raise _scratch_trouble(scratch, error) from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Unpacked(Path(name), head, digest.hexdigest(), size, damage)


def _scratch_trouble(scratch: Path, error: OSError) -> UserError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "free space there" if full else "make it writable"
    return UserError(f"{scratch} cannot take unpacked evidence ({error.strerror}); {remedy} and run again.")
