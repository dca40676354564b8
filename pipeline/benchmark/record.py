"""What benchmark.json says of a finished run, and what its tables depend on."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from model import resampling
from pipeline.benchmark.run_folder import RunFolder
from pipeline.datasets.label import Dataset
from pipeline.datasets.summary import count_videos, facts
from pipeline.run_record import machine_facts, package_versions, tool_version

PROBLEMS_KEPT: Final = 1000


def fingerprint(
    run: RunFolder, plans: list[dict[str, Any]], dataset: Dataset, models: list[list[str]]
) -> str:
    """SHA-256 of everything the result tables are computed from: equal, and they need not be again.

    Of the code all that stands beside this file and beside the statistics of `model`, whatever it is for.
    plans: of the run and of its robustness rerun; models: for each of the two the ids of those whose
    embeddings are whole.
    """
    digest = hashlib.sha256()
    folders = (Path(__file__).parent, Path(inspect.getfile(resampling)).parent)
    code = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    for path in (*code, *dataset.pair_files):
        digest.update(path.name.encode("utf-8", "surrogateescape"))
        digest.update(path.read_bytes() if path.is_file() else b"")
    for frame in (dataset.labels, dataset.subjects, dataset.attributes):
        digest.update(frame.write_csv().encode("utf-8", "surrogateescape"))
    noted = [model["model_id"] for model in run.models()]
    digest.update(json.dumps([plans, noted, [sorted(some) for some in models], tool_version()]).encode())
    return digest.hexdigest()


def benchmark_record(
    run: RunFolder,
    whole: Dataset,
    chosen: Dataset,
    models: list[list[str]],
    problems: list[str],
    provider: str,
    started: datetime,
) -> dict[str, Any]:
    """The record of a run that is measured; ``problems`` are sentences, those of the labels first.

    models: as of `fingerprint`. A video that one of them could not embed counts as failed.
    """
    videos = pl.DataFrame(run.read_videos())
    failed = _failed(run, videos, models[0])
    finished = datetime.now(UTC)
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
            "in_its_splits": _in_its_splits(whole, chosen),
            "generators": whole.labels.filter(~pl.col("original"))["generator"].unique().sort().to_list(),
            "counts": count_videos(chosen).to_dicts(),
            "problems": problems[:PROBLEMS_KEPT],
            "problems_in_all": len(problems),
        },
        "videos": {
            "processed": len(videos) - failed["path"].n_unique(),
            "failed": failed["path"].n_unique(),
            "failures": failed.select("path", "reason_code", "reason").head(PROBLEMS_KEPT).to_dicts(),
        },
        "robustness": _altered(run.robustness, models[1]),
        "models": run.models(),
        "provider": provider,
        "machine": machine_facts(),
        "packages": package_versions(),
    }


def _in_its_splits(whole: Dataset, chosen: Dataset) -> int:
    """How many videos the corpus has of the splits and generators that the chosen ones are of."""
    split, generator = (chosen.labels[column].unique().implode() for column in ("split", "generator"))
    return whole.labels.filter(
        pl.col("split").is_in(split, nulls_equal=True), pl.col("generator").is_in(generator)
    ).height


def _failed(run: RunFolder, videos: pl.DataFrame, models: list[str]) -> pl.DataFrame:
    """Videos that could not be decoded, then those that one of the models could not embed."""
    unembedded = [row for model_id in models for row in run.without_embedding(model_id, videos)]
    return pl.concat([videos.filter(status="failed"), pl.DataFrame(unembedded, videos.schema)])


def _altered(rerun: RunFolder, models: list[str]) -> dict[str, Any]:
    """Videos of the robustness rerun, and what could not be altered, decoded or embedded."""
    videos = pl.DataFrame(rerun.read_videos())
    failed = _failed(rerun, videos, models)
    return {
        "videos": videos["path"].n_unique(),
        "failed": failed.select("path", "alteration").n_unique(),
        "failures": failed.select("path", "alteration", "reason").head(PROBLEMS_KEPT).to_dicts(),
    }
