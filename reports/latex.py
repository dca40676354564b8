"""Tables as LaTeX, to be put into a paper."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SPECIAL: Final = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}  # fmt: skip


def escaped(text: str) -> str:
    """``text`` with every character LaTeX would read as a command escaped."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def tabular(remarks: Iterable[str], align: str, heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A ``tabular`` of cells that are LaTeX already, below comment lines; ``align`` is a letter a column."""
    lines = [
        *(f"% {remark}" for remark in remarks),
        f"\\begin{{tabular}}{{{align}}}",
        "\\hline",
        " & ".join(heading) + r" \\",
        "\\hline",
        *(" & ".join(cells) + r" \\" for cells in rows),
        "\\hline",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"
