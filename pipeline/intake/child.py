"""The archive-reading child: runs one reader over one file and hands its members over, piece by piece.

Started by `pipeline.intake.guarded`, never by hand. Readers of 7z archives and disk images are many and
large, and some are native code; here a hostile file can crash them, but not reach the run. The child
gives up its rights (`pipeline.decode.confine`) before it looks at the first byte. It speaks only when
asked: ``n`` for the next member, ``d`` for the next piece of its content.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pipeline.decode.confine import arm_cpu, confine
from pipeline.decode.types import Limits
from pipeline.decode.wire import BrokenWireError, pack, write_all
from pipeline.intake.limits import MAX_NAME
from pipeline.intake.members import DamagedError, EncryptedError, Member

NEXT: Final = b"n"
DATA: Final = b"d"
PIECE: Final = 2**20  # bytes of content a message
# A dictionary of 1 GiB is the largest any packer offers; a case may come in hundreds of segments.
LIMITS: Final = replace(Limits(), memory=3 << 30, open_files=4096)


def serve() -> None:
    """Speak the protocol until stdin ends. ``sys.argv``: kind, descriptor of the file, its path."""
    out, commands = os.dup(1), os.dup(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    kind, descriptor, path = sys.argv[-3:]
    try:
        members = _reader(kind, int(descriptor), Path(path))
        write_all(out, pack({"kind": "ready", "in_force": confine(LIMITS)}))
        _serve(members, commands, out)
    except BrokenWireError:
        sys.exit(0)  # the parent is gone or has enough


def _reader(kind: str, descriptor: int, path: Path) -> Iterator[Member]:
    """Everything the reader needs is imported here, while files may still be opened freely."""
    if kind == "7z":
        from pipeline.intake.seven_zip import seven_zip_members

        return seven_zip_members(os.fdopen(descriptor, "rb", buffering=0))
    from pipeline.intake.disk_image import image_members

    return image_members(path)


def _serve(members: Iterator[Member], commands: int, out: int) -> None:
    member: Member | None = None
    while command := os.read(commands, 1):
        arm_cpu(LIMITS)
        if command == DATA and member is not None and member.stream is not None:
            message = _piece(member)
        else:
            member, message = _next(members)
        write_all(out, message)
        if message is _END:
            return


_END: Final = pack({"kind": "end"})


def _next(members: Iterator[Member]) -> tuple[Member | None, bytes]:
    try:
        member = next(members, None)
    except Exception as error:
        return None, _rest(error)
    if member is None:
        return None, _END
    header: dict[str, Any] = {
        "kind": "member",
        "name": member.name[: MAX_NAME + 1].hex(),  # enough to be refused
        "size": member.size,
        "modified": member.modified.timestamp() if member.modified else None,
        "refusal": list(vars(member.refusal).values()) if member.refusal else None,
        "holds": member.stream is not None,
    }
    return member, pack(header)


def _rest(error: Exception) -> bytes:
    """Why nothing more can be read. What is no DamagedError is a fault of the reader on this one file."""
    why = str(error) if isinstance(error, DamagedError) else _said(error)
    return pack({"kind": "rest", "why": why, "encrypted": isinstance(error, EncryptedError)})


def _piece(member: Member) -> bytes:
    assert member.stream is not None
    try:
        return pack({"kind": "data"}, member.stream.read(PIECE))
    except Exception as error:
        return pack({"kind": "damaged", "why": _said(error)})


def _said(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "reading it needs more memory than the limit"
    return f"{type(error).__name__}: {error}"[:500]
