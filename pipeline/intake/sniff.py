"""What a file is, by its first bytes: surely not a video, an archive, or a candidate for decoding.

A candidate need not be a video; the decoder has the last word. What is refused here must be certain, for
it is never decoded. Signatures: ISO/IEC 14496-12 (boxes), RFC 8794 (EBML), ISO/IEC 13818-1 (TS, PS),
ISO/IEC 14496-10 and 23008-2 annex B (start codes), SMPTE ST 377 (MXF), RFC 3533 (Ogg), IEC 61834 (DV),
PKWARE APPNOTE (zip), POSIX.1-2017 pax (tar), RFC 1952, RFC 8878.
"""

from __future__ import annotations

import re
import tarfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

from pipeline.intake.disks import disk_image
from pipeline.intake.tars import is_tar
from pipeline.names import has_video_suffix

Kind = Literal["video", "archive", "not_video", "unknown", "empty"]


@dataclass(frozen=True)
class Content:
    """``name`` is the format in words, with its article: "a PNG image"; for archives the bare format."""

    kind: Kind
    name: str


_Table = tuple[tuple[int, bytes, str], ...]  # offset, signature, what it is
_VIDEOS: Final[_Table] = (
    (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM file"),
    (0, b"FLV\x01", "a Flash video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "an ASF or WMV file"),
    (0, b"GIF87a", "a GIF"),
    (0, b"GIF89a", "a GIF"),
    (0, b"OggS", "an Ogg file"),
    (0, b"DKIF", "an IVF file"),
    (0, b"YUV4MPEG2 ", "a Y4M file"),
    (0, b".RMF", "a RealMedia file"),
    (0, b"nut/multimedia container\0", "a NUT file"),
    (0, b"\xb7\xd8\x00\x20\x37\x49\xda\x11", "a WTV recording"),
    (0, b"DHAV", "a Dahua recording"),
    (0, b"IMKH", "a Hikvision recording"),
    (4, b"RED1", "a REDCODE file"),
    (4, b"RED2", "a REDCODE file"),
    (0, b"\x1f\x07\x00\xbf", "a raw DV stream"),
    (0, b"\x1f\x07\x00\x3f", "a raw DV stream"),
    (0, b"\x12\x00\x0a", "an AV1 stream"),
    (0, b"\x00\x00\x01\xba", "an MPEG program stream"),
    (0, b"\x00\x00\x01\xb3", "an MPEG video stream"),
    (0, b"\x00\x00\x01\xb0", "an MPEG-4 video stream"),
    (0, b"\x00\x00\x01\x00", "an MPEG-4 video stream"),
    (0, b"BBCD\x00", "a Dirac stream"),
    (0, b"SMK2", "a Smacker video"),
    (0, b"SMK4", "a Smacker video"),
    (0, b"BIKi", "a Bink video"),
)
_BOXES: Final = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"moof", b"styp", b"sidx")
_Y4M: Final = re.compile(rb"YUV4MPEG2 [^\n]*\nFRAME")  # the one video whose every byte may be printable
_STILL_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"crx ", b"jp2 ", b"jpx ")
STILL: Final = "a still image (HEIF, AVIF or camera raw)"
JPEG_2000: Final = "a JPEG 2000 image"
_ARCHIVES: Final[_Table] = (
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"PK\x07\x08PK\x03\x04", "zip"),
    (0, b"\x1f\x8b\x08", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "rar"),
    (257, b"ustar", "tar"),
)
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_OTHERS: Final[_Table] = (
    (0, _PNG, "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"II*\x00", "a TIFF image"),
    (0, b"MM\x00*", "a TIFF image"),
    (0, b"\x00\x00\x00\x0cjP  ", JPEG_2000),
    (6, b"\x00\x00\x00\x00\x36\x00\x00\x00\x28", "a BMP image"),  # "BM" and a length come before
    (0, b"8BPS", "a Photoshop image"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"\x7fELF", "a program"),
    (0, b"\xca\xfe\xba\xbe", "a program"),
    (0, b"\xcf\xfa\xed\xfe", "a program"),
    (0, b"MZ\x90\x00", "a program"),
    (0, b"dex\n03", "an Android program"),
    (0, b"bplist00", "a property list"),
    (0, b"\x00\x05\x16\x07", "an AppleDouble file (macOS metadata of another file)"),
    (0, b"\x00\x00\x00\x01Bud1", "a macOS folder settings file"),
    (0, b"ID3", "an MP3 sound file"),
    (0, b"fLaC", "a FLAC sound file"),
    (0, b"#!AMR", "an AMR sound file"),
    (0, b"MThd", "a MIDI file"),
    (0, b"PAR1", "a Parquet table"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"wOFF", "a font"),
    (0, b"wOF2", "a font"),
    (0, b"L\x00\x00\x00\x01\x14\x02\x00", "a Windows shortcut"),
)
_RIFF: Final = {
    b"AVI ": Content("video", "an AVI file"),
    b"AVIX": Content("video", "an AVI file"),
    b"AMV ": Content("video", "an AMV file"),
    b"WAVE": Content("not_video", "a WAV sound file"),
    b"WEBP": Content("not_video", "a WebP image"),
    b"ACON": Content("not_video", "a Windows cursor"),
}
_CONTROLS: Final = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")


def sniff(head: bytes) -> Content:
    """Recognise a file from its first bytes (as many as there are, up to ``reading.HEAD_SIZE``)."""
    if not head:
        return Content("empty", "nothing")
    if is_text(head) and not _Y4M.match(head):
        return Content("not_video", "text")
    if (content := _behind_tags(head) or _by_boxes(head) or _by_signature(head)) is not None:
        return content
    if is_tar(head[: tarfile.BLOCKSIZE]):  # from before "ustar" was written into it
        return Content("archive", "tar")
    if (image := disk_image(head)) is not None:
        return Content("archive", image)
    return _stream(head) or _behind_zeros(head) or Content("unknown", "data of an unknown kind")


def _behind_zeros(head: bytes) -> Content | None:
    """A video behind bytes of 0, which a raw stream may begin with (H.264, B.1) and decoders pass over."""
    bare = head.lstrip(b"\0")
    if not bare or len(bare) == len(head) or bare.startswith(b"\1\0"):  # a number, rather than a start code
        return None
    contents = [
        looked(shown)
        for shown in (bare, b"\0\0" + bare)  # a start code has two zeros of its own
        for looked in (_by_boxes, _by_signature, _stream)
    ]
    return next((content for content in contents if content and content.kind == "video"), None)


def _behind_tags(head: bytes) -> Content | None:
    """A video behind ID3 tags (ID3v2.4, 3.1): decoders pass over them before any stream."""
    at = 0
    while head.startswith(b"ID3", at) and len(head) >= at + 10:
        size = 0
        for part in head[at + 6 : at + 10]:
            size = size << 7 | part & 0x7F
        at += size + (20 if head[at + 5] & 0x10 else 10)
    if not at or at >= len(head):
        return None
    content = sniff(head[at:])  # which begins with no further tag
    return content if content.kind == "video" else None


def _by_boxes(head: bytes) -> Content | None:
    """ISO base media (a box length, then its type) and RIFF (a type after the length)."""
    if head[4:8] in _BOXES:
        if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS:
            return Content("not_video", STILL)
        return Content("video", "an MP4 or QuickTime file")
    if _leads_to_film(head):
        return Content("video", "an MP4 or QuickTime file")
    if head[:4] in (b"RIFF", b"RF64"):
        if head[8:16] == b"WEBPVP8X" and head[20:21] and head[20] & 2:  # the flag of an animation
            return Content("not_video", "an animated WebP image, which no decoder here reads")
        return _RIFF.get(head[8:12], Content("unknown", "an unknown RIFF file"))
    return None


def _leads_to_film(head: bytes) -> bool:
    """Whether another box comes first, as in pieces of a stream, and one of a film's behind it."""
    if head[4:8] == b"jP  ":  # JPEG 2000, whose stills have boxes of the same names
        return False
    at = 0
    while (kind := head[at + 4 : at + 8]) and kind not in _BOXES:
        size = int.from_bytes(head[at : at + 4], "big")
        if size < 8:
            return False
        at += size
    return at > 0 and kind in _BOXES


def _jpeg_scan(head: bytes) -> int:
    """Where a JPEG's own picture begins: behind its segments, where cameras put previews side by side."""
    at = 2
    while head[at : at + 1] == b"\xff" and head[at + 1 : at + 2] != b"\xda":
        at += 2 + max(2, int.from_bytes(head[at + 2 : at + 4], "big"))
    return at


def _by_signature(head: bytes) -> Content | None:
    if head.startswith(_PNG) and _moves(head):
        return Content("video", "an animated PNG")
    if head.startswith(b"\xff\xd8\xff") and b"\xff\xd9\xff\xd8\xff" in head[_jpeg_scan(head) :]:
        return Content("video", "a motion JPEG stream")  # one picture after another
    if head.startswith(b"\0\0\1\0") and head[4:5] > b"\0" and head[5:6] == b"\0":
        return Content("not_video", "an icon")  # a count of pictures, where MPEG-4 has its next start code
    tables: tuple[tuple[Kind, _Table], ...] = (
        ("not_video", _OTHERS),
        ("video", _VIDEOS),
        ("archive", _ARCHIVES),
    )
    for kind, table in tables:
        for offset, signature, name in table:
            if head.startswith(signature, offset):
                return Content(kind, name)
    return None


def _moves(png: bytes) -> bool:
    """Whether a PNG is animated: then acTL stands before the picture data (PNG 3rd edition, 11.3.2.1)."""
    at = len(_PNG)
    while (kind := png[at + 4 : at + 8]) not in (b"", b"IDAT"):
        if kind == b"acTL":
            return True
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return False


def may_hold_film(content: Content) -> bool:
    """Whether the head says a still picture and the rest of such a file may say otherwise."""
    return content.name in (STILL, JPEG_2000)


def could_be_video(path: str, content: Content) -> bool:
    """Whether a file of this label and content is for the decoder to judge."""
    if content.kind == "unknown":
        return has_video_suffix(path)
    if content.name == "a JPEG image":  # motion JPEG without a container is JPEG after JPEG
        return PurePosixPath(path).suffix.lower() in (".mjpg", ".mjpeg")
    return content.kind == "video"


def is_text(head: bytes) -> bool:
    """Text: no control characters, and UTF-8 or at least mostly ASCII; or UTF-16 with a mark."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            text = head[: len(head) // 2 * 2].decode("utf-16")
        except UnicodeDecodeError:
            return False
        return not _CONTROLS.search(text.encode("utf-8", "replace"))
    if _CONTROLS.search(head):
        return False
    try:
        head[: max(len(head) - 3, 1)].decode()  # the cut may stand inside a character
        return True
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 6:
            return True
    ascii_share = sum(byte < 0x80 for byte in head) / len(head)
    return ascii_share > 0.7


def _stream(head: bytes) -> Content | None:
    if _is_transport_stream(head):
        return Content("video", "an MPEG transport stream")
    if head.find(b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", 0, 65536) >= 0:
        return Content("video", "an MXF file")
    start = next((len(code) for code in (b"\0\0\0\1", b"\0\0\1") if head.startswith(code)), 0)
    codec = _unit(head[start], head[start + 1]) if 0 < start < len(head) - 1 else None
    return Content("video", codec) if codec else None


def _unit(first: int, second: int) -> str | None:
    """The codec whose stream begins with a unit of this header (parameter sets, delimiter or SEI)."""
    if first & 0x80:
        return None
    if first & 0x1F in (6, 7, 9):
        return "a raw H.264 stream"
    if not first & 1 and first >> 1 in (32, 33, 35, 39) and second == 1:
        return "a raw H.265 stream"
    if not first & 0xC0 and second >> 3 in (14, 15, 20) and second & 7 == 1:
        return "a raw H.266 stream"
    return None


def _is_transport_stream(head: bytes) -> bool:
    """Five sync bytes at one packet distance (188, 192 with time code, 204 with parity), after any junk."""
    for packet in (188, 192, 204):
        for start in range(min(packet, len(head))):
            if head[start] == 0x47:
                syncs = head[start : start + 5 * packet : packet]
                if len(head) >= start + 2 * packet and syncs == b"\x47" * len(syncs) and len(syncs) >= 3:
                    return True
    return False
