"""A benchmark's folder read back; neither videos, nor models, nor Ray are needed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipeline.errors import UserError

_SHORT: Final = 12  # digits
POOLED: Final = "pooled"
MEAN: Final = "mean of generators"


@dataclass(frozen=True)
class Figure:
    """An AUC and its 95 % interval; all None where it was not measured."""

    auc: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class MeasuredModel:
    """A model of the run. ``trained_on``: the generators it saw, None for all or unknown.

    ``imported``: what another system handed over, `embeddings` or `pair scores`; None for a model file. An
    imported system has no backbone or condition that is known, and clip length 0.
    """

    model_id: str
    file: str
    backbone: str
    condition: str
    clip_length: int
    trained_on: tuple[str, ...] | None
    record: dict[str, Any]
    imported: str | None = None

    @property
    def title(self) -> str:
        """Its name and file."""
        return f"{self.name} ({self.file})"

    @property
    def name(self) -> str:
        """What tables and figures call it."""
        if self.imported is not None:
            return f"{self.record['model_name']}, {self.imported}"
        system = f"{self.backbone} {self.condition} T={self.clip_length}"
        return system if self.trained_on is None else f"{system}, trained on {' + '.join(self.trained_on)}"

    @property
    def schedule(self) -> str:
        """How long it was trained, as its file says."""
        training = {} if self.imported is not None else self.record["validation"].get("training", {})
        if not {"steps", "batch"} <= set(training):
            return "not stated"
        return f"{training['steps']:,} steps of {training['batch']}"


@dataclass(frozen=True)
class BenchmarkRun:
    """Record and tables of one run."""

    folder: Path
    record: dict[str, Any]
    models: tuple[MeasuredModel, ...]
    results: pl.DataFrame
    targets: pl.DataFrame
    curves: pl.DataFrame
    pair_files: pl.DataFrame
    robustness: pl.DataFrame
    subgroups: pl.DataFrame

    @property
    def generators(self) -> list[str]:
        """Generators of the videos measured, by name."""
        return sorted(set(self.results["subset"]) - {POOLED, MEAN})

    @property
    def corpus_generators(self) -> list[str]:
        """Generators of the corpus, those besides whose videos were not chosen where the record tells."""
        known: list[str] = self.record["dataset"].get("generators", self.generators)
        return known

    def called(self, model: MeasuredModel) -> str:
        """What a figure's legend calls a model: its name, with its file where others bear the same."""
        alone = sum(other.name == model.name for other in self.models) == 1
        return model.name if alone else model.title

    def figure(
        self, model: MeasuredModel, subset: str, protocol: str = "paper", *, originals: bool = False
    ) -> Figure:
        """One figure of ``results``; empty where there is none."""
        rows = self.results.filter(
            (pl.col("model_id") == model.model_id)
            & (pl.col("protocol") == protocol)
            & (pl.col("subset") == subset)
            & (pl.col("originals") == originals)
        )
        return Figure(*rows.select("auc", "low", "high").row(0)) if len(rows) else Figure()


def load_run(folder: Path) -> BenchmarkRun:
    """Read a finished run. Raises UserError naming what is missing or damaged."""
    names = ("results", "targets", "curves", "pair_files", "robustness", "subgroups")
    for path in (folder / "benchmark.json", *(folder / f"{name}.parquet" for name in names)):
        if not path.is_file():
            raise UserError(f"{path} is missing: {folder} is not a finished benchmark; run it again.")
    try:
        record: dict[str, Any] = json.loads((folder / "benchmark.json").read_text("utf-8"))
        tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in names}
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise UserError(
            f"{folder}: a table of the benchmark cannot be read ({error}); run it again."
        ) from None
    measured = set(tables["results"]["model_id"])
    models = tuple(_model(entry) for entry in record["models"] if entry["model_id"] in measured)
    return BenchmarkRun(folder, record, _told_apart(models), **tables)


def file_and_id(file: str, model_id: str) -> str:
    """A model's file and the beginning of its id, where the name alone does not tell it from another."""
    return f"{file}, {model_id[:_SHORT]}"


def _told_apart(models: tuple[MeasuredModel, ...]) -> tuple[MeasuredModel, ...]:
    """The models, those of one title with the beginning of their id beside the file: one was retrained."""
    titles = Counter(model.title for model in models)
    return tuple(
        replace(model, file=file_and_id(model.file, model.model_id)) if titles[model.title] > 1 else model
        for model in models
    )


def _model(record: dict[str, Any]) -> MeasuredModel:
    if "imported" in record:
        return MeasuredModel(record["model_id"], record["file"], "", "", 0, None, record, record["imported"])
    generators = record["validation"].get("training", {}).get("generators")
    return MeasuredModel(
        record["model_id"],
        record["file"],
        record["backbone"],
        record["condition"],
        record["clip_length"],
        tuple(generators) if isinstance(generators, list) else None,
        record,
    )
