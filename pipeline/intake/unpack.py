"""Copying archive members to scratch: owner-only, hashed in the same pass, named by their content."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pipeline.errors import UserError
from pipeline.intake.compressed import COMPRESSED
from pipeline.intake.limits import Budget
from pipeline.intake.members import Member
from pipeline.intake.reading import HEAD_SIZE
from pipeline.intake.tars import UNREADABLE as TAR_ERRORS
from pipeline.intake.tars import compressed_members, tar_members
from pipeline.intake.zips import UNREADABLE as ZIP_ERRORS
from pipeline.intake.zips import zip_members

READABLE: Final = ("zip", "tar", *COMPRESSED)
UNPACK_ERRORS: Final = (*TAR_ERRORS, *ZIP_ERRORS)


@dataclass(frozen=True)
class Unpacked:
    """A member's bytes on the disk; the caller renames the file or removes it."""

    local: Path
    head: bytes
    sha256: str  # hex
    size: int  # bytes


def members(file: BinaryIO, kind: str, name: bytes, budget: Budget) -> Iterator[Member]:
    """Members of an archive of a READABLE kind. Raises DamagedError, BombError; see the readers."""
    if kind == "zip":
        return zip_members(file, budget)
    if kind == "tar":
        return tar_members(file)
    return compressed_members(file, kind, name, budget)


def unpack(member: Member, scratch: Path, budget: Budget) -> Unpacked:
    """Copy a member to an owner-only file (0600) in ``scratch``, in bounded memory.

    Raises UNPACK_ERRORS or BombError when the member cannot be read to its end, UserError when scratch is
    full or cannot be written; no file is left behind then.
    """
    assert member.stream is not None
    try:
        descriptor, name = tempfile.mkstemp(dir=scratch)  # mkstemp creates with 0600
    except OSError as error:
        raise _scratch_trouble(scratch, error) from None
    head, size, digest = b"", 0, hashlib.sha256()
    try:
        with os.fdopen(descriptor, "wb") as target:
            while chunk := member.stream.read(member.chunk):
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
    return Unpacked(Path(name), head, digest.hexdigest(), size)


def _scratch_trouble(scratch: Path, error: OSError) -> UserError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "free space there" if full else "make it writable"
    return UserError(f"{scratch} cannot take unpacked evidence ({error.strerror}); {remedy} and run again.")
