"""Names out of seized material, made safe to read.

A file name may carry characters that hide, reorder or break the text around it (a right-to-left
override turns `gpj.exe` into `exe.jpg`). HTML escaping does not touch them. Here every such
character is written out as its code point, so that the reader sees it is there.
"""

from __future__ import annotations

import unicodedata

# Unicode general categories without a visible glyph of their own: control, format (bidi controls,
# zero-width joiners), surrogate, private use, line and paragraph separators.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def visible(text: str) -> str:
    """``text`` with every invisible or reordering character written as ``⟨U+202E⟩``."""
    return "".join(f"⟨U+{ord(c):04X}⟩" if unicodedata.category(c) in _INVISIBLE else c for c in text)


def shortened(text: str, length: int) -> str:
    """At most ``length`` characters of ``visible(text)``: both ends kept, the middle an ellipsis."""
    shown = visible(text)
    if len(shown) <= length:
        return shown
    head = (length - 1) // 2
    return f"{shown[:head]}…{shown[len(shown) - (length - 1 - head) :]}"
