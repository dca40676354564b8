"""The benchmark's lists: one row a figure, shown in the page and written as CSV, Parquet and LaTeX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
from markupsafe import Markup

from model.resampling import FEWEST_PAIRS
from reports import digits
from reports.benchmark_run import POOLED, BenchmarkRun
from reports.benchmark_tables import OVERALL
from reports.latex import escaped, tabular
from reports.names import visible
from reports.wording import plain

STATED_FMR: Final = (0.1, 0.01, 0.001)
NAMES: Final = ("protocols", "error-rates", "pair-files", "robustness", "subgroups")


@dataclass(frozen=True)
class Column:
    """A column: key of its heading, of its values, and of the ends of their interval where they have one."""

    key: str
    ends: tuple[str, str] | None = None

    @property
    def heading(self) -> str:
        """As the page calls it."""
        return plain(f"benchmark.column.{self.key}")


@dataclass(frozen=True)
class ListTable:
    """``rows`` hold a value for each column's keys; ``name`` is the table's file name."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[dict[str, Any], ...]

    @property
    def title(self) -> str:
        """Its caption."""
        return plain(f"benchmark.list.{self.name}")


def list_tables(run: BenchmarkRun) -> dict[str, ListTable]:
    """By name, those of ``NAMES`` that have rows."""
    tables = (_protocols(run), _error_rates(run), _pair_files(run), _robustness(run), _subgroups(run))
    return {table.name: table for table in tables if table.rows}


def _columns(*names: str | tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(
        Column(name) if isinstance(name, str) else Column(name[0], (name[1], name[2])) for name in names
    )


def _protocols(run: BenchmarkRun) -> ListTable:
    columns = _columns(
        "model", "protocol", "subset", "originals", ("auc", "low", "high"),
        ("jackknife", "jackknife_low", "jackknife_high"), "eer", "n_targets", "n_left_out",
        "n_positives", "n_negatives",
    )  # fmt: skip
    rows = [
        {
            **row,
            "subset": OVERALL.get(row["subset"], row["subset"]),
            "originals": plain("common.yes" if row["originals"] else "common.no"),
            "jackknife": None,
        }
        for row in _of_models(run, run.results)
    ]
    return ListTable("protocols", columns, tuple(rows))


def _error_rates(run: BenchmarkRun) -> ListTable:
    """For each model and stated false match rate: the smallest threshold that keeps it, with counts.

    Only rates at which thirty of the different-driver pairs are accepted, and only from thirty same-driver
    pairs on: fewer errors say little of a rate (Doddington's rule of thirty).
    """
    rows = []
    for model in run.models:
        points = run.curves.filter(pl.col("model_id") == model.model_id).sort("threshold")
        counts = _pairs_of_curve(run, model.model_id)
        if min(counts.values()) < FEWEST_PAIRS:
            continue
        for stated in STATED_FMR:
            if stated < FEWEST_PAIRS / counts["n_negatives"]:
                continue
            for row in points.filter(pl.col("fmr") <= stated).head(1).iter_rows(named=True):
                rows.append({**row, **counts, "model": model.title, "stated_fmr": stated})
    columns = _columns(
        "model", "stated_fmr", "threshold", "false_matches", "fmr", "false_non_matches", "fnmr",
        "n_positives", "n_negatives",
    )  # fmt: skip
    return ListTable("error-rates", columns, tuple(rows))


def _pairs_of_curve(run: BenchmarkRun, model_id: str) -> dict[str, int]:
    """How many pairs of each kind stand behind a model's curve."""
    row = run.results.filter(
        pl.col("model_id") == model_id,
        pl.col("protocol") == "paper",
        pl.col("subset") == POOLED,
        ~pl.col("originals"),
    )
    return {name: int(row[name].sum()) for name in ("n_positives", "n_negatives")}


def _pair_files(run: BenchmarkRun) -> ListTable:
    columns = _columns(
        "pair_file", "model", ("auc", "auc_low", "auc_high"), ("eer", "eer_low", "eer_high"),
        "n_same", "n_different", "n_left_out",
    )  # fmt: skip
    return ListTable("pair-files", columns, tuple(_of_models(run, run.pair_files.sort("pair_file"))))


def _robustness(run: BenchmarkRun) -> ListTable:
    columns = _columns(
        "alteration", "compared", "model", "clean", ("auc", "low", "high"),
        ("difference", "difference_low", "difference_high"), "n_targets", "n_videos", "n_unchanged",
        "n_failed",
    )  # fmt: skip
    pooled = run.robustness.filter(pl.col("subset") == POOLED)
    rows = [
        {
            **row,
            "alteration": plain(f"benchmark.alteration.{row['alteration']}"),
            "compared": plain(f"benchmark.compared.{row['compared']}"),
        }
        for row in _of_models(run, pooled)
    ]
    return ListTable("robustness", columns, tuple(rows))


def _subgroups(run: BenchmarkRun) -> ListTable:
    columns = _columns(
        "attribute", "group", "model", ("auc", "low", "high"), "rest", ("gap", "gap_low", "gap_high"),
        "n_targets", "n_videos", "n_positives", "n_negatives",
    )  # fmt: skip
    return ListTable("subgroups", columns, tuple(_of_models(run, run.subgroups)))


def _of_models(run: BenchmarkRun, table: pl.DataFrame) -> Iterable[dict[str, Any]]:
    """Rows in the models' order, each with what the report calls its model."""
    for model in run.models:
        for row in table.filter(pl.col("model_id") == model.model_id).iter_rows(named=True):
            yield {**row, "model": model.title}


def shown(row: dict[str, Any], column: Column) -> Markup:
    """A cell: the value, its interval below."""
    value = _value(row[column.key])
    if column.ends is None or row[column.ends[0]] is None:
        return value
    ends = digits.interval(row[column.ends[0]], row[column.ends[1]])
    return ends if row[column.key] is None else value + Markup("<br>") + ends


def _value(value: object) -> Markup:
    if isinstance(value, int):
        return digits.count(value)
    if isinstance(value, float):
        return digits.bare(value) if value in STATED_FMR else digits.fixed(value, 3)
    return digits.absent() if value is None else Markup("{}").format(visible(str(value)))


def write_lists(tables: Iterable[ListTable], folder: Path) -> None:
    """Each as ``<name>.csv`` and ``.parquet`` with every digit, and as ``.tex``; others of ``NAMES`` go."""
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        for suffix in ("csv", "parquet", "tex"):
            (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    for table in tables:
        keys = [key for column in table.columns for key in (column.key, *(column.ends or ()))]
        keys = [key for key in keys if any(row[key] is not None for row in table.rows)]
        frame = pl.DataFrame(
            [{key: row[key] for key in keys} for row in table.rows], infer_schema_length=None
        )
        frame.write_csv(folder / f"{table.name}.csv")
        frame.write_parquet(folder / f"{table.name}.parquet")
        (folder / f"{table.name}.tex").write_text(list_latex(table), encoding="utf-8")


def list_latex(table: ListTable) -> str:
    """A ``tabular`` of every row."""
    return tabular(
        [table.title],
        "l" * len(table.columns),
        [escaped(column.heading) for column in table.columns],
        [[_latex(row, column) for column in table.columns] for row in table.rows],
    )


def _latex(row: dict[str, Any], column: Column) -> str:
    value = row[column.key]
    text = "" if value is None else f"{value:.3f}" if isinstance(value, float) else escaped(str(value))
    if column.ends is None or row[column.ends[0]] is None:
        return text
    return f"{text} [{row[column.ends[0]]:.3f}, {row[column.ends[1]]:.3f}]".strip()
