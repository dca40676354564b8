"""Names out of seized material, made safe to read.

A file name may carry characters that hide, reorder or break the text around it (a right-to-left
override turns `gpj.exe` into `exe.jpg`). HTML escaping does not touch them. Here every such
character is written out as its code point, so that the reader sees it is there.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from pipeline.names import INVISIBLE, caseless

# Letters, marks and signs that show nothing all the same (Default_Ignorable_Code_Point of Unicode 16, and the
# blank of Braille): with one of them two names look like one.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | {
    chr(code) for start, end in ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF)) for code in range(start, end + 1)
}


def visible(text: str) -> str:
    """``text`` with every character that is not seen, or reorders others, written as ``⟨U+202E⟩``."""
    return "".join(_escaped(c) if _is_hidden(c) else c for c in text)


def told_apart(name: str) -> str:
    """``visible(name)``, with spaces nobody can tell written out: all but the plain one, and it at an end."""
    shown = "".join(_escaped(c) if c != " " and unicodedata.category(c) == "Zs" else c for c in visible(name))
    bare = shown.strip(" ")
    before = len(shown) - len(shown.lstrip(" "))
    return _escaped(" ") * before + bare + _escaped(" ") * (len(shown) - before - len(bare))


def spelt_alike(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Names that differ in capitals, width, spaces, hyphens or what is not seen alone."""
    found: dict[str, set[str]] = defaultdict(set)
    for each in names:
        seen = "".join(c for c in caseless(each) if not _is_hidden(c))
        found[" ".join(re.split(r"[\s_.-]+", seen)).strip()].add(each)
    return tuple(tuple(sorted(alike)) for _, alike in sorted(found.items()) if len(alike) > 1)


def _is_hidden(character: str) -> bool:
    return character in _BLANK or unicodedata.category(character) in INVISIBLE


def _escaped(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"


def shortened(text: str, length: int) -> str:
    """At most ``length`` characters of ``told_apart(text)``: both ends kept, the middle an ellipsis."""
    shown = told_apart(text)
    if len(shown) <= length:
        return shown
    head = (length - 1) // 2
    return f"{shown[:head]}…{shown[len(shown) - (length - 1 - head) :]}"
