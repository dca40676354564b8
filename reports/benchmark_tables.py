"""The paper's tables, filled with what a run measured, the paper's own figures beside.

A cell that was not measured says so; nothing is left blank or guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import polars as pl

from reports.benchmark_run import MEAN, POOLED, BenchmarkRun, Figure, MeasuredModel
from reports.latex import escaped, tabular
from reports.paper_figures import (
    BASELINE,
    CLIP_LENGTH,
    COLUMNS,
    CROSS_GENERATOR,
    GENERATORS,
    SYSTEMS,
    TARGETS,
)
from reports.wording import plain

OVERALL: Final = {POOLED: "overall, pooled", MEAN: "overall, mean"}
NOT_MEASURED: Final = "not measured"
EVERY_MODEL: Final = "models"  # the table of the run's own systems, whatever the paper's are


@dataclass(frozen=True)
class Cell:
    """Our figure and the paper's, None where there is none."""

    ours: Figure
    theirs: float | None = None

    @property
    def difference(self) -> float | None:
        """Ours minus theirs."""
        return None if self.ours.auc is None or self.theirs is None else self.ours.auc - self.theirs


@dataclass(frozen=True)
class PaperTable:
    """A table: ``rows`` are a label and one cell a column. ``name`` is its file name.

    ``caveat``: why a difference to the paper's figures says little, in one sentence; None where it says much,
    and where none of these figures stands in the table.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    caveat: str | None = None

    @property
    def has_figures(self) -> bool:
        """Whether any of its cells was measured in this run."""
        return any(cell.ours.auc is not None for _, cells in self.rows for cell in cells)


def paper_tables(run: BenchmarkRun) -> list[PaperTable]:
    """Tables III to VIII, then every model of the run by every protocol."""
    length = _length(run)
    beside = _papers_length(length)
    if ("F5C", "FEAT_DIFF", length) in SYSTEMS and beside:
        beside += f", but FEAT_DIFF's of T = {length}"
    tables = [
        _systems(
            run,
            "table-3",
            f"Table III. Method comparison, T = {length}{beside}",
            [("F5C", "FEAT_DIFF", length), ("F5C", "PIXEL_DIFF", length)],
            baseline=True,
        ),
        _cross_generator(run, "table-4", "Table IV", "FEAT_DIFF", length),
        _cross_generator(run, "table-5", "Table V", "PIXEL_DIFF", length),
        _systems(
            run,
            "table-6",
            f"Table VI. What the head sees, F5C, T = {length}{beside}",
            [("F5C", condition, length) for condition in ("FEAT_DIFF", "PIXEL_DIFF", "RAW_FEAT", "STATIC")],
        ),
        _systems(
            run,
            "table-7",
            "Table VII. Clip length, F5C FEAT_DIFF",
            [("F5C", "FEAT_DIFF", frames) for frames in (16, 32, 64, 128)],
        ),
        _systems(
            run,
            "table-8",
            f"Table VIII. Backbones, T = {length}{beside}",
            [
                *(
                    (backbone, condition, length)
                    for backbone in ("ResNet18-published", "ResNet18-fair")
                    for condition in ("STATIC", "RAW_FEAT", "FEAT_DIFF", "PIXEL_DIFF")
                ),
                ("F5C", "FEAT_DIFF", length),
            ],
        ),
        _every_model(run),
    ]
    why = caveat(run)
    if why is None:
        return tables
    short = plain(f"benchmark.{why}.short")
    return [replace(one, caveat=short) if _shows_the_papers(one) else one for one in tables]


def caveat(run: BenchmarkRun) -> Literal["not_nvfair", "not_test"] | None:
    """Why the paper's figures stand beside ours for comparison only; None where they are of the same test.

    ``not_test``: NVFAIR, but other videos than its test split's, or fewer targets, generators or videos.
    """
    dataset = run.record["dataset"]
    if dataset["kind"] != "NVFAIR" or not _is_nvfair(run):
        return "not_nvfair"
    counts = [row for row in dataset.get("counts", []) if row["generator"] in run.generators]
    whole = {row["split"] for row in counts} == {"test"} and all(row["targets"] >= TARGETS for row in counts)
    whole = whole and set(run.generators) == set(GENERATORS.values())
    sampled = dataset.get("chosen", 0) < dataset.get("in_its_splits", 0)
    return None if whole and not sampled else "not_test"


def _shows_the_papers(table: PaperTable) -> bool:
    return any(cell.theirs is not None for _, cells in table.rows for cell in cells)


def _length(run: BenchmarkRun) -> int:
    """The T at which most of the paper's systems were measured; of several its own 64, or the longest."""
    systems = {(model.backbone, model.condition, model.clip_length) for model in run.models}
    counted = Counter(length for *system, length in systems if (*system, 64) in SYSTEMS)
    return max(counted, key=lambda length: (counted[length], length == 64, length), default=64)


def _papers_length(length: int) -> str:
    """What a title adds where the paper's figures are of another T than ours."""
    return "" if length == CLIP_LENGTH else f"; the paper's are of T = {CLIP_LENGTH}"


def _is_nvfair(run: BenchmarkRun) -> bool:
    """Whether the corpus has the paper's generators, so that its figures for each can be set beside ours.

    All three: the simulated corpus, whose layout is NVFAIR's, has a ``tps`` too.
    """
    return set(run.corpus_generators) == set(GENERATORS.values())


def _systems(
    run: BenchmarkRun,
    name: str,
    title: str,
    systems: Iterable[tuple[str, str, int]],
    *,
    baseline: bool = False,
) -> PaperTable:
    columns = (POOLED, MEAN, *run.generators)
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    if baseline:
        cells = (Cell(Figure(), _beside(run, BASELINE, column)) for column in columns)
        rows.append(("NVFAIR landmark baseline", tuple(cells)))
        for other in run.models:
            if other.imported:
                rows.append((other.title, tuple(Cell(run.figure(other, column)) for column in columns)))
    measured: dict[tuple[str, str, int], list[MeasuredModel]] = {
        system: [
            model
            for model in run.models
            if (model.backbone, model.condition, model.clip_length) == system and model.trained_on is None
        ]
        for system in systems
    }
    schedules = {model.schedule for models in measured.values() for model in models}
    for system, models in measured.items():
        theirs = SYSTEMS.get(system) or SYSTEMS.get((*system[:2], 64))
        label = "{} {} T={}".format(*system)
        if not models:
            rows.append((label, tuple(Cell(Figure(), _beside(run, theirs, column)) for column in columns)))
        for model in models:
            cells = (Cell(run.figure(model, column), _beside(run, theirs, column)) for column in columns)
            notes = [model.file] if len(models) > 1 else []
            notes += [f"training: {model.schedule}"] if len(schedules) > 1 else []
            rows.append((f"{label} ({', '.join(notes)})" if notes else label, tuple(cells)))
    if len(schedules) == 1:
        title += f"; training: {schedules.pop()}"
    return PaperTable(name, title, tuple(OVERALL.get(column, column) for column in columns), tuple(rows))


def _beside(run: BenchmarkRun, theirs: tuple[float | None, ...] | None, column: str) -> float | None:
    """The paper's figure for one of our columns; its one Overall stands beside both of ours."""
    if theirs is None:
        return None
    if column in OVERALL:
        return theirs[0]
    return theirs[COLUMNS.index(column)] if _is_nvfair(run) else None


def _cross_generator(run: BenchmarkRun, name: str, number: str, condition: str, length: int) -> PaperTable:
    generators = list(GENERATORS.values()) if _is_nvfair(run) else run.generators
    published = CROSS_GENERATOR[condition] if _is_nvfair(run) else {}
    rows = []
    for trained in generators:
        models = _trained_on(run, condition, length, trained)
        theirs = published.get(trained, {})
        if not models:
            rows.append(
                (f"trained on {trained}", tuple(Cell(Figure(), theirs.get(one)) for one in generators))
            )
        for model in models:
            label = f"trained on {trained}" + (f" ({model.file})" if len(models) > 1 else "")
            cells = (Cell(run.figure(model, tested), theirs.get(tested)) for tested in generators)
            rows.append((label, tuple(cells)))
    title = (
        f"{number}. F5C {condition} across generators, T = {length}: trained on (rows), tested on (columns)"
    )
    title += _papers_length(length) if published else ""
    return PaperTable(name, title, tuple(generators), tuple(rows))


def _trained_on(run: BenchmarkRun, condition: str, length: int, generator: str) -> list[MeasuredModel]:
    wanted = ("F5C", condition, length, (generator,))
    return [m for m in run.models if (m.backbone, m.condition, m.clip_length, m.trained_on) == wanted]


def _every_model(run: BenchmarkRun) -> PaperTable:
    kinds = run.results.select("protocol", "originals").unique().sort("protocol", "originals").rows()
    kinds.sort(key=lambda kind: (kind[0] != "paper", kind))
    columns = (POOLED, MEAN, *run.generators)
    rows = []
    for model in run.models:
        for protocol, originals in kinds:
            label = f"{model.title}, {protocol}" + (", with originals" if originals else "")
            cells = (Cell(run.figure(model, column, protocol, originals=originals)) for column in columns)
            rows.append((label, tuple(cells)))
    names = tuple(OVERALL.get(column, column) for column in columns)
    return PaperTable(EVERY_MODEL, "Every model of this run, by every protocol", names, tuple(rows))


def write_tables(tables: Iterable[PaperTable], folder: Path) -> None:
    """Each table as ``<name>.csv`` and ``.parquet``, a row a cell, and as ``.tex`` in the paper's layout."""
    folder.mkdir(exist_ok=True)
    for table in tables:
        frame = pl.DataFrame(
            [
                {
                    "row": label,
                    "column": column,
                    "auc": cell.ours.auc,
                    "low": cell.ours.low,
                    "high": cell.ours.high,
                    "paper": cell.theirs,
                    "difference": cell.difference,
                    "caveat": None if cell.theirs is None else table.caveat,
                }
                for label, cells in table.rows
                for column, cell in zip(table.columns, cells, strict=True)
            ],
            schema={"row": pl.String, "column": pl.String}
            | dict.fromkeys(("auc", "low", "high", "paper", "difference"), pl.Float64)
            | {"caveat": pl.String},
        )
        said = frame.with_columns(pl.col("auc").cast(pl.String).fill_null(NOT_MEASURED))
        said.write_csv(folder / f"{table.name}.csv")
        frame.write_parquet(folder / f"{table.name}.parquet")
        (folder / f"{table.name}.tex").write_text(latex(table), encoding="utf-8")


def latex(table: PaperTable) -> str:
    """A ``tabular``: AUC, its interval, and the paper's figure in parentheses."""
    return tabular(
        [table.title, *([table.caveat] if table.caveat else [])],
        "l" + "c" * len(table.columns),
        ["", *map(escaped, table.columns)],
        [[escaped(label), *map(_latex_cell, cells)] for label, cells in table.rows],
    )


def _latex_cell(cell: Cell) -> str:
    ours = NOT_MEASURED
    if cell.ours.auc is not None:
        ours = f"{cell.ours.auc:.3f}"
        if cell.ours.low is not None and cell.ours.high is not None:
            ours += f" [{cell.ours.low:.3f}, {cell.ours.high:.3f}]"
    return ours if cell.theirs is None else f"{ours} ({cell.theirs:.3f})"
