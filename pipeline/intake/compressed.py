"""The unpacked bytes of a compressed file, with bounded memory whatever the file asks for."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import zlib
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol, cast

from pipeline.intake.members import Stream

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESSED: Final = ("gzip", "bzip2", "xz", "zstd")
UNREADABLE: Final = (lzma.LZMAError, zlib.error, zstd.ZstdError, EOFError, OSError, ValueError, MemoryError)

_CHUNK: Final = 64 * 2**10
_STEP: Final = 4096  # bytes
# What a decompressor may look back: eight times what `xz -9` takes, four times what `zstd --ultra -22` does.
MAX_DICTIONARY: Final = 512 * 2**20  # bytes
_ZSTD_WINDOW: Final = 29  # log2 of bytes


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def decompressed(file: Stream, kind: str) -> Stream:
    """The unpacked bytes of a file of a COMPRESSED kind, all of them up to the damage if there is any.

    A read is short only there and at the end; the next one raises one of UNREADABLE for the damage.
    """
    if kind == "gzip":
        return _Patient(gzip.GzipFile(fileobj=cast(BinaryIO, file), mode="rb").read1)
    return _Patient(_Pieces(file, _MAKERS[kind]).read)


class _Patient:
    """Reads in small steps, so that what precedes damage is given before the damage is told."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._damage: Exception | None = None

    def read(self, size: int, /) -> bytes:
        if self._damage is not None:
            raise self._damage
        parts = []
        try:
            while size > 0 and (part := self._read(min(size, _STEP))):
                parts.append(part)
                size -= len(part)
        except UNREADABLE as error:
            if not parts:
                raise
            self._damage = error
        return b"".join(parts)


def _zstd() -> _Decompressor:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW})


def _xz() -> _Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_DICTIONARY)


_MAKERS: Final[dict[str, Callable[[], _Decompressor]]] = {
    "bzip2": bz2.BZ2Decompressor,
    "xz": _xz,
    "zstd": _zstd,
}


class _Pieces:
    """A file of compressed streams one after another. (lzma.LZMAFile takes no limit on memory.)"""

    def __init__(self, file: Stream, make: Callable[[], _Decompressor]) -> None:
        self._file, self._make, self._piece = file, make, make()

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` unpacked bytes, fewer only at the end. Raises EOFError when the file is cut off."""
        parts = []
        while size > 0:
            if self._piece.eof and not self._next_piece():
                break
            data = self._file.read(_CHUNK) if self._piece.needs_input else b""
            if not data and self._piece.needs_input:
                raise EOFError("it ends in the middle of the compressed data")
            part = self._piece.decompress(data, size)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _next_piece(self) -> bool:
        """Begin the next stream after the zeros that may pad the last one; False at the end of the file."""
        rest = self._piece.unused_data
        while not (rest := rest.lstrip(b"\0")):
            if not (rest := self._file.read(_CHUNK)):
                return False
        self._piece = self._make()
        self._file = _PutBack(rest, self._file)
        return True


class _PutBack:
    """Bytes already read, put back before the stream they came from."""

    def __init__(self, head: bytes, rest: Stream) -> None:
        self._head = head
        self._rest: Stream = rest._rest if isinstance(rest, _PutBack) and not rest._head else rest

    def read(self, size: int, /) -> bytes:
        if self._head:
            part, self._head = self._head[:size], self._head[size:]
            return part
        return self._rest.read(size)


def put_back(head: bytes, rest: Stream) -> Stream:
    """A stream that gives ``head`` and then ``rest``; its reads may be short."""
    return _PutBack(head, rest)
