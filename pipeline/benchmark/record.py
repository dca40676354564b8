"""What benchmark.json says of a finished run, and what its tables depend on."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipeline.benchmark.run_folder import RunFolder
from pipeline.datasets.label import Dataset
from pipeline.datasets.summary import count_videos, facts
from pipeline.run_record import machine_facts, package_versions, tool_version

PROBLEMS_KEPT: Final = 1000


def fingerprint(
    run: RunFolder, plans: list[dict[str, Any]], dataset: Dataset, models: list[list[str]]
) -> str:
    """SHA-256 of everything the result tables are computed from: equal, and they need not be again.

    plans: of the run and of its robustness rerun; models: for each of the two the ids of those whose
    embeddings are whole.
    """
    digest = hashlib.sha256()
    code = sorted(Path(__file__).parent.glob("*.py"))
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
    problems: list[str],
    provider: str,
    started: datetime,
) -> dict[str, Any]:
    """The record of a run that is measured; ``problems`` are sentences, those of the labels first."""
    videos = pl.DataFrame(run.read_videos())
    failed = videos.filter(pl.col("status") == "failed")
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
            "counts": count_videos(chosen).to_dicts(),
            "problems": problems[:PROBLEMS_KEPT],
            "problems_in_all": len(problems),
        },
        "videos": {
            "processed": len(videos) - len(failed),
            "failed": len(failed),
            "failures": failed.select("path", "reason_code", "reason").head(PROBLEMS_KEPT).to_dicts(),
        },
        "robustness": _altered(run.robustness),
        "models": run.models(),
        "provider": provider,
        "machine": machine_facts(),
        "packages": package_versions(),
    }


def _altered(rerun: RunFolder) -> dict[str, Any]:
    """Videos of the robustness rerun, and what could not be altered or decoded."""
    facts = pl.DataFrame(rerun.read_videos())
    failed = facts.filter(pl.col("status") == "failed")
    return {
        "videos": facts["path"].n_unique(),
        "failed": len(failed),
        "failures": failed.select("path", "alteration", "reason").head(PROBLEMS_KEPT).to_dicts(),
    }
