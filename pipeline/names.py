r"""File names as the tables show them, and what they and their folders say of content and driver.

A path label is UTF-8 text with ``/`` between its parts. Names are bytes and come from suspects, so a few
bytes are written as escapes, reversibly: a backslash as ``\\``, a byte that is not UTF-8 (and NUL) as
``\xff``, and a ``!`` that ends a part as ``\x21``. So ``!/`` only ever stands between an archive and its
member, a path ending in ``!`` is the archive's remainder that could not be listed, and ``\#2`` can only be
the second member of one name. A member's name too long to be kept is cut and ends in ``\…``. Everything
else (quotes, newlines, markup) stays as it is: whoever prints a label uses ``printable``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

KNOWN_FOLDER: Final = "known"
MEMBER: Final = "!/"
#: Unicode general categories without a visible glyph of their own: control, format (bidi controls,
#: zero-width joiners), surrogate, private use, unassigned, line and paragraph separators.
INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_SHOWN: Final = 200  # bytes of a name that is too long
_ESCAPE: Final = re.compile(rb"\\(\\|x[0-9a-f]{2})")
_SUFFIXES: Final = """
    3g2 3gp 264 265 266 amv asf av1 avc avi bik braw dat dav dif divx dv dvr-ms f4v flv gif h263 h264 h265
    h266 hevc insv ismv ivf lrv m1v m2t m2ts m2v m4v mjpeg mjpg mkv mod mov mp2v mp4 mp4v mpe mpeg mpg mts
    mxf nut obu ogg ogm ogv qt r3d rm rmvb roq smk swf tod trp ts vob vp8 vp9 vro vvc webm wmv wtv y4m yuv
"""
_VIDEO_SUFFIXES: Final = frozenset("." + suffix for suffix in _SUFFIXES.split())


@dataclass(frozen=True)
class Placed:
    """What the folders a file lies in say: its role, known driver and the face shown."""

    role: str
    identity: str | None = None
    target: str | None = None
    misplaced: bool = False  # lies in known/ but in nobody's folder


def label(raw: bytes) -> str:
    """The label of a path given as bytes; ``raw_name`` turns it back."""
    text = raw.decode("utf-8", "surrogateescape").replace("\\", "\\\\").replace("\0", "\\x00")
    text = "".join(f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text)
    return re.sub(r"!(?=/|\Z)", r"\\x21", text)


def shortened(raw: bytes) -> str:
    r"""The label of a name too long to be kept whole: its beginning and ``\…``, which no label holds."""
    return label(raw[:_SHOWN]) + "\\…"


def raw_name(text: str) -> bytes:
    """The bytes of a label without archive members; ValueError for escapes ``label`` never writes."""
    data = text.encode()
    if b"\\" in _ESCAPE.sub(b"", data):
        raise ValueError(text)
    return _ESCAPE.sub(lambda m: b"\\" if m[1] == b"\\" else bytes([int(m[1][1:], 16)]), data)


def printable(text: str) -> str:
    """A label fit for a terminal or a log line: control, line-break and direction marks become escapes."""
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in INVISIBLE else c for c in text
    )


def caseless(text: str) -> str:
    """What spellings that differ in case, width or Unicode form alone have in common."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def has_video_suffix(path: str) -> bool:
    """Whether a label's name ends as a video's would."""
    return PurePosixPath(path).suffix.lower() in _VIDEO_SUFFIXES


def first_of(names: Sequence[str], most: int, between: str = ", ") -> str:
    """The first ``most`` names as part of a sentence; where there are more, ``…`` stands for them."""
    return between.join([*names[:most], *(["…"] if len(names) > most else [])])


def placed(path: str) -> Placed:
    """Read the convention ``known/<identity>/**`` and ``known/<driver>/<target>/file`` from a label.

    ``known`` must be a folder of the evidence itself: what an archive calls its folders was chosen by
    whoever packed it and never makes a questioned file known. Below ``known`` archives are transparent:
    the folders inside one count as if it were unpacked in its place. ``Known`` and ``KNOWN`` are the same
    folder, as on most systems files come from. Identities are NFC-normalised, so that one name typed on two
    systems is one identity.
    """
    top, _, rest = path.partition("/")
    if top.lower() != KNOWN_FOLDER or not rest:
        return Placed("questioned")
    folders = [part for part in rest.split("/")[:-1] if not part.endswith("!")]
    if not folders:
        return Placed("known", misplaced=True)
    names = [unicodedata.normalize("NFC", part) for part in folders]
    return Placed("known", names[0], names[1] if len(names) == 2 else None)
