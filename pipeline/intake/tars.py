"""Members of a tar archive, and of compressed ones, read front to back in one pass."""

from __future__ import annotations

import math
import tarfile
from datetime import datetime
from typing import Any, BinaryIO, Final, cast

from pipeline.intake.compressed import UNREADABLE as COMPRESSION_ERRORS
from pipeline.intake.compressed import decompressed, put_back
from pipeline.intake.limits import MAX_HEADER, MAX_NAME, Budget
from pipeline.intake.members import DamagedError, Member, Members, Refusal, Stream, clause
from pipeline.intake.reading import utc

UNREADABLE: Final = (tarfile.TarError, RecursionError, *COMPRESSION_ERRORS)
_CHUNK: Final = 2**20
_LONG_NAME: Final = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_GLOBAL: Final = 64 * 2**10  # characters of headers that hold for all members; git writes 52


class _Forward:
    """A decompressed stream as tarfile wants it: forward only, counted, its headers bounded.

    tarfile reads pax headers and sparse maps whole, at any size they claim; ``header`` is on while it
    looks for the next member, and then no more than MAX_HEADER may pass.
    """

    def __init__(self, stream: Stream, budget: Budget | None) -> None:
        self._stream = stream
        self._budget = budget
        self._position = 0
        self._headers = 0
        self._last = b""
        self.header = True

    def next_member(self) -> None:
        self.header, self._headers = True, 0

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        wanted = size
        if self.header:
            if self._last[156:157] in _LONG_NAME:
                wanted = min(size, 2 * MAX_NAME)  # enough to be refused; the members after it are read
            self._headers += max(wanted, 0)
            if size < 0 or self._headers > MAX_HEADER:
                raise DamagedError("a member's header is too large to be true")
            self._charge(wanted)
        self._last = self._take(wanted)
        self.seek(self._position + size - wanted)
        return self._last

    def some(self, size: int) -> bytes:
        """Content of a member: as much as one read gives."""
        data = self._stream.read(min(size, _CHUNK))
        self._position += len(data)
        return data

    def check_end(self) -> None:
        """tarfile takes damage for the end; the true end is a block of zeros with nothing after it."""
        if not self._last:
            raise DamagedError("it ends without its end mark")
        if any(self._last):
            raise DamagedError("a member's header is damaged")
        while part := self._take(_CHUNK):
            self._charge(len(part))
            if any(part):
                raise DamagedError("more data follow its end mark")

    def seek(self, position: int, /) -> int:
        while self._position < position:
            part = self._take(min(_CHUNK, position - self._position))
            self._charge(len(part))
            if not part:
                break
        if self._position > position:
            raise DamagedError("its members overlap")
        return self._position

    def _take(self, size: int) -> bytes:
        parts = []
        while size > 0 and (part := self._stream.read(min(size, _CHUNK))):
            parts.append(part)
            size -= len(part)
            self._position += len(part)
        return b"".join(parts)

    def _charge(self, size: int) -> None:
        """What is unpacked but given to nobody; the content of members is charged where it is written."""
        if self._budget is not None:
            self._budget.spend(size)


def compressed_members(file: BinaryIO, kind: str, name: bytes, budget: Budget) -> Members:
    """Members of a compressed tar, or the one member of any other compressed file.

    The one member is called as the file without its suffix. Raises DamagedError, BombError.
    """
    stream = decompressed(file, kind)
    try:
        head = stream.read(tarfile.BLOCKSIZE)
    except UNREADABLE as error:
        raise DamagedError(f"it cannot be unpacked ({clause(error)})") from None
    joined = put_back(head, stream)
    if is_tar(head):
        yield from tar_members(joined, budget)
        return
    plain = name.rsplit(b"/", 1)[-1]
    stem, dot, _ = plain.rpartition(b".")
    yield Member(stem if dot and stem else plain, 0, None, joined)


def tar_members(stream: Stream, budget: Budget | None = None) -> Members:
    """Yield the members front to back; what is unpacked on the way is charged to ``budget``.

    Raises DamagedError at the first header that cannot be read; BombError from the budget.
    """
    source = _Forward(stream, budget)
    try:
        archive: Any = tarfile.TarFile(
            fileobj=cast(BinaryIO, source), encoding="utf-8", errors="surrogateescape"
        )
        while (info := archive.next()) is not None:
            archive.members.clear()  # or a long archive fills the memory
            source.header = False
            if sum(len(key) + len(value) for key, value in archive.pax_headers.items()) > _GLOBAL:
                raise DamagedError("what it says of all its members together is too large to be true")
            if not info.isdir():
                refusal = _refusal(info)
                content = None if refusal else _content(archive, source, info)
                name = info.name[: MAX_NAME + 1].encode("utf-8", "surrogateescape")
                yield Member(name, info.size, _modified(info), content, refusal)
            source.next_member()
        source.check_end()
    except UNREADABLE as error:
        raise DamagedError(f"it is cut off or damaged ({clause(error)})") from None


def _content(archive: Any, source: _Forward, info: tarfile.TarInfo) -> Stream:
    """The member's bytes; tarfile's own reader, which drops what precedes damage, for one with holes only."""
    if info.issparse():
        return cast(Stream, archive.extractfile(info))
    return _Content(source, info.offset_data, info.size)


class _Content:
    """The next ``size`` bytes of an archive from ``start``."""

    def __init__(self, source: _Forward, start: int, size: int) -> None:
        self._source, self._start, self._left = source, start, size

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes. Raises EOFError when the archive is cut off."""
        if self._left <= 0:
            return b""
        self._source.seek(self._start)
        data = self._source.some(min(size, self._left))
        if not data:
            raise EOFError("it is cut off")
        self._start += len(data)
        self._left -= len(data)
        return data


def _modified(info: tarfile.TarInfo) -> datetime | None:
    """None where a pax header gives a time that is no number, which Python's float takes for one."""
    return None if math.isnan(info.mtime) else utc(float(info.mtime))


def is_tar(head: bytes) -> bool:
    """Whether a block is a tar header with a right checksum; one of zeros or too short is none."""
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError, OverflowError):
        return False
    return True


def _refusal(info: tarfile.TarInfo) -> Refusal | None:
    if info.issym() or info.islnk():
        return Refusal("member_link", "This member is a link, not a file.")
    if not info.isreg():
        return Refusal("member_special", "This member is a device or other special file.")
    return None
