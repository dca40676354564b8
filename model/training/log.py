"""What a run writes down: a CSV row a step, a CSV row a validation, and the curve of both."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class StepRow:
    """One step: loss, gradient norm before clipping, seconds it took and of those waiting for data."""

    step: int
    epoch: int
    loss: float
    learning_rate: float
    gradient_norm: float
    seconds: float
    waiting: float


@dataclass(frozen=True)
class ValidationRow:
    """One validation: mean AUC over targets, generators pooled, its interval or NaN; mean over generators."""

    step: int
    epoch: int
    auc: float
    low: float
    high: float
    mean_over_generators: float
    targets: int


def append_rows(path: Path, rows: Sequence[StepRow | ValidationRow]) -> None:
    """Append to a CSV file, with its header when it is new."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(rows[0])])
        if new:
            writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read_rows(path: Path) -> list[dict[str, float]]:
    """Rows of a CSV file as numbers; none where it does not exist."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def forget_after(path: Path, step: int) -> None:
    """Drop rows past a step: they were written between the last checkpoint and the kill."""
    if not path.exists():
        return
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        names = list(reader.fieldnames or ())
        kept = [row for row in reader if None not in row.values() and int(row["step"]) <= step]
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(kept)
    partial.replace(path)


def draw_curve(run_dir: Path) -> None:
    """Draw loss and validation AUC over steps into ``curve.svg``."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    steps, validations = read_rows(run_dir / "steps.csv"), read_rows(run_dir / "validation.csv")
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasSVG(figure)
    loss: Any = figure.subplots()
    loss.plot([row["step"] for row in steps], [row["loss"] for row in steps], color="0.6", linewidth=0.8)
    loss.set_xlabel("step")
    loss.set_ylabel("SupCon loss")
    auc = loss.twinx()
    auc.set_ylabel("validation AUC, mean over targets")
    auc.set_ylim(0.4, 1.0)
    if validations:
        at = [row["step"] for row in validations]
        auc.plot(at, [row["auc"] for row in validations], color="C0", marker="o", markersize=3)
        auc.fill_between(
            at,
            [row["low"] for row in validations],
            [row["high"] for row in validations],
            color="C0",
            alpha=0.15,
            linewidth=0,
        )
    partial = run_dir / "curve.svg.partial"
    figure.savefig(partial, format="svg", metadata={"Date": None})
    partial.replace(run_dir / "curve.svg")
