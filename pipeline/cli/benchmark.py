"""`driverprint benchmark`: every table of the paper for any labelled corpus and any models."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import typer

from model.metadata import ModelFileError, model_id, read_metadata
from model.shipped import shipped_model
from model.training.config import PRESETS
from pipeline.benchmark.alterations import ALTERATIONS
from pipeline.benchmark.embedding import EmbedOptions, Model, embed_videos
from pipeline.benchmark.imported import read_imported
from pipeline.benchmark.record import benchmark_record, fingerprint
from pipeline.benchmark.results import ALTERED_CHUNK, write_results
from pipeline.benchmark.run_folder import CHUNK, RunFolder
from pipeline.case_folder import CaseFolder, locked
from pipeline.cli.benchmark_ablations import frames_of, missing_systems, train_missing, untrainable
from pipeline.cli.benchmark_check import check
from pipeline.cli.benchmark_outcome import say_how_it_ended
from pipeline.cli.frame_source import video_labels
from pipeline.cli.progress import console, steps
from pipeline.cli.session import ADDRESS, looked_at, session
from pipeline.custody import write_atomically
from pipeline.datasets.label import SPLITS, Dataset
from pipeline.datasets.open_dataset import open_dataset, restrict
from pipeline.embed import all_of, best_provider
from pipeline.errors import UserError
from pipeline.frames.store import store_plan
from pipeline.machine import worker_count
from reports.benchmark import build_benchmark_report

EXAMPLES: Final = """
Examples:

  driverprint benchmark NVFAIR-v2-release/ -o run/ --check
      Reads the labels only: what is there, what is wrong with it, how long
      a run takes.

  driverprint benchmark NVFAIR-v2-release/ -o run/ --model feat-diff.onnx \\
      --model static.onnx
      Decodes each test video once, embeds it with both models, writes
      tables and benchmark.html.

  driverprint benchmark labels.csv -o run/ --split all --multi-clip
      Any corpus; besides the centre clip also every whole window of each
      video.

  driverprint benchmark NVFAIR-v2-release/ -o run/ \\
      --embeddings landmarks.parquet
      Another system beside: path and embedding (or a column a dimension),
      or left, right, score.

  driverprint benchmark NVFAIR-v2-release/ -o run/ --ablations --hours 8
      Trains every system of Tables III to VIII; each night goes on where
      the last one stopped.

  driverprint benchmark corpus/ -o run/ --ablations --preset brief
      The same on two CPU cores in some hours, by so short a schedule that
      little is learnt.

  driverprint benchmark /share/NVFAIR-v2-release/ -o /share/run/ \\
      --address auto
      On the Ray cluster this machine is part of: README, "Several
      machines".

The same command again continues an interrupted run. A model named later
joins the tables.
"""

ALL: Final = "all"


def benchmark_command(
    dataset: Annotated[Path, typer.Argument(help="NVFAIR, AVAPrintDB, simulated corpus, CSV or Parquet.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="RUN", help="Folder of the benchmark.")],
    model: Annotated[
        list[Path] | None, typer.Option(help="Model file, repeatable; default is the shipped one.")
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check", help="Read the labels only and open no video.")
    ] = False,
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
    robustness: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Rerun N videos a target, generator and kind re-encoded, at lower rates, noisy, with "
            "evasive motion; 0 leaves it out.",
        ),
    ] = 2,
    embeddings: Annotated[
        list[Path] | None,
        typer.Option(help="Embeddings or pair scores of another system, CSV or Parquet, repeatable."),
    ] = None,
    ablations: Annotated[
        bool, typer.Option("--ablations", help="Train what Tables III to VIII need and is not there yet.")
    ] = False,
    preset: Annotated[str, typer.Option(help=f"Schedule of --ablations: {', '.join(PRESETS)}.")] = "paper",
    hours: Annotated[
        float | None, typer.Option(min=0, help="Train at most so long, then measure what there is.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Parallel workers; default one a core.")] = None,
    address: Annotated[str | None, ADDRESS] = None,
) -> None:
    """Measure models on a labelled corpus by the paper's protocols."""
    begun = time.monotonic()
    whole = open_dataset(dataset)
    chosen = _chosen(whole, dataset, split, generators, licence, identities, sample)
    if preset not in PRESETS:
        raise UserError(f"There is no preset {preset!r}: choose {' or '.join(PRESETS)}.")
    count = workers or worker_count()
    paths = model or ([] if embeddings or ablations else [shipped_model()])
    models = [_model(path) for path in paths]
    run = RunFolder(out.resolve())
    to_train = missing_systems(whole, [one.metadata for one in models], PRESETS[preset]) if ablations else []
    unfit = untrainable(to_train, PRESETS[preset], video_labels(whole)) if to_train else {}
    if to_train and len(unfit) == len(to_train) and not models and not embeddings:
        raise UserError(f"{dataset}: --ablations can train nothing: {unfit[to_train[0]]}")
    altered = _sample(chosen, robustness)
    if check_only:
        raise typer.Exit(check(whole, chosen, altered, models, to_train, unfit, count, multi_clip=multi_clip))
    imported = [read_imported(path, whole, chosen) for path in embeddings or []]
    started = datetime.now(UTC)
    with locked(CaseFolder(out)):
        plans: list[dict[str, Any]] = [{**store_plan(chosen), "multi_clip": multi_clip}]
        run.prepare(plans[0])
        if altered is not None and (models or to_train or run.robustness.begun()):
            plans.append({**store_plan(altered), "alterations": [one.key for one in ALTERATIONS]})
            run.robustness.prepare(plans[1])  # a rerun of other videos is refused before anything is done
        before = run.take_back_record()
        for other in imported:
            run.add_imported(other)
        untrained: list[str] = []
        if to_train:
            folder = run.root / "ablations"
            files, untrained = train_missing(
                [one for one in to_train if one not in unfit],
                folder,
                PRESETS[preset],
                lambda: frames_of(dataset, folder / "frames", workers, address),
                begun + (math.inf if hours is None else 3600 * hours),
            )
            models += [_model(path) for path in files]
            untrained += [f"{one.name}: {why}" for one, why in unfit.items()]
        for one in models:
            run.add_model(one.id, one.path.name, one.metadata)
        options = _options(chosen, models, multi_clip=multi_clip)
        _embed(run, run, chosen, options, "Decoding and embedding", address, workers)
        if altered is not None and models:
            for one in models:
                run.robustness.add_model(one.id, one.path.name, one.metadata)
            again = replace(options, multi_clip=False, altered=True, chunk=ALTERED_CHUNK)
            _embed(run, run.robustness, altered, again, "Altering and embedding", address, workers)
        record = _measured(run, whole, chosen, altered, plans, before, untrained, started)
        write_atomically(run.record, json.dumps(record, indent=1, ensure_ascii=False).encode())
        build_benchmark_report(run.root)
    raise typer.Exit(say_how_it_ended(run, record))


def _chosen(
    whole: Dataset,
    path: Path,
    split: str,
    generators: str | None,
    licence: list[str] | None,
    identities: str | None,
    sample: int | None,
) -> Dataset:
    if split not in (*SPLITS, ALL):
        raise UserError(f"--split {split!r} is none of {', '.join(SPLITS)} and {ALL}.")
    if split != ALL and whole.labels["split"].null_count() == len(whole):
        raise UserError(f"{path} puts no video into a split: give --split {ALL} to measure every video.")
    return restrict(
        whole,
        split=None if split == ALL else split,
        generators=_names(generators),
        licences=licence or [],
        identities=_names(identities),
        sample=sample,
    )


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _model(path: Path) -> Model:
    try:
        return Model(path.resolve(), model_id(path), read_metadata(path))
    except ModelFileError as error:
        raise UserError(str(error)) from None


def _sample(chosen: Dataset, count: int) -> Dataset | None:
    """The videos of the robustness rerun; None where it is not wanted or there is nothing to alter."""
    synthetic = replace(chosen, labels=chosen.labels.filter(~pl.col("original")))
    return restrict(synthetic, sample=count) if count and len(synthetic) else None


def _options(dataset: Dataset, models: list[Model], *, multi_clip: bool) -> EmbedOptions:
    return EmbedOptions(
        dataset.root,
        {one.id: one.path for one in models},
        {one.id: one.metadata.clip_length for one in models},
        best_provider(),
        multi_clip,
    )


def _embed(
    whole: RunFolder,
    run: RunFolder,
    dataset: Dataset,
    options: EmbedOptions,
    title: str,
    address: str | None,
    workers: int | None,
) -> None:
    """Fill in what is missing of ``run``, and note in ``whole`` how: at once, for it may be interrupted."""
    paths = dataset.labels["path"].to_list()
    missing = run.missing(-(-len(paths) // options.chunk), list(options.models))
    if not missing:
        return
    size = options.chunk
    left = sum(len(paths[chunk * size : (chunk + 1) * size]) for chunk in missing)
    if left < len(paths):
        console.print(f"Continuing: {len(paths) - left:,} of {len(paths):,} videos were already done.")
    files = [dataset.root / path for path in looked_at(paths)]
    with session(address, workers, list(options.models.values()), run.root, files) as place:
        options = replace(options, provider=place.provider)
        before = whole.passes()
        whole.note_passes([*before, {"provider": place.provider, "cluster": place.record(None)}])
        with steps(title) as stage:
            stage.expect(left)
            provider, nodes_lost = embed_videos(run, paths, options, place.workers, stage.step)
        whole.note_passes([*before, {"provider": provider, "cluster": place.record(nodes_lost)}])


def _measured(
    run: RunFolder,
    whole: Dataset,
    chosen: Dataset,
    altered: Dataset | None,
    plans: list[dict[str, Any]],
    before: dict[str, Any],
    untrained: list[str],
    started: datetime,
) -> dict[str, Any]:
    """Write the result tables, unless those there were computed from the very same; the run's record."""
    chunks = -(-len(chosen) // CHUNK)
    known = [one["model_id"] for one in run.models() if "imported" not in one]
    whole_ones = [one for one in known if not run.missing(chunks, [one])]
    parts = 0 if altered is None else -(-len(altered) // ALTERED_CHUNK)
    altered_ones = [one for one in known if parts and not run.robustness.missing(parts, [one])]
    finished = [whole_ones, altered_ones]
    depends = fingerprint(run, plans, chosen, finished)
    if before.get("depends_on") == depends and run.has_results():
        measuring = before["measuring"]
    else:
        with steps("Measuring") as stage:
            stage.expect(len(run.models()))
            measuring = [str(problem) for problem in write_results(run, chosen, altered, stage.step)]
    imported = [line for one in run.models() for line in one.get("problems", [])]
    problems = [*map(str, whole.problems), *measuring, *imported, *(f"not trained: {s}" for s in untrained)]
    passes = run.passes()
    provider = all_of(one["provider"] for one in passes) or "none"
    clusters = [one["cluster"] for one in passes if one["cluster"]]
    record = benchmark_record(run, whole, chosen, finished, problems, provider, started)
    return record | {"clusters": clusters, "depends_on": depends, "measuring": measuring}
