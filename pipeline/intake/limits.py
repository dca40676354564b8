"""How far an archive may unfold before it is taken for a bomb.

Video hardly compresses, and logs and databases shrink some twenty times. Deflate ends near 1032:1, so a
ratio of 200 lets real material pass and stops what was made to swell. Small archives are not judged by
their ratio: up to the allowances below they may unfold as they like.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

MAX_DEPTH: Final = 5  # archives inside archives; a phone backup needs three
MAX_MEMBERS: Final = 100_000  # in one archive with everything nested in it
MAX_IMAGE_FILES: Final = 2_000_000  # in a disk image; an office computer holds half a million
MAX_RATIO: Final = 200  # unpacked bytes for each byte of the archive
OUTER_ALLOWANCE: Final = 4 * 2**30  # bytes any archive on the disk may unfold to, all levels together
ALLOWANCE: Final = 256 * 2**20  # bytes any nested archive or single member may unfold to
MAX_UNPACKED: Final = 2**40  # bytes; more than a terabyte should be unpacked by hand, where it can be seen
MAX_METADATA: Final = 16 * 2**20  # bytes of member list read into memory at once
MAX_HEADER: Final = 4 * 2**20  # bytes of one tar member's headers; a map of 80,000 holes takes half of it
MAX_NAME: Final = 4096  # bytes of a member's name; Linux's PATH_MAX
LABELS: Final = 32 * 2**20  # characters that paths of members may always have together in a case's tables
SECONDS: Final = 3600.0  # that reading an archive may take, with everything nested in it
EARNED: Final = 2**20  # bytes of it for each second more; the slowest packer in use gives a few times as many


class BombError(Exception):
    """A limit was passed; the message is a clause for the reason."""

    code = "archive_bomb"


class TooSlowError(BombError):
    """The limit on time was passed: an archive can keep its reader at work without giving anything."""

    code = "archive_too_slow"


class Watch:
    """How long an archive on the disk may still be read; stands still while others deal with what it gave."""

    def __init__(self, size: int) -> None:
        self._until = time.monotonic() + SECONDS + size / EARNED

    @contextmanager
    def stopped(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._until += time.monotonic() - began

    def left(self) -> float:
        """Seconds, more than 0. Raises TooSlowError when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TooSlowError(f"it takes longer than {SECONDS:,.0f} s and one more for each MiB of it")
        return left


@dataclass
class Budget:
    """What an archive may still unfold to; what a nested archive uses its parents lose as well."""

    bytes_left: int
    members_left: int
    watch: Watch
    parent: Budget | None = None
    most: int = MAX_MEMBERS
    labels_left: int = LABELS  # characters

    def nested(self, size: int) -> Budget:
        """Budget of an archive of ``size`` bytes found inside this one."""
        unpacked = min(max(ALLOWANCE, MAX_RATIO * size), MAX_UNPACKED)
        return Budget(unpacked, MAX_MEMBERS, self.watch, self, MAX_MEMBERS, max(LABELS, size))

    def spend(self, size: int) -> None:
        """Count ``size`` unpacked bytes. Raises BombError when this archive or one around it is used up."""
        self.watch.left()
        self.bytes_left -= size
        if self.parent is not None:
            self.parent.spend(size)
        if self.bytes_left < 0:
            raise BombError(f"it unfolds to far more than its size (more than {MAX_RATIO} times)")

    def count(self, path: str) -> None:
        """Count one member, whose row will hold ``path``. Raises BombError when there are too many."""
        self.watch.left()
        self.members_left -= 1
        self.labels_left -= len(path)
        if self.parent is not None:
            self.parent.count(path)
        if self.members_left < 0:
            raise BombError(f"it holds more than {self.most:,} members")
        if self.labels_left < 0:
            raise BombError("the names of its members are far longer than those of files are")


def outer_budget(size: int, watch: Watch, members: int | None = None) -> Budget:
    """Budget of an archive of ``size`` bytes that lies in the evidence folder itself."""
    allowed = MAX_MEMBERS if members is None else members
    unpacked = min(max(OUTER_ALLOWANCE, MAX_RATIO * size), MAX_UNPACKED)
    return Budget(unpacked, allowed, watch, most=allowed, labels_left=max(LABELS, size))
