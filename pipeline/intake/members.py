"""What archive readers give: members one by one, each to be read before the next is asked for."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from pipeline.intake.limits import MAX_NAME
from pipeline.names import printable

_DRIVE: Final = re.compile(rb"[A-Za-z]:")
_SAID: Final = 300  # characters of an error that are told


class Stream(Protocol):
    """The part of a binary file that unpacking needs."""

    def read(self, size: int, /) -> bytes: ...


class DamagedError(Exception):
    """The archive cannot be read any further; the message is a clause for the reason."""


class EncryptedError(DamagedError):
    """Not even the list of members can be read without a password."""

    code = "archive_encrypted"


@dataclass(frozen=True)
class Refusal:
    """Why a member is not unpacked: a code of ``pipeline.reasons`` and one sentence."""

    code: str
    sentence: str
    status: str = "failed"


@dataclass(frozen=True)
class Member:
    """One file in an archive. With a ``refusal`` its ``stream`` is not to be read."""

    name: bytes  # as stored, or normalised when it is harmless
    size: int  # bytes it claims to unpack to
    modified: datetime | None  # UTC
    stream: Stream | None = None
    refusal: Refusal | None = None
    chunk: int = (
        2**20
    )  # bytes to ask for at a time: a few decompressors bound what they take, not what they give


Members = Generator[Member, None, None]  # to be closed when no more are wanted


def refused_name(name: bytes) -> Refusal | None:
    """Refuse names no file can have, and names that would lead out of the folder an archive is unpacked in.

    Members are never unpacked under their own name; but such a name is an attack on whoever unpacks the
    archive, which the examiner should see, and no honest packer writes it.
    """
    if len(name) > MAX_NAME:  # first: it may be long enough to make any other look at it expensive
        return Refusal(
            "member_name_too_long",
            f"The archive gives this member a name of more than {MAX_NAME:,} bytes, shown here cut; "
            "unpack it by hand under a shorter one.",
        )
    parts = re.split(rb"[/\\]", name)
    if name.startswith((b"/", b"\\")) or _DRIVE.match(name):
        return Refusal("member_absolute_path", "The archive gives this member an absolute path.")
    if b".." in parts:
        return Refusal(
            "member_parent_path", "The archive gives this member a path that leads out of it (..)."
        )
    if not any(part not in (b"", b".") for part in parts):
        return Refusal("member_without_name", "The archive gives this member no name.")
    return None


def tidy(name: bytes) -> bytes:
    """A harmless name without ``.`` and empty parts."""
    return b"/".join(part for part in name.split(b"/") if part not in (b"", b"."))


def clause(error: Exception) -> str:
    """What an error says, fit for a reason: libraries quote names in it, at any length."""
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    said = printable(str(error)[:_SAID])
    return said if len(str(error)) <= _SAID else f"{said}…"
