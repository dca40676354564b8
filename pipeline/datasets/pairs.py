"""Fixed pair files: which two videos are compared, and whether one driver is behind both."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import polars as pl

from pipeline.datasets.files import with_lines
from pipeline.datasets.label import Dataset, DatasetProblem
from pipeline.errors import UserError

COLUMNS: Final = ("enrolment_sample", "test_sample", "label")
MOST_TOLD: Final = 20  # with --generators whole files name videos that are not measured


def pair_files(dataset: Dataset) -> dict[str, Path]:
    """The dataset's pair files by what they are called: their name, with its folder where several bear it."""
    names = [path.name for path in dataset.pair_files]
    return {
        path.name if names.count(path.name) == 1 else path.relative_to(dataset.root).as_posix(): path
        for path in dataset.pair_files
    }


def read_pairs(path: Path, dataset: Dataset) -> tuple[pl.DataFrame, list[DatasetProblem]]:
    """Pairs as ``left, right`` (paths of ``dataset``) and ``same_driver``, and the rows left out.

    A sample is named by its file name, with or without folder and suffix. Left out, and reported with their
    line up to ``MOST_TOLD`` of a kind: rows that name a video the dataset lacks, labels other than 0 and 1,
    a video against itself, a pair that stands there before. ``excluded`` of the problems adds up to them.
    Labels that contradict the drivers hold, and are remarked. Raises UserError when the file cannot be read
    or lacks a column.
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
    table = with_lines(path, raw).select(
        "line",
        _stem("enrolment_sample").alias("left_stem"),
        _stem("test_sample").alias("right_stem"),
        pl.col("label").str.strip_chars().replace({"1.0": "1", "0.0": "0"}),
    )
    table = table.with_columns(
        pl.col(f"{side}_stem").replace_strict(paths, default=None, return_dtype=pl.String).alias(side)
        for side in ("left", "right")
    )
    # In this order: a row that is left out for another reason is not the first of its pair.
    kinds = {
        "absent": pl.col("left").is_null() | pl.col("right").is_null(),
        "label": ~pl.col("label").is_in(["0", "1"]).fill_null(False),
        "itself": pl.col("left") == pl.col("right"),
        "twice": pl.col("line") != pl.col("first"),
    }
    ends = pl.min_horizontal("left", "right"), pl.max_horizontal("left", "right")
    problems: list[DatasetProblem] = []
    for kind, bad in kinds.items():
        if kind == "twice":
            table = table.with_columns(first=pl.col("line").first().over(*ends))
        wrong, table = table.filter(bad), table.filter(~bad)
        for row in wrong.head(MOST_TOLD).iter_rows(named=True):
            sentence = f"{_why(kind, row)}; the pair is left out."
            problems.append(DatasetProblem(path.name, row["line"], sentence, 1))
        if len(wrong) > MOST_TOLD:
            more = len(wrong) - MOST_TOLD
            sentence = f"{more:,} more pairs are left out for reasons like this: {_why(kind, row)}."
            problems.append(DatasetProblem(path.name, None, sentence, more))
    kept = table.select("left", "right", (pl.col("label") == "1").alias("same_driver"))
    problems.sort(key=lambda one: (one.line is None, one.line))
    return kept, problems + _contradictions(path, table.select("line"), kept, dataset)


def _why(kind: str, row: dict[str, Any]) -> str:
    """Why a row is left out, in a clause."""
    if kind == "absent":
        name = row["left_stem"] if row["left"] is None else row["right_stem"]
        return f"{name} is not among the videos measured"
    if kind == "label":
        return f"label {row['label']!r} is neither 0 nor 1"
    if kind == "itself":
        return f"{row['left_stem']} is compared with itself"
    return f"{row['left_stem']} and {row['right_stem']} stand already in line {row['first']}"


def _contradictions(
    path: Path, lines: pl.DataFrame, pairs: pl.DataFrame, dataset: Dataset
) -> list[DatasetProblem]:
    """A remark where a pair is labelled otherwise than the drivers of its two videos are."""
    driver = dict(dataset.labels.select("path", "driver").iter_rows())
    left, right = (pairs[side].replace_strict(driver, return_dtype=pl.String) for side in ("left", "right"))
    wrong = lines.filter(pairs["same_driver"] != (left == right))["line"].to_list()
    if not wrong:
        return []
    sentence = (
        f"the first of {len(wrong):,} pairs whose label contradicts the drivers of their videos; it is taken "
        "as it is labelled."
    )
    return [DatasetProblem(path.name, wrong[0], sentence)]


def _stem(column: str) -> pl.Expr:
    name = (
        pl.col(column).str.strip_chars().str.replace_all("\\", "/", literal=True).str.split("/").list.last()
    )
    return name.str.replace(r"\.[A-Za-z0-9]{2,4}$", "")
