"""Members of a zip archive (PKWARE APPNOTE 6.3)."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from dataclasses import replace
from datetime import datetime
from typing import BinaryIO, Final

from pipeline.intake.compressed import MAX_DICTIONARY
from pipeline.intake.limits import ALLOWANCE, MAX_METADATA, MAX_RATIO, Budget
from pipeline.intake.members import DamagedError, Member, Members, Refusal, Stream, clause
from pipeline.intake.reading import HEAD_SIZE, utc
from pipeline.intake.sniff import could_be_video, may_hold_film, sniff
from pipeline.intake.zip_salvage import has_unlisted, listed_content, salvaged_members

_UNIX: Final = 3
_UTF8_NAME: Final = 0x800
_ENCRYPTED: Final = 0x1 | 0x40
_TIMES_FIELD: Final = 0x5455  # Info-ZIP extended timestamp: seconds since 1970, UTC
_LZMA_HEADER: Final = struct.Struct("<HHBI")  # version, size of what follows, lc lp pb, dictionary in bytes
_UNBOUNDED: Final = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
# An Office document or app is a zip too, known by a member with one of these names at its top.
_PACKAGES: Final = {
    "[Content_Types].xml": "an Office document",
    "AndroidManifest.xml": "an Android app",
    "META-INF/MANIFEST.MF": "a Java program",
}
# Or by its first member, stored as it is (OpenDocument 1.3, part 2, 3.3; EPUB's container format 3.2, 4.3).
_MIMETYPES: Final = (
    b"application/vnd.oasis.opendocument.",
    b"application/vnd.sun.xml.",
    b"application/epub+zip",
)
_LOOKED_AT: Final = 2**30  # unpacked bytes in search of a video; a package with more is opened

UNREADABLE: Final = (
    zipfile.BadZipFile,
    struct.error,
    ValueError,
    NotImplementedError,
    EOFError,
    OSError,
    OverflowError,
    MemoryError,
)


class _Careful:
    """A file that refuses to be read into memory in one great piece."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self.close, self.mode, self.name = file.close, "rb", None

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size if 0 <= size <= MAX_METADATA else MAX_METADATA + 1)
        if len(data) > MAX_METADATA:
            raise DamagedError("its list of members is too large to be true")
        return data


def zip_members(file: BinaryIO, budget: Budget) -> Members:
    """Yield the members in the order of the archive's directory.

    When the directory cannot be read, members are salvaged front to back, and DamagedError follows them. It
    follows too where the archive holds a member that the directory leaves out.
    """
    try:
        archive = _opened(file)
    except DamagedError:
        for info, member in salvaged_members(file, budget):
            refusal = member.refusal or _refusal(info)
            yield replace(member, modified=_modified(info), refusal=refusal)
        raise
    for info in archive.infolist():
        if _is_folder(info):
            continue
        refusal = _refusal(info) or _too_large_a_dictionary(file, info)
        stream: Stream | None = None
        if refusal is None:
            try:
                with archive.open(info):  # finds what does not fit the list
                    pass
                bounded = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
                stream = listed_content(file, info) if bounded else archive.open(info)
            except (*UNREADABLE, RuntimeError) as error:
                refusal = Refusal(
                    "member_damaged", f"The archive is damaged at this member ({clause(error)})."
                )
        yield Member(
            _name(info),
            info.file_size,
            _modified(info),
            stream,
            refusal,
            chunk=2**20 if info.compress_type == zipfile.ZIP_STORED else 4096,
        )
    if has_unlisted(file, archive):
        raise DamagedError("it holds a member that its list does not name")


def package_kind(file: BinaryIO) -> str | None:
    """What the zip is when it is the packaging of a document or program and holds neither video nor archive.

    Anybody can give any zip a member of a certain name, so each member's beginning is looked at; where one
    cannot be, the zip is an archive like any other.
    """
    try:
        archive = _opened(file)
        kind = next((kind for name, kind in _PACKAGES.items() if name in archive.NameToInfo), None)
        if kind is None and _has_mimetype(file, archive):
            kind = "an OpenDocument or e-book file"
        hides = kind is not None and (has_unlisted(file, archive) or _holds_evidence(file, archive))
        return None if hides else kind
    except (DamagedError, zlib.error, *UNREADABLE):
        return None


def _has_mimetype(file: BinaryIO, archive: zipfile.ZipFile) -> bool:
    info = archive.NameToInfo.get("mimetype")
    if info is None or info.header_offset != 0 or info.compress_type != zipfile.ZIP_STORED:
        return False
    return _head(file, info, 100).startswith(_MIMETYPES)


def _holds_evidence(file: BinaryIO, archive: zipfile.ZipFile) -> bool:
    """Whether a member could be a video or an archive, or cannot be told. Raises zlib.error, UNREADABLE."""
    looked_at = 0
    for info in archive.infolist():
        if _is_folder(info):
            continue
        if _refusal(info) is not None or info.compress_type in _UNBOUNDED or looked_at > _LOOKED_AT:
            return True
        head = _head(file, info, HEAD_SIZE)
        looked_at += len(head)
        content = sniff(head)
        could_be = could_be_video(info.filename, content) or may_hold_film(content)
        if content.kind == "archive" or could_be:
            return True
    return False


def _head(file: BinaryIO, info: zipfile.ZipInfo, size: int) -> bytes:
    content, head = listed_content(file, info), b""
    while len(head) < size and (part := content.read(size - len(head))):
        head += part
    return head


def _is_folder(info: zipfile.ZipInfo) -> bool:
    """One that holds data is a file in disguise."""
    return info.orig_filename.endswith("/") and info.file_size == 0


def _opened(file: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(_Careful(file))
    except UNREADABLE as error:
        raise DamagedError(f"its list of members cannot be read ({clause(error)})") from None


def _refusal(info: zipfile.ZipInfo) -> Refusal | None:
    mode = info.external_attr >> 16
    if info.create_system == _UNIX and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        if stat.S_ISLNK(mode):
            return Refusal("member_link", "This member is a link, not a file.")
        return Refusal("member_special", "This member is a device or other special file.")
    if info.flag_bits & _ENCRYPTED:
        return Refusal(
            "member_encrypted",
            "This member is encrypted; unpack it with its password into the evidence folder.",
        )
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, *_UNBOUNDED):
        return Refusal(
            "member_unsupported",
            f"This member is packed by method {info.compress_type}, which is not read here; "
            "unpack it by hand into the evidence folder.",
        )
    if info.file_size > max(ALLOWANCE, MAX_RATIO * info.compress_size):
        return Refusal("archive_bomb", "This member claims to unfold to far more than its size.")
    return None


def _too_large_a_dictionary(file: BinaryIO, info: zipfile.ZipInfo) -> Refusal | None:
    """LZMA takes as much memory as the member's own header asks for (APPNOTE 5.8.8), and zipfile gives it."""
    if info.compress_type != zipfile.ZIP_LZMA:
        return None
    try:
        listed_content(file, info)
        dictionary = int(_LZMA_HEADER.unpack(file.read(_LZMA_HEADER.size))[-1])
    except UNREADABLE:
        return None  # opening it says what is wrong
    if dictionary <= MAX_DICTIONARY:
        return None
    return Refusal(
        "member_unsupported",
        f"Unpacking this member takes {dictionary >> 20} MiB of memory, and {MAX_DICTIONARY >> 20} MiB are "
        "allowed; unpack it by hand into the evidence folder.",
    )


def _name(info: zipfile.ZipInfo) -> bytes:
    """The name's bytes as stored; zipfile has decoded them as the flag says."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8_NAME else "cp437", "surrogateescape")


def _modified(info: zipfile.ZipInfo) -> datetime | None:
    """Only the extended timestamp is UTC; the plain one is local time of an unknown place."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == _TIMES_FIELD and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return utc(float(struct.unpack_from("<i", extra, 5)[0]))
        extra = extra[4 + size :]
    return None
