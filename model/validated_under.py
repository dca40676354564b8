"""Under which conditions a model was validated: what `validation["conditions"]` of its metadata holds.

Words as a list of those that occurred, numbers as the least and the most. Every key may be missing; a
missing one says nothing. Example::

    {"codec": ["h264"], "container": ["mov,mp4,m4a,3gp,3g2,mj2"], "varying_rate": ["no"],
     "generator": ["latent", "mesh", "tps"], "width": [256, 256], "height": [256, 256],
     "rate": [25.0, 25.0], "bits_per_pixel": [0.021, 0.094], "duration": [4.0, 4.0]}

`conditions_of` makes it from rows with the columns of the evidence table. The report reads a case's videos
by the same `measured`, so that model and case are measured alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Facts = Mapping[str, Any]

WORDS: Final = ("codec", "container", "varying_rate", "generator")
NUMBERS: Final = ("width", "height", "rate", "bits_per_pixel", "duration")  # pixels, 1/s, bits, s


@dataclass(frozen=True)
class Measured:
    """One video's conditions: ``words`` and ``numbers`` by key, a key missing where nothing is known."""

    words: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)


def measured(facts: Facts) -> Measured:
    """Conditions of a decoded video from its row: ``size`` in bytes, ``fps``, ``vfr``, ``frames_decoded`` …

    ``generator`` is read where the row has it; the evidence table has no such column.
    """
    words = {key: facts.get(key) for key in ("codec", "container", "generator")}
    vfr = facts.get("vfr")
    words["varying_rate"] = None if vfr is None else ("yes" if vfr else "no")
    numbers = {key: facts.get(key) for key in ("width", "height", "duration")}
    numbers["rate"] = facts.get("fps")
    pixels = (facts.get("width") or 0) * (facts.get("height") or 0) * (facts.get("frames_decoded") or 0)
    numbers["bits_per_pixel"] = 8 * facts["size"] / pixels if pixels and facts.get("size") else None
    return Measured(
        {key: str(value) for key, value in words.items() if value},
        {key: float(value) for key, value in numbers.items() if value},
    )


def conditions_of(videos: Iterable[Facts]) -> dict[str, list[Any]]:
    """What to write as ``validation["conditions"]`` of a model validated on these videos."""
    found = [measured(facts) for facts in videos]
    stated: dict[str, list[Any]] = {}
    for key in WORDS:
        words = sorted({m.words[key] for m in found if key in m.words})
        stated |= {key: words} if words else {}
    for key in NUMBERS:
        numbers = [m.numbers[key] for m in found if key in m.numbers]
        stated |= {key: [min(numbers), max(numbers)]} if numbers else {}
    return stated


@dataclass(frozen=True)
class ValidatedUnder:
    """The conditions a model states: allowed words, and least and most, by key."""

    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)

    def outside(self, video: Measured, keys: Iterable[str]) -> bool:
        """Whether the video is outside one of these conditions; what either side leaves open is not."""
        return any(
            (key in self.words and key in video.words and video.words[key] not in self.words[key])
            or (
                key in self.ranges
                and key in video.numbers
                and not self._within(video.numbers[key], *self.ranges[key])
            )
            for key in keys
        )

    @staticmethod
    def _within(value: float, least: float, most: float) -> bool:
        # A thousandth of play: a frame rate from timestamps is 24.9999, and stated figures are rounded.
        return least * 0.999 <= value <= most * 1.001


def validated_under(validation: Mapping[str, Any] | None) -> ValidatedUnder:
    """Reads ``validation["conditions"]``; an entry of another form than the module shows is left out."""
    stated = (validation or {}).get("conditions")
    if not isinstance(stated, Mapping):
        return ValidatedUnder()
    words = {
        key: tuple(map(str, stated[key]))
        for key in WORDS
        if isinstance(stated.get(key), list) and stated[key]
    }
    ranges = {
        key: (float(stated[key][0]), float(stated[key][1]))
        for key in NUMBERS
        if isinstance(stated.get(key), list)
        and len(stated[key]) == 2
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in stated[key])
    }
    return ValidatedUnder(words, ranges)
