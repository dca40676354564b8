"""Any other corpus: a CSV or Parquet file with one row a video.

Columns ``path`` (relative to the file, or absolute), ``target``, ``driver``, ``generator`` and, where
known, ``split``, ``source``, ``driver_source``, ``licence`` and ``original`` (true, yes or 1; false, no, 0 or
empty). Any other column is an attribute of the video: the benchmark compares its values as groups. NaN in a
column that may be absent, or in one of numbers, is an empty cell.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import polars as pl

from pipeline.datasets.files import with_lines
from pipeline.datasets.label import (
    COLUMNS,
    ORIGINAL,
    SPLITS,
    Dataset,
    DatasetProblem,
    names_alike,
    unless_unstated,
)
from pipeline.errors import UserError
from pipeline.names import first_of

REQUIRED: Final = ("path", "target", "driver", "generator")
RESERVED: Final = ("pooled", "mean of generators")  # subsets of the benchmark's tables beside the generators
SUFFIXES: Final = (".csv", ".parquet")
MOST_NAMED: Final = 8
_ORIGINALS: Final = (ORIGINAL, "originals")  # NVFAIR's folder of them
_TRUE: Final = ("true", "t", "yes", "y", "1", "1.0")
_FALSE: Final = ("false", "f", "no", "n", "0", "0.0")


def read_table_dataset(path: Path) -> Dataset:
    """Read the labels of a CSV or Parquet file.

    Rows with an empty or contradictory label, twice the same file or no readable one are left out and
    reported with their line (Parquet: their row, from 1). Identities in several splits are remarked. Raises
    UserError when the file cannot be read or lacks a required column.
    """
    try:
        raw = (
            pl.read_parquet(path)
            if path.suffix.lower() == ".parquet"
            else pl.read_csv(path, infer_schema=False)
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} cannot be read as a table ({reason}): give a CSV or Parquet file.") from None
    missing = [name for name in REQUIRED if name not in raw.columns]
    if missing:
        raise UserError(f"{path} has no column {missing[0]!r}: a dataset needs {', '.join(REQUIRED)}.")
    raw = raw.select(name for name, kind in raw.schema.items() if name in COLUMNS or not kind.is_nested())
    if "line" in raw.columns:  # ours counts the rows
        spare = "line_"
        while spare in raw.columns:
            spare += "_"
        raw = raw.rename({"line": spare})
    text = with_lines(path, raw.select(_text(name, kind) for name, kind in raw.schema.items()))
    text = text.filter(pl.any_horizontal(pl.exclude("line").is_not_null()))  # an empty line is no row
    absent = [pl.lit(None, pl.String).alias(name) for name in COLUMNS if name not in text.columns]
    text = text.with_columns(absent)
    stated = text["original"].str.to_lowercase()
    text = text.with_columns(
        original=stated.is_in(_TRUE).fill_null(False)
        | pl.col("generator").str.to_lowercase().is_in(_ORIGINALS).fill_null(False),
        split=pl.col("split").str.to_lowercase().replace({"val": "validation", "valid": "validation"}),
    )
    wrong = _problems(path, text, stated)
    broken = [line for line, _ in wrong]
    problems = [DatasetProblem(path.name, line, sentence, 1) for line, sentence in wrong]
    kept = text.filter(~pl.col("line").is_in(broken))
    kept = kept.with_columns(generator=pl.when("original").then(pl.lit(ORIGINAL)).otherwise("generator"))
    if not len(kept):
        raise UserError(
            f"{path} names no usable video"
            + (f" ({problems[0]}" + ")" if problems else "")
            + ": correct its rows."
        )
    labels = _with_driver_source(kept.select(list(COLUMNS))).sort("path")
    problems += _in_several_splits(path, labels) + names_alike(path.name, labels)
    attributes = kept.select("path", *(name for name in raw.columns if name not in COLUMNS))
    return Dataset(path.parent, "table", labels, tuple(problems), attributes=attributes)


def _text(name: str, kind: pl.DataType) -> pl.Expr:
    """A column as text, null where nothing is stated."""
    if name in REQUIRED and not kind.is_float():
        return pl.col(name).cast(pl.String).str.strip_chars().replace("", None)
    return unless_unstated(pl.col(name)).alias(name)


def _problems(path: Path, table: pl.DataFrame, originals: pl.Series) -> list[tuple[int, str]]:
    """Line and sentence of every row that cannot be used; the first reason that applies.

    ``originals``: what column ``original`` says, in lower case.
    """
    found: list[tuple[int, str]] = []
    seen: dict[str, int] = {}
    for row, original in zip(table.iter_rows(named=True), originals, strict=True):
        empty = [name for name in REQUIRED if row[name] is None]
        name = row["path"]
        file = os.path.normpath(path.parent / (name or ""))  # a.mp4, ./a.mp4 and /here/a.mp4 are one file
        if empty:
            found.append((row["line"], f"{empty[0]} is empty; left out."))
        elif row["split"] is not None and row["split"] not in SPLITS:
            found.append((row["line"], f"split {row['split']!r} is none of {', '.join(SPLITS)}; left out."))
        elif original is not None and original not in (*_TRUE, *_FALSE):
            found.append(
                (row["line"], f"original {original!r} is neither true, yes, 1 nor false, no, 0; left out.")
            )
        elif row["original"] and row["driver"] != row["target"]:
            found.append(
                (row["line"], "an original video cannot have another driver than its target; left out.")
            )
        elif row["generator"] in RESERVED:
            found.append(
                (
                    row["line"],
                    f"generator {row['generator']!r} is what a result is called; left out: rename it.",
                )
            )
        elif file in seen:
            found.append((row["line"], f"{name} stands already in line {seen[file]}; left out."))
        elif "\0" in name:
            found.append((row["line"], "its path holds a NUL byte; left out."))
        elif not os.access(file, os.R_OK):
            found.append((row["line"], f"{name} is missing or cannot be read; left out."))
        else:
            seen[file] = row["line"]
    return found


def _in_several_splits(path: Path, labels: pl.DataFrame) -> list[DatasetProblem]:
    """A remark where an identity stands in more than one split: then one tells nothing of new people."""
    people = pl.concat([labels.select("split", identity=column) for column in ("target", "driver")])
    splits = people.drop_nulls("split").group_by("identity").agg(pl.col("split").n_unique())
    several = splits.filter(pl.col("split") > 1)["identity"].sort().to_list()
    if not several:
        return []
    sentence = (
        f"in more than one split, as target or driver, stand {first_of(several, MOST_NAMED)} "
        f"({len(several)} in all); what is trained on one split is not tested on new people in the other."
    )
    return [DatasetProblem(path.name, None, sentence)]


def _with_driver_source(labels: pl.DataFrame) -> pl.DataFrame:
    """Where ``driver_source`` is not stated, the source the driver has as a target."""
    homes = labels.filter(pl.col("source").is_not_null()).unique("target", maintain_order=True)
    home = dict(homes.select("target", "source").iter_rows())
    derived = pl.col("driver").replace_strict(home, default=None, return_dtype=pl.String)
    return labels.with_columns(driver_source=pl.coalesce("driver_source", derived))
