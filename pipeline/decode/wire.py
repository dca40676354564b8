"""The framed protocol between parent and child: a JSON header, then raw bytes.

Each message is two big-endian uint32 (length of the header, length of the payload), the header as
UTF-8 JSON, the payload. The child may be anything a hostile file made of it, so the parent bounds
every length before it reads.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import struct
import sys
import time
from typing import Any, Final

HEADER_LIMIT: Final = 1 << 20
PAYLOAD_LIMIT: Final = 1 << 26
PIPE: Final = 1 << 20  # bytes; what Linux grants an ordinary user
LENGTHS: Final = struct.Struct(">II")


class BrokenWireError(Exception):
    """The other side is gone, or said something that is no message."""


class SilentWireError(Exception):
    """Nothing came within the time allowed."""


def pack(header: dict[str, Any], payload: bytes = b"") -> bytes:
    """One message. Lone surrogates of undecodable file names survive as JSON escapes."""
    return _beginning(header, len(payload)) + payload


def send(descriptor: int, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    """Write one message; a large payload goes out from where it lies. Raises BrokenWireError."""
    write_all(descriptor, _beginning(header, len(payload)))
    write_all(descriptor, payload)


def _beginning(header: dict[str, Any], payload_length: int) -> bytes:
    head = json.dumps(header).encode("ascii")
    return LENGTHS.pack(len(head), payload_length) + head


def widen(descriptor: int) -> None:
    """Let a pipe hold a mebibyte, so that the two sides take turns less often; Linux only, and not always."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE)


def write_all(descriptor: int, message: bytes | memoryview) -> None:
    """Write a whole message. Raises BrokenWireError."""
    view = memoryview(message)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise BrokenWireError("the reader is gone") from error


def read_message(descriptor: int, deadline: float | None = None) -> tuple[dict[str, Any], bytes]:
    """The next message; `deadline` is a time of time.monotonic(). Raises BrokenWireError, SilentWireError."""
    head_length, payload_length = LENGTHS.unpack(_read(descriptor, LENGTHS.size, deadline))
    if head_length > HEADER_LIMIT or payload_length > PAYLOAD_LIMIT:
        raise BrokenWireError("a message is longer than any we send")
    try:
        header = json.loads(_read(descriptor, head_length, deadline))
    except ValueError as error:
        raise BrokenWireError("a header is not JSON") from error
    if not isinstance(header, dict):
        raise BrokenWireError("a header is not an object")
    return header, _read(descriptor, payload_length, deadline)


def _read(descriptor: int, count: int, deadline: float | None) -> bytes:
    parts: list[bytes] = []
    while count:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise SilentWireError
        try:
            part = os.read(descriptor, min(count, PIPE))
        except OSError as error:
            raise BrokenWireError("the writer is gone") from error
        if not part:
            raise BrokenWireError("the writer is gone")
        parts.append(part)
        count -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
