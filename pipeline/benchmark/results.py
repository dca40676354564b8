"""From a run's embeddings to its result tables. Costs no decoding, so a new protocol is cheap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from pipeline.benchmark.pair_protocol import measure_pairs
from pipeline.benchmark.protocols import measure_model
from pipeline.benchmark.run_folder import CHUNK, RunFolder
from pipeline.datasets.label import Dataset, DatasetProblem
from pipeline.datasets.pairs import read_pairs
from pipeline.errors import UserError


def write_results(run: RunFolder, dataset: Dataset, step: Callable[[], None]) -> list[DatasetProblem]:
    """Measure every finished model of the run and write ``schemas.RESULT_TABLES``.

    ``step`` is called once a model. Returns the problems of the pair files.
    """
    tables: dict[str, list[dict[str, Any]]] = {"results": [], "targets": [], "curves": [], "pair_files": []}
    pair_files, problems = _pair_files(dataset)
    drivers = dataset.labels.select("path", "driver")
    chunks = -(-len(dataset) // CHUNK)
    for model in run.models():
        model_id = model["model_id"]
        if run.missing(chunks, [model_id]):
            continue  # interrupted before its last part; named again, it goes on
        embeddings = pl.DataFrame(run.read_embeddings(model_id))
        found = measure_model(model_id, embeddings, dataset.labels)
        tables["results"] += found.results
        tables["targets"] += found.targets
        tables["curves"] += found.curves
        if embeddings["window"].any():
            for name, pairs in pair_files.items():
                figures = measure_pairs(pairs, embeddings, drivers)
                tables["pair_files"].append({"model_id": model_id, "pair_file": name, **figures})
        step()
    for name, rows in tables.items():
        run.write_result(name, rows)
    return problems


def _pair_files(dataset: Dataset) -> tuple[dict[str, pl.DataFrame], list[DatasetProblem]]:
    """Pairs of each file of the dataset that has any; a file that cannot be read is a problem."""
    found: dict[str, pl.DataFrame] = {}
    problems: list[DatasetProblem] = []
    for path in dataset.pair_files:
        try:
            pairs, wrong = read_pairs(path, dataset)
        except UserError as error:
            problems.append(DatasetProblem(path.name, None, str(error)))
            continue
        problems += wrong
        if len(pairs):
            found[path.name] = pairs
    return found, problems
