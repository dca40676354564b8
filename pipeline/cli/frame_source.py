"""The frame store a training command reads: found finished, or decoded first."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import polars as pl
import typer

from model.frame_store import FRAME_BYTES, FrameStore, FrameStoreError, VideoLabel
from pipeline.cli.progress import console, say, steps
from pipeline.datasets.label import Dataset
from pipeline.datasets.open_dataset import open_dataset, restrict
from pipeline.errors import UserError
from pipeline.frames.store import finished_store, store_plan, write_store
from pipeline.machine import object_store_bytes, worker_count
from pipeline.ray_session import ray_session

MOST_SHOWN: Final = 20
TRAINED_ON: Final = ("train", "validation")
#: Options of every command that trains on the frames of a corpus.
RUN: Final[Any] = typer.Option("-o", "--out", metavar="RUN", help="Folder of the training run.")
STORE: Final[Any] = typer.Option(help="Folder for the decoded frames; default is RUN.frames.")
DECODERS: Final[Any] = typer.Option(min=1, help="Decoders; default one a core.")


def frames_folder(store: Path | None, run: Path) -> Path:
    """The folder given, or the one beside the run that ``STORE`` promises."""
    return store or run.absolute().with_name(f"{run.name}.frames")


def open_or_decode(
    path: Path,
    store: Path,
    generators: Sequence[str],
    *,
    with_originals: bool,
    workers: int | None,
    check: Callable[[Sequence[VideoLabel]], object] | None = None,
) -> FrameStore:
    """The store at ``path``, or the one in ``store`` that a dataset at ``path`` is decoded into.

    Only training and validation videos are decoded, and only if ``check`` finds no fault with their labels:
    it may raise ValueError. Under torchrun the first process decodes and the others wait. Raises UserError.
    """
    try:
        if (path / "store.json").is_file():
            return FrameStore(path)
        dataset = _wanted(path, generators, with_originals)
        if check is not None:
            _checked(check, video_labels(dataset))
        return _decoded(dataset, store, workers or worker_count())
    except FrameStoreError as error:
        raise UserError(str(error)) from None


def video_labels(dataset: Dataset) -> list[VideoLabel]:
    """The dataset's labels as training knows them."""
    labels = dataset.labels.select("path", "target", "driver", "generator", pl.col("split").fill_null(""))
    return [VideoLabel(*row) for row in labels.iter_rows()]


def _checked(check: Callable[[Sequence[VideoLabel]], object], labels: Sequence[VideoLabel]) -> None:
    try:
        check(labels)
    except ValueError as error:
        raise UserError(str(error)) from None


def _wanted(path: Path, generators: Sequence[str], with_originals: bool) -> Dataset:
    dataset = open_dataset(path)
    report_problems(dataset)
    if generators:
        dataset = restrict(dataset, generators=generators)
    labels = dataset.labels.filter(pl.col("split").is_in(TRAINED_ON))
    if not with_originals:
        labels = labels.filter(~pl.col("original"))
    if not len(labels):
        raise UserError(f"{path} has no video in the training or validation split: check its split file.")
    return replace(dataset, labels=labels)


def _decoded(dataset: Dataset, folder: Path, workers: int) -> FrameStore:
    plan = store_plan(dataset)
    if int(os.environ.get("RANK", "0")) > 0:
        while not finished_store(folder, plan):
            time.sleep(1)
        return FrameStore(folder)
    if finished_store(folder, plan):
        return FrameStore(folder)
    with ray_session(workers, object_store_bytes()), steps(f"Decoding into {folder}") as stage:
        store = write_store(dataset, folder, workers, stage.expect, stage.step)
    _say_cost(store)
    return store


def _say_cost(store: FrameStore) -> None:
    summary = json.loads((store.folder / "store.json").read_text("utf-8"))
    videos, size = summary["videos"], summary["frames"] * FRAME_BYTES
    console.print(
        f"{store.folder}: {videos:,} videos, {size / 2**30:,.2f} GiB, "
        f"{size / videos / 2**20:,.2f} MiB a video; "
        f"{summary['failed']} could not be decoded (failures.parquet)."
    )
    slowest, fastest = summary["fps_range"] or (store.fps, store.fps)
    if fastest > 1.01 * slowest:
        console.print(
            f"Frame rates differ ({slowest:g} to {fastest:g} 1/s); frames are used as they are, "
            f"{store.fps:g} is noted."
        )


def report_problems(dataset: Dataset) -> None:
    """Say what is wrong with a dataset's labels, a screenful at most."""
    for problem in dataset.problems[:MOST_SHOWN]:
        say(f"  {problem}")
    more = len(dataset.problems) - MOST_SHOWN
    if more > 0:
        console.print(
            f"  … and {more:,} more; 'driverprint benchmark DATASET --check' lists all.", markup=False
        )
