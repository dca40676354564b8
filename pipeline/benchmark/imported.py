"""Embeddings or pair scores of another system, read so that the same protocols can measure them.

Embeddings: ``path`` and either ``embedding`` (a Parquet list) or one numeric column a dimension, one row a
video, or several rows (windows) a video, of which ``centre`` (1 or 0) may mark the paper's centre clip.
Pair scores: ``left, right, score`` (or AVAPrintDB's ``enrolment_sample, test_sample``), higher is more alike.
A video is named by its path below the dataset, or by its file name where that is unique; folders before the
name must then be those of the path's end, or the path's those of theirs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NoReturn

import numpy as np
import polars as pl

from pipeline.datasets.files import with_lines
from pipeline.datasets.label import COLUMNS, Dataset, DatasetProblem
from pipeline.errors import UserError

EMBEDDINGS: Final = "embeddings"
_PAIR_NAMES: Final = {"enrolment_sample": "left", "test_sample": "right"}
_TRUE: Final = ("1", "1.0", "true", "yes")
_ROW_NUMBERS: Final = ("", "Unnamed: 0", "index", "__index_level_0__")  # what pandas calls them in a file
#: What stands beside the dimensions in tables of videos and of clips, ours among them.
_NO_DIMENSIONS: Final = frozenset(COLUMNS) | frozenset(
    (
        "label",
        "identity",
        "subject",
        "clip",
        "window",
        "frame",
        "frames",
        "fps",
        "start_frame",
        "padded_frames",
    )
)


@dataclass(frozen=True)
class Imported:
    """What a file of another system says about videos of the dataset.

    ``table``: ``path, centre, window, embedding`` (pl.Array of float64) or ``left, right, score``.
    ``id``: SHA-256 of the file; ``problems``: rows left out, by line, and what the file does not cover.
    """

    id: str
    file: str
    kind: Literal["embeddings", "pair scores"]
    table: pl.DataFrame
    problems: tuple[DatasetProblem, ...]


def read_imported(path: Path, whole: Dataset, dataset: Dataset) -> Imported:
    """Read a CSV or Parquet file for ``dataset``, the part of ``whole`` that is measured.

    Rows naming videos that ``whole`` lacks are left out and reported; those of other parts only left out.

    Raises UserError, with the line (Parquet: the row, from 1), when the file cannot be read, lacks a column,
    holds a value that is no finite number, embeddings of differing lengths, or a pair twice with differing
    scores.
    """
    raw = _read(path)
    raw = raw.rename({old: new for old, new in _PAIR_NAMES.items() if old in raw.columns and new not in raw})
    raw = with_lines(path, raw.drop("line", strict=False))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if {"left", "right", "score"} <= set(raw.columns):
        table, problems = _pair_scores(path, raw, whole, dataset)
        return Imported(digest, path.name, "pair scores", table, problems)
    if "path" in raw.columns:
        table, problems = _embeddings(path, raw, whole, dataset)
        return Imported(digest, path.name, "embeddings", table, problems)
    raise UserError(
        f"{path} has neither the columns left, right, score nor a column path: give embeddings "
        "(path and one column a dimension, or a list column embedding) or pair scores."
    )


def _read(path: Path) -> pl.DataFrame:
    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} cannot be read as a table ({reason}): give a CSV or Parquet file.") from None


def _fail(path: Path, line: int, sentence: str) -> NoReturn:
    raise UserError(f"{path}, line {line}: {sentence}")


def _embeddings(
    path: Path, raw: pl.DataFrame, whole: Dataset, dataset: Dataset
) -> tuple[pl.DataFrame, tuple[DatasetProblem, ...]]:
    table, problems = _named(path, raw, ["path"], whole, dataset)
    vectors = _vectors(path, table)
    for place in np.flatnonzero(~np.isfinite(vectors).all(axis=1))[:1]:
        _fail(path, table["line"][int(place)], "a value is no finite number; correct it or remove the row.")
    windows = bool(table["path"].is_duplicated().any())
    marked = "centre" in table.columns
    stated = pl.col("centre").cast(pl.String).str.strip_chars().str.to_lowercase().is_in(_TRUE)
    table = table.select(
        "path",
        "line",
        centre=stated.fill_null(False) if marked else pl.lit(not windows),
        window=pl.lit(windows),
    )
    twice = table.filter(pl.col("centre") & pl.col("path").is_duplicated().over("centre"))
    if len(twice):
        _fail(path, twice["line"][1], f"{twice['path'][1]} has more than one centre clip.")
    kept = table.select("path", "centre", "window").with_columns(
        embedding=pl.Series(vectors, dtype=pl.Array(pl.Float64, vectors.shape[1]))
    )
    named, centred = kept["path"].n_unique(), kept.filter("centre").height  # one a video at most
    if centred < named:
        sentence = (
            f"marks a centre clip of {centred} of {named} videos; the others the paper's protocol does "
        )
        problems.append(DatasetProblem(path.name, None, f"{sentence}not compare."))
    absent = len(dataset) - named
    if absent:
        problems.append(_uncovered(path, f"has no embedding of {absent} of {len(dataset)} videos"))
    return kept, tuple(problems)


def _vectors(path: Path, table: pl.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    if "embedding" in table.columns:
        column = table["embedding"]
        if not column.dtype.is_nested():
            raise UserError(f"{path}: column embedding holds no lists; in a CSV give one column a dimension.")
        column = column.cast(pl.List(pl.Float64))
        lengths = column.list.len().fill_null(0)
        usual = max(lengths.mode().to_list())
        odd = table.filter((lengths != usual) | (lengths == 0))
        if len(odd):
            _fail(path, odd["line"][0], f"its embedding is not of {usual or 'any'} values.")
        return np.array(column.to_list(), np.float64).reshape(len(table), -1)
    names = [name for name in table.columns if name not in ("line", "path", "centre")]
    for name in names:
        if name in _ROW_NUMBERS:  # larger than any embedding's values, and in the order of the labels
            raise UserError(
                f"{path}: column {name!r} holds row numbers, no dimension; write it with index=False."
            )
        if name.strip().lower() in _NO_DIMENSIONS:  # NVFAIR's people are numbers: who drives would be given
            raise UserError(f"{path}: column {name!r} is no dimension of an embedding; leave it out.")
    numbers = table.select(pl.col(name).cast(pl.Float64, strict=False) for name in names)
    if not names:
        raise UserError(f"{path} has no column beside path: give one column a dimension.")
    for name in names:
        wrong = table.filter(numbers[name].is_null())
        if len(wrong):
            _fail(path, wrong["line"][0], f"column {name} holds {wrong[name][0]!r}, which is no number.")
    return numbers.to_numpy().astype(np.float64)


def _pair_scores(
    path: Path, raw: pl.DataFrame, whole: Dataset, dataset: Dataset
) -> tuple[pl.DataFrame, tuple[DatasetProblem, ...]]:
    table, problems = _named(path, raw, ["left", "right"], whole, dataset)
    table = table.with_columns(number=pl.col("score").cast(pl.Float64, strict=False))
    wrong = table.filter(~pl.col("number").is_finite().fill_null(False))
    if len(wrong):
        _fail(path, wrong["line"][0], f"score {wrong['score'][0]!r} is no finite number; remove the row.")
    ends = table.select(
        "line", "number", a=pl.min_horizontal("left", "right"), b=pl.max_horizontal("left", "right")
    )
    twice = ends.with_columns(first=pl.col("number").first().over("a", "b"))
    twice = twice.filter(pl.col("number") != pl.col("first"))
    if len(twice):
        pair = f"{twice['a'][0]} and {twice['b'][0]}"
        _fail(path, twice["line"][0], f"{pair} were scored before, differently; keep one of the rows.")
    kept = table.select("left", "right", score="number")
    needed, present = _protocol_pairs(dataset, kept)
    if present < needed:
        problems.append(_uncovered(path, f"scores {present:,} of the protocol's {needed:,} pairs"))
    return kept, tuple(problems)


def _uncovered(path: Path, clause: str) -> DatasetProblem:
    return DatasetProblem(path.name, None, f"{clause}; what is missing is not compared.")


def _protocol_pairs(dataset: Dataset, pairs: pl.DataFrame) -> tuple[int, int]:
    """Pairs the paper's protocol compares (generators pooled, no originals), and how many are scored."""
    labels = dataset.labels.filter(~pl.col("original")).with_columns(own=pl.col("target") == pl.col("driver"))
    counts = labels.group_by("target").agg(own=pl.col("own").sum(), other=(~pl.col("own")).sum())
    own, other = counts["own"].cast(pl.Int64), counts["other"].cast(pl.Int64)
    needed = int((own * (own - 1) // 2 + own * other).sum())
    known = labels.select("path", "target", "own")
    joined = pairs.join(known, left_on="left", right_on="path").join(
        known, left_on="right", right_on="path", suffix="_right"
    )
    inside = joined.filter(
        (pl.col("target") == pl.col("target_right")) & (pl.col("own") | pl.col("own_right"))
        & (pl.col("left") != pl.col("right"))
    )  # fmt: skip
    ends = inside.select(pl.min_horizontal("left", "right"), b=pl.max_horizontal("left", "right"))
    return needed, ends.n_unique()


def _named(
    path: Path, raw: pl.DataFrame, columns: list[str], whole: Dataset, dataset: Dataset
) -> tuple[pl.DataFrame, list[DatasetProblem]]:
    """``raw`` with videos named by their path in the dataset; rows that name none of them reported."""
    names = whole.labels.select("path", _stem("path").alias("stem"))
    known = {row: row for row in names["path"]}
    unique = names.filter(pl.col("stem").is_unique())
    known |= dict(unique.select("stem", "path").iter_rows())
    table = raw
    for column in columns:
        text = pl.col(column).cast(pl.String).str.strip_chars().str.replace_all("\\", "/", literal=True)
        found = text.replace_strict(known, default=None, return_dtype=pl.String)
        by_stem = _stem(column).replace_strict(known, default=None, return_dtype=pl.String)
        # The same file name in another folder is another video, as NVFAIR names those of its generators.
        given, there = _folders(text), _folders(by_stem)
        agreeing = pl.when(there.str.ends_with(given) | given.str.ends_with(there)).then(by_stem)
        table = table.with_columns(pl.coalesce(found, agreeing).alias(f"{column} found"))
    bad = pl.any_horizontal(pl.col(f"{column} found").is_null() for column in columns)
    problems = [
        DatasetProblem(path.name, row["line"], f"{name} is not in the dataset; the row is left out.")
        for row in table.filter(bad).iter_rows(named=True)
        for name in [next(row[column] for column in columns if row[f"{column} found"] is None)]
    ]
    kept = table.filter(~bad).with_columns(pl.col(f"{c} found").alias(c) for c in columns)
    measured = pl.all_horizontal(pl.col(c).is_in(dataset.labels["path"].implode()) for c in columns)
    kept = kept.filter(measured)
    if not len(kept):
        raise UserError(
            f"{path} names no video that is measured"
            + (f" ({problems[0]})" if problems else "")
            + ": check dataset and split."
        )
    return kept.drop(f"{column} found" for column in columns), problems


def _folders(path: pl.Expr) -> pl.Expr:
    """The folders of a path between slashes, ``/a/b/``; ``/`` where it has none."""
    return pl.lit("/") + path.str.replace(r"^[./]*/", "").str.replace(r"[^/]*$", "")


def _stem(column: str) -> pl.Expr:
    name = pl.col(column).cast(pl.String).str.strip_chars().str.replace_all("\\", "/", literal=True)
    return name.str.split("/").list.last().str.replace(r"\.[A-Za-z0-9]{2,4}$", "")
