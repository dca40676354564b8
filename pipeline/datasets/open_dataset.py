"""Which reader a dataset needs is decided by what lies in it; and how part of one is chosen."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from pipeline.datasets.avaprintdb import is_avaprintdb, read_avaprintdb
from pipeline.datasets.label import Dataset
from pipeline.datasets.nvfair import is_nvfair, read_nvfair
from pipeline.datasets.table import SUFFIXES, read_table_dataset
from pipeline.errors import UserError
from pipeline.names import first_of

MOST_NAMED: Final = 12


def open_dataset(path: Path) -> Dataset:
    """Read the labels of a corpus: NVFAIR v2 or its layout, AVAPrintDB, or a CSV or Parquet table.

    In a folder that is no corpus the one that lies in it is found. Opens no video. Raises UserError when
    nothing known is there, or several are.
    """
    path = path.absolute()
    if path.is_file():
        if path.suffix.lower() in SUFFIXES:
            return read_table_dataset(path)
        raise UserError(f"{path} is neither a folder nor a CSV or Parquet file: name a dataset.")
    if not path.is_dir():
        raise UserError(f"{path} does not exist: name a dataset folder, or a CSV or Parquet file.")
    kind = _kind(path)
    if kind is not None:
        return kind(path)
    inner = [entry for entry in sorted(path.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]
    known = [
        (entry, kind) for entry in inner if os.access(entry, os.R_OK | os.X_OK) and (kind := _kind(entry))
    ]
    if len(known) == 1:
        ((folder, kind),) = known
        return kind(folder)
    if known:
        names = ", ".join(folder.name for folder, _ in known[:MOST_NAMED])
        raise UserError(f"{path} holds several corpora ({names}): name the folder of one.")
    raise UserError(
        f"{path} has no layout that is known: neither <source>/<generator>-generated/<target>/ (NVFAIR) nor "
        "videos/DEV (AVAPrintDB); describe it in a CSV of path, target, driver, generator, split."
    )


def _kind(folder: Path) -> Callable[[Path], Dataset] | None:
    """What reads the corpus whose folder this is."""
    if is_avaprintdb(folder):
        return read_avaprintdb
    return read_nvfair if is_nvfair(folder) else None


def restrict(
    dataset: Dataset,
    *,
    split: str | None = None,
    generators: Collection[str] = (),
    licences: Collection[str] = (),
    identities: Collection[str] = (),
    sample: int | None = None,
) -> Dataset:
    """The part of a dataset that meets every condition given; an empty one sets no condition.

    ``identities`` keeps videos whose target *and* driver are named. ``sample`` keeps that many videos a
    target, generator and kind (self, cross), chosen evenly over the sorted paths, so that every target
    keeps both kinds. Raises UserError naming what no video has, identities no video of the whole dataset
    has, or when nothing is left.
    """
    labels = dataset.labels
    if split is not None:
        labels = _keep(dataset, labels, pl.col("split") == split, f"split {split}", "split")
    for column, wanted in (("generator", generators), ("licence", licences)):
        for value in wanted:
            if not labels.select((pl.col(column) == value).any()).item():
                _keep(dataset, labels, pl.col(column) == value, f"{column} {value}", column)
        if wanted:
            labels = labels.filter(pl.col(column).is_in(list(wanted)))
    if identities:
        people = set(dataset.labels["target"]) | set(dataset.labels["driver"])
        unknown = sorted(set(identities) - people)
        if unknown:
            raise UserError(
                f"{dataset.root} knows no identity {', '.join(unknown)}, as target or driver: "
                f"there are {first_of(sorted(people), MOST_NAMED)}."
            )
        known = pl.col("target").is_in(list(identities)) & pl.col("driver").is_in(list(identities))
        labels = _keep(dataset, labels, known, f"identities {', '.join(sorted(identities))}", "target")
    if sample is not None:
        labels = _sample(labels, sample)
    return replace(dataset, labels=labels)


def _keep(dataset: Dataset, labels: pl.DataFrame, condition: pl.Expr, what: str, column: str) -> pl.DataFrame:
    kept = labels.filter(condition)
    if not len(kept):
        there = first_of(labels[column].drop_nulls().unique().sort().to_list(), MOST_NAMED) or "none"
        raise UserError(f"{dataset.root} has no video of {what}: there are {there}.")
    return kept


def _sample(labels: pl.DataFrame, count: int) -> pl.DataFrame:
    kind = (pl.col("target") == pl.col("driver")).alias("self")
    groups = ["target", "generator", kind]
    place, size = pl.int_range(pl.len()).over(groups), pl.len().over(groups)
    # A row is kept where the count of kept rows steps up, so the kept ones lie evenly.
    return labels.filter(
        (place + 1) * pl.min_horizontal(pl.lit(count), size) // size
        > place * pl.min_horizontal(pl.lit(count), size) // size
    )
