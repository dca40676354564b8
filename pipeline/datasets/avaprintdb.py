"""AVAPrintDB: ``videos/{DEV,TEST}/[<GEN>/]<target>--<driver>--<uuid>--<GEN>.mp4`` and its pair files.

Identities come from CREMA-D (``C1061``) and RAVDESS (``Actor_07``). DEV holds training and validation;
which identities validate is fixed by the benchmark's authors.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from pipeline.datasets.files import videos_below
from pipeline.datasets.label import (
    Dataset,
    DatasetProblem,
    UnparsedNameError,
    is_utf8,
    label_frame,
    names_alike,
    unless_unstated,
)
from pipeline.errors import UserError

LICENCE: Final = "CC-BY"
VALIDATION: Final = frozenset(
    [f"C{number}" for number in (
        1001, 1010, 1011, 1016, 1021, 1024, 1030, 1032, 1037, 1040,
        1050, 1053, 1055, 1057, 1063, 1069, 1075, 1086,
    )]
    + [f"Actor_{number:02}" for number in (3, 13, 19, 23)]
)  # fmt: skip
ATTRIBUTES: Final = ("gender", "age", "ethnicity")
_ALSO: Final = {"gender": ("gender", "sex"), "age": ("age",), "ethnicity": ("ethnicity", "race", "ethnic")}
_SUBJECT: Final = ("identity", "subject", "actor", "id")


def parse_name(stem: str) -> tuple[str, str, str, str]:
    """Target, driver, id of the source clip and generator; raises UnparsedNameError with one clause."""
    fields = stem.split("--")
    if len(fields) != 4:
        raise UnparsedNameError(f"has {len(fields)} fields between '--', not 4")
    if not all(fields):
        raise UnparsedNameError("has an empty field")
    return fields[0], fields[1], fields[2], fields[3]


def is_avaprintdb(root: Path) -> bool:
    """Whether a folder has ``videos/DEV`` or ``videos/TEST``."""
    return any(True for _ in _halves(root))


def read_avaprintdb(root: Path) -> Dataset:
    """Read names, soft biometrics and the list of pair files.

    Raises UserError when no video has a name that parses.
    """
    problems: list[DatasetProblem] = []
    elsewhere: list[str] = []
    rows: dict[str, list[str | None]] = {
        name: [] for name in ("path", "target", "driver", "generator", "split", "source", "driver_source")
    }
    for half, folder in _halves(root):
        for path in _videos(folder, elsewhere):
            below = f"videos/{folder.name}/{path}"
            if not is_utf8(path):
                problems.append(DatasetProblem(below, None, "its name is not UTF-8; left out.", 1))
                continue
            try:
                target, driver, _, generator = parse_name(Path(path).stem)
            except UnparsedNameError as error:
                problems.append(DatasetProblem(below, None, f"its name {error}; left out.", 1))
                continue
            if not os.access(folder / path, os.R_OK):
                problems.append(DatasetProblem(below, None, "is missing or cannot be read; left out.", 1))
                continue
            values = (
                below,
                target,
                driver,
                generator,
                _split(half, target, driver),
                _source(target),
                _source(driver),
            )
            for column, value in zip(rows.values(), values, strict=True):
                column.append(value)
    if not rows["path"]:
        raise UserError(
            f"{root}/videos holds no video named <target>--<driver>--<uuid>--<generator>.mp4: "
            "check the download."
        )
    problems += _remarks(root, rows, elsewhere)
    count = len(rows["path"])
    columns: dict[str, list[str | None] | list[bool] | list[str]] = {
        **rows,
        "original": [False] * count,
        "licence": [LICENCE] * count,
    }
    subjects = _subjects(root, problems)
    pairs = tuple(sorted((*root.glob("evaluation_pairs_*.csv"), *root.glob("*/evaluation_pairs_*.csv"))))
    labels = label_frame(columns)
    problems += names_alike("videos", labels)
    return Dataset(root, "AVAPrintDB", labels, tuple(problems), pairs, subjects)


def _halves(root: Path) -> Iterator[tuple[str, Path]]:
    for folder in sorted((root / "videos").glob("*")):
        if folder.name.upper() in ("DEV", "TEST") and folder.is_dir():
            yield folder.name.upper(), folder


def _videos(folder: Path, elsewhere: list[str]) -> Iterator[str]:
    """Videos directly in the half and in its generator folders, as paths below the half.

    Others that are met are added to ``elsewhere``, with their whole path.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        inner = sorted(os.scandir(entry.path), key=lambda one: one.name) if entry.is_dir() else [entry]
        for file in inner:
            if not file.is_dir() and file.name.lower().endswith(".mp4") and not file.name.startswith("."):
                yield file.name if file is entry else f"{entry.name}/{file.name}"
            elif not file.name.startswith("."):
                elsewhere += videos_below(file)


def _remarks(root: Path, rows: dict[str, list[str | None]], elsewhere: list[str]) -> Iterator[DatasetProblem]:
    """On videos that lie where none is looked for, and on names that contradict their folder."""
    if elsewhere:
        sentence = (
            f"the first of {len(elsewhere):,} videos that lie in a folder below a generator's, or are no "
            ".mp4; left out."
        )
        yield DatasetProblem(os.path.relpath(min(elsewhere), root), None, sentence, len(elsewhere))
    generators = set(rows["generator"])
    other = [
        path
        for path, generator in zip(rows["path"], rows["generator"], strict=True)
        if path and generator not in path.split("/") and not generators.isdisjoint(path.split("/"))
    ]
    if other:
        sentence = (
            f"the first of {len(other):,} videos whose name says another generator than their folder; the "
            "name holds."
        )
        yield DatasetProblem(other[0], None, sentence)


def _split(half: str, target: str, driver: str) -> str | None:
    if half == "TEST":
        return "test"
    if (target in VALIDATION) != (driver in VALIDATION):
        return None
    return "validation" if target in VALIDATION else "train"


def _source(identity: str) -> str:
    return "RAVDESS" if identity.startswith("Actor_") else "CREMA-D"


def _subjects(root: Path, problems: list[DatasetProblem]) -> pl.DataFrame:
    """Soft biometrics of the identities from ``metadata/{cremad,ravdess}_metadata.csv``, one row each."""
    kinds = dict.fromkeys(("identity", *ATTRIBUTES), pl.String)
    frames = [pl.DataFrame(schema=kinds)]
    for name, prefix in (("cremad_metadata.csv", "C"), ("ravdess_metadata.csv", "Actor_")):
        path = root / "metadata" / name
        if not path.is_file():
            continue
        try:
            table = pl.read_csv(path, infer_schema=False)
        except (pl.exceptions.PolarsError, OSError) as error:
            problems.append(DatasetProblem(f"metadata/{name}", None, f"cannot be read ({error})."))
            continue
        identity = _column(table, _SUBJECT)
        if identity is None:
            problems.append(DatasetProblem(f"metadata/{name}", 1, "has no column that names the identity."))
            continue
        columns = {attribute: _column(table, _ALSO[attribute]) for attribute in ATTRIBUTES}
        digits = pl.col(identity).str.extract(r"(\d+)\D*$").str.strip_chars_start("0")
        width = 4 if prefix == "C" else 2
        frames.append(
            table.select(
                (pl.lit(prefix) + digits.str.zfill(width)).alias("identity"),
                *(
                    (unless_unstated(pl.col(column)) if column else pl.lit(None, pl.String)).alias(attribute)
                    for attribute, column in columns.items()
                ),
            )
            .drop_nulls("identity")
            .unique("identity", maintain_order=True)
        )
    return pl.concat(frames).sort("identity")


def _column(table: pl.DataFrame, words: tuple[str, ...]) -> str | None:
    """The first column whose name contains one of the words as a part of it (between non-letters)."""
    for word in words:
        for name in table.columns:
            if word in name.lower().replace("-", "_").split("_"):
                return name
    return None
