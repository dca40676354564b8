"""Members of a zip whose directory is lost: read front to back by the header before each member.

A zip's directory stands at its end, so a zip that was cut off has none; the members before the cut still
have their local headers (PKWARE APPNOTE 4.3.7). A local header does not say whether a member is a link.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from pipeline.intake.limits import Budget
from pipeline.intake.members import DamagedError, Member, Refusal

_HEADER: Final = struct.Struct("<4sHHHHHIIIHH")
_LOCAL: Final = b"PK\x03\x04"
_SPANNED: Final = b"PK\x07\x08"
_DESCRIPTOR: Final = 0x8  # sizes and checksum follow the data
_DESCRIPTOR_SIZE: Final = 24  # bytes at most, with signature and 64-bit sizes
_ZIP64: Final = 0x0001
_CHUNK: Final = 64 * 2**10


def salvaged_members(file: BinaryIO, budget: Budget) -> Iterator[tuple[zipfile.ZipInfo, Member]]:
    """Yield what can be read, each with a ZipInfo for the checks the zip reader makes, its CRC verified.

    Ends at the first header that is none. Raises DamagedError when the end of a member cannot be told.
    """
    position = 4 if file.read(4) == _SPANNED else 0
    while True:
        file.seek(position)
        raw = file.read(_HEADER.size)
        if len(raw) < _HEADER.size or not raw.startswith(_LOCAL):
            return
        _, version, flags, method, _, _, crc, packed, size, name_size, extra_size = _HEADER.unpack(raw)
        name, extra = file.read(name_size), file.read(extra_size)
        packed, size = _long_sizes(extra, packed, size)
        info = zipfile.ZipInfo("member")
        info.flag_bits, info.compress_type, info.extra = flags, method, extra
        info.create_version, info.CRC, info.compress_size, info.file_size = version, crc, packed, size
        start = file.tell()
        unknown_end = bool(flags & _DESCRIPTOR) and packed == 0
        if unknown_end and (method != zipfile.ZIP_DEFLATED or flags & 1):
            refusal = Refusal("member_damaged", "Where it ends stood in the archive's lost list of members.")
            yield info, Member(name, 0, None, refusal=refusal)
            raise DamagedError("its list of members is lost, and with it where a member ends")
        content = Content(file, method, None if unknown_end else packed, crc)
        if not name.endswith(b"/") or packed:
            yield info, Member(name, size, None, content, _unread(method))
        if unknown_end:
            while part := content.read(_CHUNK):  # what a refusal left unread
                budget.spend(len(part))
            position = _next_header(file, start + content.consumed)
        else:
            position = start + packed


def listed_content(file: BinaryIO, info: zipfile.ZipInfo) -> Content:
    """Content of a stored or deflated member of the directory; zipfile's own drops what precedes damage.

    Raises BadZipFile when there is no member where the directory says.
    """
    file.seek(info.header_offset)
    raw = file.read(_HEADER.size)
    if len(raw) < _HEADER.size or not raw.startswith(_LOCAL):
        raise zipfile.BadZipFile("there is no member where the list says")
    name_size, extra_size = _HEADER.unpack(raw)[-2:]
    file.seek(name_size + extra_size, os.SEEK_CUR)
    return Content(file, info.compress_type, info.compress_size, info.CRC)


def has_unlisted(file: BinaryIO, archive: zipfile.ZipFile) -> bool:
    """Whether a member begins at the file's start, or where a listed one ends, that the directory leaves out.

    So it is with two archives joined, of which only the last directory counts, and with an entry taken out
    of a directory while the member stays.
    """
    file.seek(0)
    places = {4 if file.read(4) == _SPANNED else 0}
    for info in archive.infolist():
        file.seek(info.header_offset)
        raw = file.read(_HEADER.size)
        if len(raw) == _HEADER.size:
            end = info.header_offset + len(raw) + sum(_HEADER.unpack(raw)[-2:]) + info.compress_size
            places.add(_next_header(file, end) if info.flag_bits & _DESCRIPTOR else end)
    for place in places - {info.header_offset for info in archive.infolist()}:
        file.seek(place)
        if file.read(len(_LOCAL)) == _LOCAL:
            return True
    return False


def _unread(method: int) -> Refusal | None:
    if method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return None
    sentence = f"The archive is damaged and this member packed by method {method}; repair it by hand."
    return Refusal("member_unsupported", sentence)


def _next_header(file: BinaryIO, position: int) -> int:
    """Where the header after a data descriptor begins; descriptors come in four sizes."""
    file.seek(position)
    after = file.read(_DESCRIPTOR_SIZE + 4)
    found = [at for at in (after.find(_LOCAL), after.find(b"PK\x01\x02")) if at >= 0]
    return position + min(found, default=_DESCRIPTOR_SIZE)


def _long_sizes(extra: bytes, packed: int, size: int) -> tuple[int, int]:
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _ZIP64 and length >= 16 and len(extra) >= 20 and 0xFFFFFFFF in (packed, size):
            size, packed = struct.unpack_from("<QQ", extra, 4)
            break
        extra = extra[4 + length :]
    return packed, size


class Content:
    """A member's unpacked bytes from where ``file`` stands; all that can be had before damage is told.

    ``packed`` is the packed size, None when only the data tell where they end.
    """

    def __init__(self, file: BinaryIO, method: int, packed: int | None, crc: int) -> None:
        self._file, self._left, self._wanted_crc = file, packed, crc
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS) if method == zipfile.ZIP_DEFLATED else None
        self._crc = 0
        self._done = False
        self.consumed = 0  # packed bytes used so far

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; raises EOFError, zlib.error or BadZipFile for damage."""
        data = b""
        while not data and not self._done:
            data = self._stored(size) if self._inflate is None else self._inflated(self._inflate, size)
        self._crc = zlib.crc32(data, self._crc)
        if self._done and not data and self._left is not None and self._crc != self._wanted_crc:
            raise zipfile.BadZipFile("its checksum does not match")
        return data

    def _take(self, size: int) -> bytes:
        data = self._file.read(size if self._left is None else min(size, self._left))
        if not data and self._left != 0:
            raise EOFError("it is cut off")
        self.consumed += len(data)
        if self._left is not None:
            self._left -= len(data)
        return data

    def _stored(self, size: int) -> bytes:
        data = self._take(size)
        self._done = self._left == 0
        return data

    def _inflated(self, inflate: zlib._Decompress, size: int) -> bytes:
        packed = inflate.unconsumed_tail or self._take(min(size, _CHUNK))
        if not packed:
            raise EOFError("its data end before the member does")
        data = inflate.decompress(packed, size)
        if inflate.eof:
            self._done = True
            self.consumed -= len(inflate.unused_data)
        return data
