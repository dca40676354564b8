"""Under which conditions the case's videos were made, beside those the model was validated under.

A figure holds under the conditions it was measured in (Morrison et al. 2021, consensus on validation
of forensic comparison): so every condition of a questioned video that no known video shares, or that
the model's validation does not cover, is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from model.validated_under import Measured, ValidatedUnder, measured, validated_under
from reports.case import Case


@dataclass(frozen=True)
class Condition:
    """One condition with its values and how many videos have each.

    ``declared``: what the model file states, in words, None when it states nothing. ``unshared``: values of
    questioned videos that no known video has; ``outside``: values the statement does not cover. ``unknown``:
    the model states it, and of the case's videos it cannot be told.
    """

    name: str
    questioned: tuple[tuple[str, int], ...]
    known: tuple[tuple[str, int], ...]
    declared: tuple[str, ...] | None
    unshared: tuple[str, ...]
    outside: tuple[str, ...]
    unknown: bool


_Show = Callable[[Measured], str | None]

_BITS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)
_SECONDS: Final = (2, 5, 10, 30, 60, 300, 3600)


def _word(key: str) -> _Show:
    return lambda video: video.words.get(key)


def _stepped(key: str, steps: tuple[float, ...]) -> _Show:
    """A number that is never twice the same, in steps."""

    def show(video: Measured) -> str | None:
        if key not in video.numbers:
            return None
        above = next((i for i, step in enumerate(steps) if video.numbers[key] < step), len(steps))
        if above == 0:
            return f"< {steps[0]:g}"
        return f"{steps[above - 1]:g} to {steps[above]:g}" if above < len(steps) else f"≥ {steps[-1]:g}"

    return show


def _picture(video: Measured) -> str | None:
    size = [video.numbers.get(key) for key in ("width", "height")]
    return None if None in size else f"{size[0]:.0f} × {size[1]:.0f}"


def _rate(video: Measured) -> str | None:
    return f"{video.numbers['rate']:.3g}" if "rate" in video.numbers else None


# Bits per pixel and frame are the plainest measure of how hard a video was pressed.
_SHOWN: Final[dict[str, tuple[_Show, tuple[str, ...]]]] = {
    "codec": (_word("codec"), ("codec",)),
    "container": (_word("container"), ("container",)),
    "picture": (_picture, ("width", "height")),
    "rate": (_rate, ("rate",)),
    "varying": (_word("varying_rate"), ("varying_rate",)),
    "compression": (_stepped("bits_per_pixel", _BITS), ("bits_per_pixel",)),
    "length": (_stepped("duration", _SECONDS), ("duration",)),
    "generator": (_word("generator"), ("generator",)),
}


def conditions(case: Case) -> list[Condition]:
    """The conditions of the processed videos; empty when there is none."""
    videos = [(e.row["role"], measured(e.row)) for e in case.exhibits if e.row["status"] == "processed"]
    stated = validated_under(case.run.get("model", {}).get("validation"))
    found = []
    for name, (show, keys) in _SHOWN.items():
        sides = {
            role: Counter(value for r, video in videos if r == role and (value := show(video)) is not None)
            for role in ("questioned", "known")
        }
        declared = _declared(stated, keys)
        if not videos or not (any(sides.values()) or declared):
            continue
        asked = sorted(sides["questioned"])
        beyond = {show(video) for r, video in videos if r == "questioned" and stated.outside(video, keys)}
        found.append(
            Condition(
                name=name,
                questioned=tuple(sorted(sides["questioned"].items(), key=lambda item: (-item[1], item[0]))),
                known=tuple(sorted(sides["known"].items(), key=lambda item: (-item[1], item[0]))),
                declared=declared,
                unshared=tuple(v for v in asked if sides["known"] and v not in sides["known"]),
                outside=tuple(v for v in asked if v in beyond),
                unknown=bool(declared and not any(sides.values())),
            )
        )
    return found


def _declared(stated: ValidatedUnder, keys: tuple[str, ...]) -> tuple[str, ...] | None:
    """The model's statement in words; a picture's two ranges as one."""
    words = tuple(word for key in keys for word in stated.words.get(key, ()))
    ranges = [stated.ranges[key] for key in keys if key in stated.ranges]
    text = " × ".join(f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in ranges)
    return words or ((text,) if text else None)
