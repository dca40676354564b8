"""Fixed pair files: which two videos are compared, and whether one driver is behind both."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from pipeline.datasets.label import Dataset, DatasetProblem
from pipeline.errors import UserError

COLUMNS: Final = ("enrolment_sample", "test_sample", "label")


def read_pairs(path: Path, dataset: Dataset) -> tuple[pl.DataFrame, list[DatasetProblem]]:
    """Pairs as ``left, right`` (paths of ``dataset``) and ``same_driver``, and the rows left out.

    A sample is named by its file name, with or without folder and suffix. Left out and reported with
    their line: rows that name a video the dataset lacks, and labels other than 0 and 1. Raises UserError
    when the file cannot be read or lacks a column.
    """
    try:
        raw = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"{path} cannot be read as a pair file ({str(error).splitlines()[0]}).") from None
    missing = [name for name in COLUMNS if name not in raw.columns]
    if missing:
        raise UserError(f"{path} has no column {missing[0]!r}: a pair file needs {', '.join(COLUMNS)}.")
    paths = {
        stem: name for name, stem in dataset.labels.select("path", _stem("path").alias("stem")).iter_rows()
    }
    table = raw.with_row_index("line", offset=2).select(
        "line",
        _stem("enrolment_sample").alias("left_stem"),
        _stem("test_sample").alias("right_stem"),
        pl.col("label").str.strip_chars().replace({"1.0": "1", "0.0": "0"}),
    )
    table = table.with_columns(
        pl.col(f"{side}_stem").replace_strict(paths, default=None, return_dtype=pl.String).alias(side)
        for side in ("left", "right")
    )
    bad = (
        pl.col("left").is_null()
        | pl.col("right").is_null()
        | ~pl.col("label").is_in(["0", "1"]).fill_null(False)
    )
    problems = []
    for row in table.filter(bad).iter_rows(named=True):
        absent = [row[f"{side}_stem"] for side in ("left", "right") if row[side] is None]
        why = f"{absent[0]} is not in the dataset" if absent else f"label {row['label']!r} is neither 0 nor 1"
        problems.append(DatasetProblem(path.name, row["line"], f"{why}; the pair is left out."))
    kept = table.filter(~bad).select("left", "right", (pl.col("label") == "1").alias("same_driver"))
    return kept, problems


def _stem(column: str) -> pl.Expr:
    name = (
        pl.col(column).str.strip_chars().str.replace_all("\\", "/", literal=True).str.split("/").list.last()
    )
    return name.str.replace(r"\.[A-Za-z0-9]{2,4}$", "")
