"""Under which conditions the case's videos were made, beside those the model was validated under.

A figure holds under the conditions it was measured in (Morrison et al. 2021, consensus on validation
of forensic comparison): so every condition of a questioned video that no known video shares, or that
the model's validation does not name, is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from reports.case import Case, Row


@dataclass(frozen=True)
class Condition:
    """One condition with its values and how many videos have each.

    ``declared``: values the model file names under ``validation.conditions``, None when it names none.
    ``unshared``: values of questioned videos that no known video has; ``outside``: not declared.
    """

    name: str
    questioned: tuple[tuple[str, int], ...]
    known: tuple[tuple[str, int], ...]
    declared: tuple[str, ...] | None
    unshared: tuple[str, ...]
    outside: tuple[str, ...]


def _rate(row: Row) -> str | None:
    return f"{row['fps']:.3g}" if row["fps"] else None


def _compression(row: Row) -> str | None:
    """Bits per pixel and frame, in steps of two: the plainest measure of how hard a video was pressed."""
    pixels = (row["width"] or 0) * (row["height"] or 0) * (row["frames_decoded"] or 0)
    if not pixels:
        return None
    bits = 8 * row["size"] / pixels
    step = next((limit for limit in _BITS if bits < limit), None)
    return f"< {step:g}" if step else f"≥ {_BITS[-1]:g}"


_BITS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)
_READ: Final[dict[str, Callable[[Row], str | None]]] = {
    "codec": lambda row: row["codec"],
    "container": lambda row: row["container"],
    "picture": lambda row: f"{row['width']} × {row['height']}" if row["width"] else None,
    "rate": _rate,
    "varying": lambda row: None if row["vfr"] is None else ("yes" if row["vfr"] else "no"),
    "compression": _compression,
}


def conditions(case: Case) -> list[Condition]:
    """The conditions of the processed videos; empty when there is none."""
    rows = [e.row for e in case.exhibits if e.row["status"] == "processed"]
    validation = case.run.get("model", {}).get("validation") or {}
    declared: Any = validation.get("conditions") or {}
    found = []
    for name, read in _READ.items():
        sides = {
            role: Counter(value for row in rows if row["role"] == role and (value := read(row)) is not None)
            for role in ("questioned", "known")
        }
        if not any(sides.values()):
            continue
        named = declared.get(name) if isinstance(declared, dict) else None
        allowed = None if named is None else tuple(map(str, named if isinstance(named, list) else [named]))
        asked = sorted(sides["questioned"])
        found.append(
            Condition(
                name=name,
                questioned=tuple(sorted(sides["questioned"].items(), key=lambda item: (-item[1], item[0]))),
                known=tuple(sorted(sides["known"].items(), key=lambda item: (-item[1], item[0]))),
                declared=allowed,
                unshared=tuple(v for v in asked if sides["known"] and v not in sides["known"]),
                outside=tuple(v for v in asked if allowed is not None and v not in allowed),
            )
        )
    return found
