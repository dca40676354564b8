"""Whether ISO base media that begins like a still picture holds a film all the same.

The brand is a word at the beginning, which image sequences share with stills and anybody can write; the films
lie in a box ``moov`` that may stand behind everything else (ISO/IEC 14496-12, 6 and 8; 23008-12, 6 and 7).
"""

from __future__ import annotations

from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Final

from pipeline.intake.reading import open_evidence

_MOST: Final = 4096  # boxes looked at: a still has a dozen, a film's tracks some twenty each
_FOLDERS: Final = (b"moov", b"trak", b"mdia", b"minf", b"stbl")  # boxes on the way to a track's samples
_SAMPLES: Final = (b"stsz", b"stz2")


def holds_film(path: Path) -> bool:
    """Whether one of its tracks has more than one sample, or its tracks cannot be seen from here.

    Camera raws keep each of their pictures as a track of one sample. Raises OSError.
    """
    with open_evidence(path) as file:
        size = file.seek(0, 2)
        found = dict.fromkeys((b"moov", b"trak", b"moof", b"mvex"), False)
        for number, (kind, start, end) in enumerate(_boxes(file, size)):
            if number == _MOST:
                return True
            if kind in found:
                found[kind] = True
            if kind in _SAMPLES and _count(file, start, end) > 1:
                return True
        return found[b"moof"] or found[b"mvex"] or (found[b"moov"] and not found[b"trak"])


def _boxes(file: FileIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Type and content (start, end) of every box, those inside ``_FOLDERS`` among them, in no order."""
    waiting = [(0, size)]  # no recursion: boxes may be nested as deep as a file is long
    while waiting:
        start, end = waiting.pop()
        if start + 8 > end:
            continue
        file.seek(start)
        head = file.read(16)
        length, kind, content = int.from_bytes(head[:4], "big"), head[4:8], start + 8
        if length == 1:
            length, content = int.from_bytes(head[8:16], "big"), start + 16
        close = end if length == 0 else min(start + length, end)
        if close < content:
            continue
        yield kind, content, close
        waiting.append((close, end))
        if kind in _FOLDERS:
            waiting.append((content, close))


def _count(file: FileIO, start: int, end: int) -> int:
    """Number of samples; it stands behind version, flags and one more word."""
    file.seek(start + 8)
    return int.from_bytes(file.read(min(4, max(0, end - start - 8))), "big")
