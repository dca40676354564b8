"""Reading evidence without touching it: read-only, no links followed, no access times written."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Final

HEAD_SIZE: Final = 64 * 1024  # bytes looked at to recognise a file
TOLD_EVERY: Final = 2**28  # bytes
_PIECE: Final = 2**20  # bytes

#: Called with the bytes of a file read so far, its size, and how many of them lie on the disk: what does not
#: is a hole, which costs no room and is read as zeros. A file of many TiB may be one.
Tell = Callable[[int, int, int], None]


class NotRegularError(OSError):
    """The path is no regular file (it may have become a link or a fifo since it was listed)."""


@dataclass(frozen=True)
class Read:
    """What one pass over a file gave."""

    head: bytes  # its first HEAD_SIZE bytes
    sha256: str  # hex
    size: int  # bytes
    modified: datetime  # UTC
    changed: bool  # size, modification time or the bytes read do not agree before and after


def open_evidence(path: Path) -> FileIO:
    """Open a regular file for reading only, unbuffered.

    O_NOATIME keeps the access time where the kernel allows it (own files, or CAP_FOWNER); O_NONBLOCK keeps
    a fifo put in a file's place from hanging the run. Raises OSError.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegularError(0, "it is no regular file any more")
    return FileIO(descriptor)


def read_through(path: Path, tell: Tell | None = None) -> Read:
    """Hash a file in one pass in bounded memory; ``tell`` is called every ``TOLD_EVERY``. Raises OSError."""
    with open_evidence(path) as file:
        before = os.fstat(file.fileno())
        head = os.pread(file.fileno(), HEAD_SIZE, 0)
        digest, piece, done = hashlib.sha256(), memoryview(bytearray(_PIECE)), 0
        while count := file.readinto(piece):
            digest.update(piece[:count])
            if tell is not None and done // TOLD_EVERY < (done + count) // TOLD_EVERY:
                tell(done + count, before.st_size, before.st_blocks * 512)
            done += count
        after = os.fstat(file.fileno())
        unlike = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
        return Read(
            head=head,
            sha256=digest.hexdigest(),
            size=after.st_size,
            modified=utc(after.st_mtime_ns / 1e9),
            changed=unlike or file.tell() != after.st_size,
        )


def utc(seconds: float) -> datetime:
    """Seconds since 1970 as a UTC datetime; the nearest one that exists when out of range."""
    earliest, latest = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    return datetime.fromtimestamp(min(max(seconds, earliest.timestamp()), latest.timestamp()), UTC)
