"""`driverprint benchmark`: every table of the paper for any labelled corpus and any models."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import polars as pl
import typer
from rich.table import Table

from model.metadata import ModelFileError, ModelMetadata, model_id, read_metadata
from model.shipped import shipped_model
from pipeline.benchmark.embedding import EmbedOptions, embed_videos
from pipeline.benchmark.results import write_results
from pipeline.benchmark.run_folder import CHUNK, RunFolder
from pipeline.case_folder import CaseFolder, locked
from pipeline.cli.exit_codes import Exit
from pipeline.cli.progress import console, steps
from pipeline.custody import write_atomically
from pipeline.datasets.label import SPLITS, Dataset, DatasetProblem
from pipeline.datasets.open_dataset import open_dataset, restrict
from pipeline.datasets.summary import count_videos, facts, licences
from pipeline.embed import EmbeddingSession, best_provider
from pipeline.errors import UserError
from pipeline.frames.store import store_plan
from pipeline.machine import object_store_bytes, worker_count
from pipeline.ray_session import ray_session
from pipeline.run_record import machine_facts, package_versions, tool_version
from reports.benchmark import build_benchmark_report

EXAMPLES: Final = """
Examples:

  driverprint benchmark NVFAIR-v2-release/ -o run/ --check
      Reads the labels only: what is there, what is wrong with it, how long a run takes.

  driverprint benchmark NVFAIR-v2-release/ -o run/ --model feat-diff.onnx --model static.onnx
      Decodes each test video once, embeds it with both models, writes tables and benchmark.html.

  driverprint benchmark labels.csv -o run/ --split all --multi-clip
      Any corpus; besides the centre clip also every whole window of each video.

The same command again continues an interrupted run. A model named later joins the tables.
"""

ALL: Final = "all"
#: For the estimate of --check alone: a talking-head clip of some 100 small frames, one core, guard included.
ASSUMED_DECODE_SECONDS: Final = 0.06
PROBLEMS_KEPT: Final = 1000
MOST_SHOWN: Final = 20


@dataclass(frozen=True)
class Model:
    """A model file to measure."""

    path: Path
    id: str
    metadata: ModelMetadata


def benchmark_command(
    dataset: Annotated[Path, typer.Argument(help="NVFAIR, AVAPrintDB, simulated corpus, CSV or Parquet.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="RUN", help="Folder of the benchmark.")],
    model: Annotated[
        list[Path] | None, typer.Option(help="Model file, repeatable; default is the shipped one.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Read the labels only and open no video.")] = False,
    split: Annotated[str, typer.Option(help="train, validation, test, or all.")] = "test",
    generators: Annotated[str | None, typer.Option(help="These generators only, by comma.")] = None,
    licence: Annotated[
        list[str] | None, typer.Option(help="Videos of this licence only, repeatable.")
    ] = None,
    identities: Annotated[
        str | None, typer.Option(help="Targets and drivers among these only, by comma.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=2, help="At most so many videos a target, generator and kind.")
    ] = None,
    multi_clip: Annotated[
        bool, typer.Option("--multi-clip", help="Embed every whole window, not the centre clip alone.")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Parallel workers; default one a core.")] = None,
) -> None:
    """Measure models on a labelled corpus by the paper's protocols."""
    whole = open_dataset(dataset)
    if split not in (*SPLITS, ALL):
        raise UserError(f"--split {split!r} is none of {', '.join(SPLITS)} and {ALL}.")
    if split != ALL and whole.labels["split"].null_count() == len(whole):
        raise UserError(f"{dataset} puts no video into a split: give --split {ALL} to measure every video.")
    chosen = restrict(
        whole,
        split=None if split == ALL else split,
        generators=_names(generators),
        licences=licence or [],
        identities=_names(identities),
        sample=sample,
    )
    models = [_model(path) for path in model or [shipped_model()]]
    count = workers or worker_count()
    if check:
        raise typer.Exit(_check(whole, chosen, models, count, multi_clip))
    started = datetime.now(UTC)
    with locked(CaseFolder(out)):
        run = RunFolder(out.resolve())
        run.prepare({**store_plan(chosen), "multi_clip": multi_clip})
        before = run.take_back_record()
        for one in models:
            run.add_model(one.id, one.path.name, one.metadata)
        provider = _embed(run, chosen, models, count, multi_clip) or before.get("provider", "unknown")
        with steps("Measuring") as stage:
            stage.expect(len(run.models()))
            pair_problems = write_results(run, chosen, stage.step)
        record = _record(run, whole, chosen, pair_problems, provider, started)
        write_atomically(run.record, json.dumps(record, indent=1, ensure_ascii=False).encode())
        build_benchmark_report(run.root)
    raise typer.Exit(_say_how_it_ended(run, record))


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _model(path: Path) -> Model:
    try:
        return Model(path.resolve(), model_id(path), read_metadata(path))
    except ModelFileError as error:
        raise UserError(str(error)) from None


def _embed(
    run: RunFolder, dataset: Dataset, models: list[Model], workers: int, multi_clip: bool
) -> str | None:
    """Fill in what is missing; the provider used, None when nothing was."""
    paths = dataset.labels["path"].to_list()
    missing = run.missing(-(-len(paths) // CHUNK), [one.id for one in models])
    if not missing:
        return None
    left = sum(len(paths[chunk * CHUNK : (chunk + 1) * CHUNK]) for chunk in missing)
    if left < len(paths):
        console.print(f"Continuing: {len(paths) - left:,} of {len(paths):,} videos were already done.")
    options = EmbedOptions(
        dataset.root,
        {one.id: one.path for one in models},
        {one.id: one.metadata.clip_length for one in models},
        best_provider(),
        multi_clip,
    )
    with ray_session(workers, object_store_bytes()), steps("Decoding and embedding") as stage:
        stage.expect(left)
        return embed_videos(run, paths, options, workers, stage.step)


def _check(whole: Dataset, chosen: Dataset, models: list[Model], workers: int, multi_clip: bool) -> Exit:
    """Print what was found, what is wrong and what would be run. Opens no video."""
    for problem in whole.problems:
        console.print(f"  {problem}", markup=False)
    table = Table("split", "generator", "self", "cross", "targets", "drivers", box=None)
    for row in count_videos(whole).iter_rows():
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row))
    console.print(table)
    found = facts(whole)
    console.print(
        f"{whole.root}: {whole.kind}, " + ", ".join(f"{count:,} {name}" for name, count in found.items())
    )
    for name, count in licences(whole).iter_rows():
        console.print(f"  licence {name}: {count:,} videos", markup=False)
    console.print(f"Would be run: {len(chosen):,} videos by {len(models)} model(s), {workers} worker(s).")
    for generator, group in _kinds(chosen):
        console.print(f"  {generator}: {group['self']:,} self, {group['cross']:,} cross", markup=False)
    for path in chosen.pair_files:
        console.print(f"  pairs of {path.name}" + ("" if multi_clip else ": need --multi-clip"), markup=False)
    seconds = len(chosen) * (ASSUMED_DECODE_SECONDS + sum(map(_embedding_seconds, models))) / workers
    console.print(
        f"About {_duration(seconds)} for the centre clips, embedding as timed just now and decoding taken as "
        f"{ASSUMED_DECODE_SECONDS:g} s a video and core."
    )
    return Exit.SOME_FAILED if whole.excluded else Exit.ALL_PROCESSED


def _kinds(dataset: Dataset) -> list[tuple[str, dict[str, int]]]:
    counts = (
        count_videos(dataset).group_by("generator", maintain_order=True).agg(pl.col("self", "cross").sum())
    )
    return [(row["generator"], row) for row in counts.iter_rows(named=True)]


def _embedding_seconds(model: Model) -> float:
    """Seconds one clip takes on one core, measured on noise."""
    session = EmbeddingSession(model.path, "CPUExecutionProvider", threads=1)
    noise = np.random.default_rng(0).integers(0, 256, (1, model.metadata.clip_length, 128, 128), np.uint8)
    session.embed(noise)
    started = time.perf_counter()
    session.embed(noise)
    return time.perf_counter() - started


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _record(
    run: RunFolder,
    whole: Dataset,
    chosen: Dataset,
    pair_problems: list[DatasetProblem],
    provider: str,
    started: datetime,
) -> dict[str, Any]:
    videos = pl.DataFrame(run.read_videos())
    failed = videos.filter(pl.col("status") == "failed")
    finished = datetime.now(UTC)
    problems = [*whole.problems, *pair_problems]
    return {
        "tool": {"name": "driverprint", "version": tool_version()},
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "started": started.isoformat(timespec="seconds"),
        "finished": finished.isoformat(timespec="seconds"),
        "dataset": {
            "name": whole.root.name,
            "kind": whole.kind,
            **{name.replace(" ", "_").replace("-", "_"): count for name, count in facts(whole).items()},
            "chosen": len(chosen),
            "counts": count_videos(chosen).to_dicts(),
            "problems": [str(problem) for problem in problems[:PROBLEMS_KEPT]],
            "problems_in_all": len(problems),
        },
        "videos": {
            "processed": len(videos) - len(failed),
            "failed": len(failed),
            "failures": failed.select("path", "reason_code", "reason").head(PROBLEMS_KEPT).to_dicts(),
        },
        "models": run.models(),
        "provider": provider,
        "machine": machine_facts(),
        "packages": package_versions(),
    }


def _say_how_it_ended(run: RunFolder, record: dict[str, Any]) -> Exit:
    dataset = record["dataset"]
    for line in dataset["problems"][:MOST_SHOWN]:
        console.print(f"  {line}", markup=False)
    videos = record["videos"]
    console.print(
        f"{videos['processed']:,} videos processed, {videos['failed']:,} failed, "
        f"{dataset['excluded']:,} left out by their labels."
    )
    for row in videos["failures"][:MOST_SHOWN]:
        console.print(f"  failed: {row['path']}: {row['reason']}", markup=False)
    results = pl.read_parquet(run.root / "results.parquet")
    names = {model["model_id"]: model["file"] for model in record["models"]}
    paper = results.filter((pl.col("protocol") == "paper") & ~pl.col("originals"))
    for row in paper.iter_rows(named=True):
        value = "not measurable" if row["auc"] is None else f"{row['auc']:.3f}"
        value += "" if row["low"] is None else f" [{row['low']:.3f}, {row['high']:.3f}]"
        console.print(f"  {names[row['model_id']]}  {row['subset']}: AUC {value}", markup=False)
    console.print(f"Report: {run.report}", markup=False)
    return Exit.SOME_FAILED if videos["failed"] or dataset["excluded"] else Exit.ALL_PROCESSED
