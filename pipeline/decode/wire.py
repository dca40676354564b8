"""The framed protocol between parent and child: a JSON header, then raw bytes.

Each message is two big-endian uint32 (length of the header, length of the payload), the header as
UTF-8 JSON, the payload. The child may be anything a hostile file made of it, so the parent bounds
every length before it reads.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from typing import Any, Final

HEADER_LIMIT: Final = 1 << 20
PAYLOAD_LIMIT: Final = 1 << 26
LENGTHS: Final = struct.Struct(">II")


class BrokenWireError(Exception):
    """The other side is gone, or said something that is no message."""


class SilentWireError(Exception):
    """Nothing came within the time allowed."""


def pack(header: dict[str, Any], payload: bytes | memoryview = b"") -> bytes:
    """One message. Lone surrogates of undecodable file names survive as JSON escapes."""
    head = json.dumps(header).encode("ascii")
    return b"".join((LENGTHS.pack(len(head), len(payload)), head, payload))


def write_all(descriptor: int, message: bytes) -> None:
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
    parts = bytearray()
    while len(parts) < count:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise SilentWireError
        try:
            part = os.read(descriptor, min(count - len(parts), 1 << 20))
        except OSError as error:
            raise BrokenWireError("the writer is gone") from error
        if not part:
            raise BrokenWireError("the writer is gone")
        parts += part
    return bytes(parts)
