"""What `driverprint benchmark` says when it has finished."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import polars as pl

from pipeline.benchmark.run_folder import RunFolder
from pipeline.cli.exit_codes import Exit
from pipeline.cli.progress import console, say
from reports.benchmark_run import file_and_id

MOST_SHOWN: Final = 20  # lines of problems, and of failures


def say_how_it_ended(run: RunFolder, record: dict[str, Any]) -> Exit:
    """Print problems, failures, AUCs and where the report is; the command's exit status."""
    dataset = record["dataset"]
    for line in dataset["problems"][:MOST_SHOWN]:
        say(f"  {line}")
    if dataset["problems_in_all"] > MOST_SHOWN:
        console.print(f"  … {dataset['problems_in_all'] - MOST_SHOWN:,} more, in benchmark.json")
    videos = record["videos"]
    console.print(
        f"{videos['processed']:,} videos processed, {videos['failed']:,} failed, "
        f"{dataset['excluded']:,} left out by their labels."
    )
    for row in videos["failures"][:MOST_SHOWN]:
        say(f"  failed: {row['path']}: {row['reason']}")
    results = pl.read_parquet(run.root / "results.parquet")
    files = Counter(model["file"] for model in record["models"])
    names = {
        one["model_id"]: file_and_id(one["file"], one["model_id"]) if files[one["file"]] > 1 else one["file"]
        for one in record["models"]
    }
    paper = results.filter((pl.col("protocol") == "paper") & ~pl.col("originals"))
    for row in paper.iter_rows(named=True):
        value = "not measurable" if row["auc"] is None else f"{row['auc']:.3f}"
        value += "" if row["low"] is None else f" [{row['low']:.3f}, {row['high']:.3f}]"
        say(f"  {names[row['model_id']]}  {row['subset']}: AUC {value}")
    say(f"Report: {run.report}")
    return Exit.SOME_FAILED if videos["failed"] or dataset["excluded"] else Exit.ALL_PROCESSED
