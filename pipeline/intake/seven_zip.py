"""Members of a 7z archive, through py7zr, content on request. Runs in the child of `pipeline.intake.child`.

A 7z archive packs members together in what the format calls folders: one stream of compressed data, whose
members can only be unpacked in their order (7-Zip's 7zFormat.txt). What damages one member spoils the rest
of its folder; other folders are not concerned.
"""

from __future__ import annotations

import io
import stat
import sys
import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO, Final

import py7zr
from py7zr import archiveinfo
from py7zr.exceptions import ArchiveError, PasswordRequired, UnsupportedCompressionMethodError

from pipeline.intake.limits import ALLOWANCE, MAX_RATIO
from pipeline.intake.members import DamagedError, EncryptedError, Member, Refusal
from pipeline.intake.reading import utc

# Characters py7zr reads of a name: were there more, it would take them for the next member's name, and every
# later member for the one before it. The list of members they stand in lies in memory already.
archiveinfo.MAX_LENGTH = sys.maxsize

_PIECE: Final = 2**20  # bytes
_AES: Final = b"\x06\xf1\x07\x01"  # 7-Zip's number of its only cipher
_LINK: Final = Refusal("member_link", "This member is a link, not a file.")
_SPECIAL: Final = Refusal("member_special", "This member is a device or other special file.")
_ENCRYPTED: Final = Refusal(
    "member_encrypted", "This member is encrypted; unpack it with its password into the evidence folder."
)
_BOMB: Final = Refusal(
    "archive_bomb", "This member claims, with those it is packed with, to unfold to far more than its size."
)
_SPOILT: Final = Refusal(
    "member_damaged", "The archive is damaged in a member this one is packed together with, before it."
)


def seven_zip_members(file: BinaryIO) -> Iterator[Member]:
    """Yield the members in their order. Raises DamagedError, EncryptedError, and whatever py7zr raises."""
    try:
        archive = py7zr.SevenZipFile(file)
    except PasswordRequired:
        raise EncryptedError("even its list of members is encrypted") from None
    except ArchiveError as error:
        raise DamagedError(f"its list of members cannot be read ({error})") from None
    folders = _folders(archive, file)
    for entry in archive.files:
        if entry.folder is None and (entry.is_directory or entry.st_fmt == stat.S_IFDIR):
            continue  # one that holds data is a file in disguise
        name = entry.filename.encode("utf-8", "surrogatepass")
        folder = folders.get(id(entry.folder)) if entry.folder is not None else None
        if folder is None:
            yield Member(name, 0, _modified(entry), io.BytesIO(b""), _kind(entry))
            continue
        refusal = folder.refusal() or _kind(entry)
        content = _Content(folder, entry.uncompressed, entry.crc32)
        yield Member(name, entry.uncompressed, _modified(entry), None if refusal else content, refusal)
        content.skip()


class _Folder:
    """One stream of compressed data and where its members have been read to."""

    def __init__(self, folder: Any, file: BinaryIO, position: int, packed: int, unpacked: int) -> None:
        self._folder, self._file, self._position, self._packed = folder, file, position, packed
        self._whole: Refusal | None = None
        if any(coder["method"] == _AES for coder in folder.coders):
            self._whole = _ENCRYPTED
        elif unpacked > max(ALLOWANCE, MAX_RATIO * packed):
            self._whole = _BOMB
        self._unpack: Any = None

    def refusal(self) -> Refusal | None:
        """Why no member from here on can be given, if so."""
        if self._whole is None and self._unpack is None:
            try:
                self._unpack = self._folder.get_decompressor(self._packed)
                self._file.seek(self._position)
            except UnsupportedCompressionMethodError:
                sentence = (
                    "This member is packed by a method that is not read here; "
                    "unpack it by hand into the evidence folder."
                )
                self._whole = Refusal("member_unsupported", sentence)
            except Exception as error:  # py7zr and the unpackers below it raise many kinds for bad settings
                why = "it asks for more memory than the limit" if isinstance(error, MemoryError) else error
                sentence = f"The archive is damaged at this member, or was made to do harm ({why})."
                self._whole = Refusal("member_damaged", sentence)
        return self._whole

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, at least one. Raises what py7zr raises, and EOFError when there are none."""
        try:
            while True:
                before = self._file.tell()
                if data := bytes(self._unpack.decompress(self._file, size)):
                    return data
                if self._file.tell() == before:
                    raise EOFError("its data end before the member does")
        except Exception:
            self._whole = _SPOILT
            raise

    def is_spoilt(self) -> bool:
        return self._whole is not None


class _Content:
    """The bytes of one member; they must be read, or skipped, before those of the next in its folder."""

    def __init__(self, folder: _Folder, size: int, crc: int | None) -> None:
        self._folder, self._left, self._wanted, self._crc = folder, size, crc, 0

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; once all are given, raises ValueError when their checksum does not match."""
        if self._left == 0:
            if self._wanted is not None and self._crc != self._wanted:
                raise ValueError("its checksum does not match")
            return b""
        data = self._folder.read(min(size, self._left))
        self._left -= len(data)
        self._crc = zlib.crc32(data, self._crc)
        return data

    def skip(self) -> None:
        """Unpack what nobody read, to come to the next member; damage shows there."""
        try:
            while self._left and not self._folder.is_spoilt():
                self._left -= len(self._folder.read(min(_PIECE, self._left)))
        except Exception:
            return


def _folders(archive: Any, file: BinaryIO) -> dict[int, _Folder]:
    """Every folder by the id() of py7zr's own object for it."""
    streams = getattr(archive.header, "main_streams", None)
    if streams is None:
        return {}
    unpacked: dict[int, int] = {}
    for entry in archive.files:
        if entry.folder is not None:
            unpacked[id(entry.folder)] = unpacked.get(id(entry.folder), 0) + entry.uncompressed
    found, stream = {}, 0
    for folder in streams.unpackinfo.folders:
        count = max(1, len(folder.packed_indices))
        sizes = streams.packinfo.packsizes[stream : stream + count]
        position = archive.afterheader + streams.packinfo.packpos + streams.packinfo.packpositions[stream]
        found[id(folder)] = _Folder(folder, file, position, sum(sizes), unpacked.get(id(folder), 0))
        stream += count
    return found


def _kind(entry: Any) -> Refusal | None:
    if entry.is_symlink or entry.is_junction:
        return _LINK
    return _SPECIAL if entry.st_fmt not in (None, 0, stat.S_IFREG, stat.S_IFDIR) else None


def _modified(entry: Any) -> datetime | None:
    return None if entry.lastwritetime is None else utc(entry.lastwritetime.totimestamp())
