"""What is known of a video before it is opened, and what is wrong with a dataset's labels."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from pipeline.names import caseless, first_of

ORIGINAL: Final = "original"  # generator of a real recording, as in model.protocol
SPLITS: Final = ("train", "validation", "test")
MOST_ALIKE: Final = 8
_UNSTATED: Final = ("", "nan", "<na>")  # an empty cell, and what pandas and numpy write for one

#: Columns of ``Dataset.labels``, one row a video: who is shown (``target``), who moves the face (``driver``).
#: ``path`` is relative to the dataset's root. ``split`` is null when target and driver belong to different
#: splits, or to none. ``source`` is the corpus the target comes from, ``driver_source`` the driver's.
COLUMNS: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "path": pl.String,
    "target": pl.String,
    "driver": pl.String,
    "generator": pl.String,
    "split": pl.String,
    "source": pl.String,
    "driver_source": pl.String,
    "original": pl.Boolean,
    "licence": pl.String,
}


class UnparsedNameError(ValueError):
    """A file name does not say who drives whom: one clause that says why."""


@dataclass(frozen=True)
class DatasetProblem:
    """Something wrong with the labels: where, and one sentence.

    ``line`` counts from 1; None is the file itself. ``excluded`` counts the videos
    (of a pair file: the pairs) left out because of it; 0 marks a remark.
    """

    file: str
    line: int | None
    sentence: str
    excluded: int = 0

    def __post_init__(self) -> None:
        # A name that is not UTF-8 is shown with its bytes escaped, so that it can be printed and kept.
        for part in ("file", "sentence"):
            object.__setattr__(self, part, getattr(self, part).encode(errors="backslashreplace").decode())

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{place}: {self.sentence}"


@dataclass(frozen=True)
class Dataset:
    """A corpus read from its labels alone; no video was opened.

    ``labels`` has ``COLUMNS``, sorted by path. ``kind`` names the layout (NVFAIR, AVAPrintDB, table).
    ``subjects`` says what is known of identities: ``identity`` and one column an attribute;
    ``attributes`` what else is known of videos: ``path`` and one column an attribute. All are text.
    """

    root: Path
    kind: str
    labels: pl.DataFrame
    problems: tuple[DatasetProblem, ...] = ()
    pair_files: tuple[Path, ...] = ()
    subjects: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"identity": pl.String}))
    attributes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"path": pl.String}))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def excluded(self) -> int:
        """Videos found and left out because their label is broken or their file cannot be read."""
        return sum(problem.excluded for problem in self.problems)


def is_utf8(path: str) -> bool:
    """Whether the bytes of a path as the system names it are UTF-8; Parquet holds no others."""
    return not any("\udc80" <= letter <= "\udcff" for letter in path)


def label_frame(columns: dict[str, list[str | None] | list[bool] | list[str]]) -> pl.DataFrame:
    """Columns as a frame of ``COLUMNS``, sorted by path; absent ones are null."""
    frame = pl.DataFrame(columns, schema_overrides={name: COLUMNS[name] for name in columns})
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in COLUMNS.items() if name not in columns]
    return frame.with_columns(missing).select(list(COLUMNS)).sort("path")


def unless_unstated(values: pl.Expr) -> pl.Expr:
    """Text of a label table, stripped; null where the cell is empty or says so in numpy's or pandas's words.

    Not for names: somebody may be called Nan.
    """
    text = values.cast(pl.String).str.strip_chars()
    return pl.when(~text.str.to_lowercase().is_in(_UNSTATED)).then(text)


def names_alike(file: str, labels: pl.DataFrame) -> list[DatasetProblem]:
    """A remark where two identities differ only as a slip of writing would make them; they stay two."""
    forms: dict[str, list[str]] = {}
    for name in sorted({*labels["target"], *labels["driver"]}):
        forms.setdefault(_form(name), []).append(name)
    alike = [" and ".join(map(_spelt, some)) for some in forms.values() if len(some) > 1]
    if not alike:
        return []
    sentence = (
        f"names that differ only in case, Unicode form or the writing of a number are taken as different "
        f"people: {first_of(alike, MOST_ALIKE, '; ')} ({len(alike)} in all); if they are one, write them "
        "alike."
    )
    return [DatasetProblem(file, None, sentence)]


def _form(name: str) -> str:
    """What all spellings of a name have in common: `1019` and `1019.0`, which a missing value makes of it."""
    plain = caseless(name)
    number = re.fullmatch(r"0*([0-9]+?)(\.0+)?", plain)
    return number[1] if number else plain


def _spelt(name: str) -> str:
    """The name, with what cannot be seen of its Unicode form written out."""
    return name if name.isascii() else f"{name} ({ascii(name)[1:-1]})"
