"""From a run's embeddings to its result tables. Costs no decoding, so a new protocol is cheap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from model.target_auc import Scorer, by_distance
from pipeline.benchmark import schemas
from pipeline.benchmark.imported import EMBEDDINGS
from pipeline.benchmark.pair_protocol import look_up_pairs, measure_pairs, score_pairs
from pipeline.benchmark.protocols import (
    Measured,
    by_score,
    measure_model,
    measure_scores,
    one_a_video,
    vectors_of,
    why_no_single_source,
)
from pipeline.benchmark.robustness import measure_robustness
from pipeline.benchmark.run_folder import CHUNK, RunFolder
from pipeline.benchmark.subgroups import Grouping, groupings, measure_subgroups
from pipeline.benchmark.twice import same_embeddings
from pipeline.datasets.label import Dataset, DatasetProblem
from pipeline.datasets.pairs import pair_files, read_pairs
from pipeline.errors import UserError

#: Videos a part of the robustness rerun covers: each stands for as many clips as there are alterations.
ALTERED_CHUNK = 4
ONE_A_VIDEO = (
    "holds one embedding a video, but the corpus's pair lists are scored over all windows: they are not "
    "measured by it; give a row a window, or pair scores."
)
CENTRE_ONLY = (
    "its pair lists are scored over all windows of a video: without --multi-clip no model is measured by "
    "them; give it, and another RUN."
)
NOTHING = "no video has an embedding by it that can be compared: it is not measured."


@dataclass
class _Tables:
    """State: the result tables as they grow, and what they are measured on."""

    dataset: Dataset
    groups: list[Grouping]
    pair_files: dict[str, tuple[pl.DataFrame, int]]
    rows: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {name: [] for name in schemas.RESULT_TABLES}
    )

    def add(self, found: Measured) -> None:
        self.rows["results"] += found.results
        self.rows["targets"] += found.targets
        self.rows["curves"] += found.curves

    def add_subgroups(self, model_id: str, videos: pl.DataFrame, score: Scorer) -> None:
        self.rows["subgroups"] += measure_subgroups(model_id, videos, score, self.groups)

    def add_pairs(self, model_id: str, scored: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        drivers = self.dataset.labels.select("path", "driver")
        for name, (pairs, n_pairs) in self.pair_files.items():
            figures = measure_pairs(scored(pairs), n_pairs, drivers)
            self.rows["pair_files"].append({"model_id": model_id, "pair_file": name, **figures})

    def add_embeddings(self, model_id: str, embeddings: pl.DataFrame) -> None:
        """Every protocol embeddings allow: ``path, centre, window, embedding``."""
        self.add(measure_model(model_id, embeddings, self.dataset.labels))
        centre = embeddings.filter("centre")
        if len(centre):
            videos = one_a_video(centre, self.dataset.labels)
            self.add_subgroups(model_id, videos, by_distance(vectors_of(videos)))
        if embeddings["window"].any():
            self.add_pairs(model_id, lambda pairs: score_pairs(pairs, embeddings))

    def add_scores(self, model_id: str, scores: pl.DataFrame) -> None:
        """Every protocol pair scores allow: ``left, right, score``."""
        labels = self.dataset.labels
        self.add(measure_scores(model_id, scores, labels))
        self.add_subgroups(model_id, labels, by_score(scores, labels))
        self.add_pairs(model_id, lambda pairs: look_up_pairs(pairs, scores))


def write_results(
    run: RunFolder, dataset: Dataset, sample: Dataset | None, step: Callable[[], None]
) -> list[DatasetProblem]:
    """Measure every finished model of the run and write ``schemas.RESULT_TABLES``.

    ``sample``: the videos of the robustness rerun, None where there is none. ``step`` is called once a
    model. Returns why the single-source protocol is not measured, the problems of the pair files, of
    embeddings that cannot be measured by them, and of the attributes, and what videos seem to be one.
    """
    lists, problems = _pair_lists(dataset)
    why_not = why_no_single_source(dataset.labels)
    if why_not is not None:
        sentence = f"the single-source protocol is not measured: {why_not}."
        problems.insert(0, DatasetProblem(dataset.root.name, None, sentence))
    groups, ungrouped = groupings(dataset)
    tables = _Tables(dataset, groups, lists)
    alike: list[DatasetProblem] = []
    centre_only: list[DatasetProblem] = []
    chunks = -(-len(dataset) // CHUNK)
    for model in run.models():
        model_id = model["model_id"]
        if "imported" in model:
            table = run.read_imported(model_id)
            add = tables.add_embeddings if model["imported"] == EMBEDDINGS else tables.add_scores
            add(model_id, table)
            if lists and model["imported"] == EMBEDDINGS and not table["window"].any():
                problems.append(DatasetProblem(model["file"], None, ONE_A_VIDEO))
        elif not run.missing(chunks, [model_id]):
            embeddings = pl.DataFrame(run.read_embeddings(model_id))
            tables.add_embeddings(model_id, embeddings)
            if not len(embeddings):
                problems.append(DatasetProblem(model["file"], None, NOTHING))
            elif lists and not embeddings["window"].any():
                centre_only = [DatasetProblem(dataset.root.name, None, CENTRE_ONLY)]
            if model["condition"] != "STATIC":  # which may show one picture of two videos
                alike = alike or same_embeddings(embeddings)
            if sample is not None:
                tables.rows["robustness"] += _robustness(run, model_id, embeddings, sample)
        # else interrupted before its last part; named again, it goes on
        step()
    for name, rows in tables.rows.items():
        run.write_result(name, rows)
    return [*alike, *centre_only, *problems, *ungrouped]


def _robustness(
    run: RunFolder, model_id: str, embeddings: pl.DataFrame, sample: Dataset
) -> list[dict[str, Any]]:
    rerun = run.robustness
    if rerun.missing(-(-len(sample) // ALTERED_CHUNK), [model_id]):
        return []
    altered, facts = pl.DataFrame(rerun.read_embeddings(model_id)), pl.DataFrame(rerun.read_videos())
    return list(measure_robustness(model_id, embeddings, altered, facts, sample.labels))


def _pair_lists(dataset: Dataset) -> tuple[dict[str, tuple[pl.DataFrame, int]], list[DatasetProblem]]:
    """Pairs of each file of the dataset that has any, and how many it lists; one unreadable is a problem."""
    found: dict[str, tuple[pl.DataFrame, int]] = {}
    problems: list[DatasetProblem] = []
    for name, path in pair_files(dataset).items():
        try:
            pairs, wrong = read_pairs(path, dataset)
        except UserError as error:
            problems.append(DatasetProblem(name, None, str(error)))
            continue
        problems += [replace(problem, file=name) for problem in wrong]
        if len(pairs):
            found[name] = pairs, len(pairs) + sum(problem.excluded for problem in wrong)
    return found, problems
