"""Figures of the benchmark report."""

from __future__ import annotations

from itertools import cycle
from typing import Any, Final

import polars as pl
from markupsafe import Markup
from matplotlib.figure import Figure
from scipy.stats import norm

from reports.benchmark_run import POOLED, BenchmarkRun, MeasuredModel
from reports.benchmark_tables import PaperTable
from reports.figures.svg import DIFFERENT, INK, MUTED, RULE, SAME, drawing, inline
from reports.names import shortened
from reports.wording import plain

_COLOURS: Final = (SAME, DIFFERENT, INK, MUTED)
_DASHES: Final = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 1.5, 1, 1.5)), (0, (6, 1.5, 1, 1.5, 1, 1.5)))
_LINES: Final = [(colour, dash) for dash in _DASHES for colour in _COLOURS]
_POINTS: Final = [(colour, mark) for mark in "os^Dv" for colour in _COLOURS]
_DET_TICKS: Final = (0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)


def trade_off(run: BenchmarkRun) -> Markup:
    """ROC and DET of every model, all pairs of all targets together."""
    named: dict[str, Any] = {}  # told to the legend, as it takes no label with an underscore in front
    with drawing(8.4, 4.4 + 0.17 * len(run.models)) as figure:
        roc, det = figure.subplots(1, 2)
        for model, (colour, dash) in zip(run.models, cycle(_LINES), strict=False):
            points = run.curves.filter(pl.col("model_id") == model.model_id).sort("threshold")
            if not len(points):
                continue
            fmr, fnmr = points["fmr"].to_numpy(), points["fnmr"].to_numpy()
            (named[model.model_id],) = roc.plot(fmr, 1 - fnmr, color=colour, linestyle=dash, linewidth=1.5)
            inside = (fmr > 0) & (fmr < 1) & (fnmr > 0) & (fnmr < 1)
            det.plot(
                norm.ppf(fmr[inside]), norm.ppf(fnmr[inside]), color=colour, linestyle=dash, linewidth=1.5
            )
        roc.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        roc.set(xlim=(-0.005, 1.005), ylim=(-0.005, 1.005), aspect="equal", title="ROC")
        roc.set_xlabel("false match rate")
        roc.set_ylabel("true match rate")
        ticks = norm.ppf(_DET_TICKS)
        names = [f"{100 * tick:g} %" for tick in _DET_TICKS]
        det.set(
            xlim=(ticks[0], ticks[-1]),
            ylim=(ticks[0], ticks[-1]),
            aspect="equal",
            title="DET, normal deviates",
        )
        det.set_xticks(ticks, names, rotation=45)
        det.set_yticks(ticks, names)
        det.set_xlabel("false match rate")
        det.set_ylabel("false non-match rate")
        for axes in (roc, det):
            axes.grid(color=RULE, linewidth=0.5)
            axes.set_axisbelow(True)
        _legend(figure, run, named)
        return inline(
            figure, "trade-off", "ROC and DET", f"Error trade-off of {len(named)} models over all pairs."
        )


def _legend(figure: Figure, run: BenchmarkRun, named: dict[str, Any]) -> None:
    """What each model's line looks like; ``named``: model_id -> a line of it."""
    models = [model for model in run.models if model.model_id in named]
    lines, names = (
        [named[model.model_id] for model in models],
        [shortened(run.called(model), 60) for model in models],
    )
    figure.legend(lines, names, loc="outside lower center", ncols=1)


def identities(run: BenchmarkRun, model: MeasuredModel, number: int) -> Markup | None:
    """AUC of each target, generators pooled, lowest first; the mean as a line."""
    rows = run.targets.filter(
        (pl.col("model_id") == model.model_id)
        & (pl.col("protocol") == "paper")
        & (pl.col("subset") == POOLED)
        & ~pl.col("originals")
        & pl.col("auc").is_not_null()
    ).sort("auc", "target", descending=[True, False])
    if not len(rows):
        return None
    with drawing(6.4, 0.95 + 0.2 * len(rows)) as figure:
        axes = figure.add_subplot()
        values = rows["auc"].to_list()
        mean = sum(values) / len(values)
        axes.axvline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.axvline(mean, color=SAME, linewidth=1)
        axes.plot(values, range(len(rows)), "o", color=INK, markersize=4)
        axes.set_yticks(range(len(rows)), [shortened(name, 26) for name in rows["target"]])
        axes.set(xlim=(min(0.48, min(values) - 0.03), 1.02), ylim=(-0.7, len(rows) - 0.3))
        axes.set_xlabel("AUC, dashed: chance, line: mean")
        axes.grid(axis="x", color=RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        title = f"AUC of each target: {run.called(model)}"
        described = f"{len(rows)} targets from {min(values):.3f} to {max(values):.3f}, mean {mean:.3f}."
        return inline(figure, f"identities-{number}", title, described)


def panels(table: PaperTable, number: int) -> Markup | None:
    """The cross-generator matrix as the paper's Fig. 2: a panel a training generator, theirs dashed."""
    if not any(cell.ours.auc is not None for _, cells in table.rows for cell in cells):
        return None
    with drawing(8.4, 3.1) as figure:
        every = figure.subplots(1, len(table.rows), sharey=True, squeeze=False)[0]
        for axes, (label, cells) in zip(every, table.rows, strict=True):
            places = range(len(cells))
            ours = [cell.ours.auc if cell.ours.auc is not None else float("nan") for cell in cells]
            theirs = [cell.theirs if cell.theirs is not None else float("nan") for cell in cells]
            for place, cell in zip(places, cells, strict=True):
                if cell.ours.low is not None:
                    axes.plot([place, place], [cell.ours.low, cell.ours.high], color=SAME, linewidth=1)
            axes.plot(places, ours, "o-", color=SAME, markersize=4, linewidth=1.5)
            axes.plot(
                places, theirs, "s", color=DIFFERENT, markersize=3.5, linestyle=(0, (4, 3)), linewidth=1.2
            )
            axes.set_xticks(list(places), [shortened(name, 14) for name in table.columns])
            axes.set_title(shortened(label, 30))
            axes.grid(axis="y", color=RULE, linewidth=0.5)
        every[0].set_ylabel("AUC")
        return inline(
            figure, f"panels-{number}", table.title, "One panel a training generator; paper dashed."
        )


def clip_lengths(table: PaperTable) -> Markup | None:
    """AUC over T, with intervals, the paper's beside; None for fewer than two lengths."""
    column = table.columns.index("overall, pooled")
    found = [(label.partition("T=")[2].split()[0], cells[column]) for label, cells in table.rows]
    measured = [(int(length), cell.ours.auc, cell) for length, cell in found if cell.ours.auc is not None]
    if len({length for length, _, _ in measured}) < 2:
        return None
    with drawing(5.2, 3.4) as figure:
        axes = figure.add_subplot()
        for length, _, cell in measured:
            if cell.ours.low is not None and cell.ours.high is not None:
                axes.plot([length, length], [cell.ours.low, cell.ours.high], color=SAME, linewidth=1)
        axes.plot(
            [n for n, _, _ in measured], [v for _, v, _ in measured], "o-", color=SAME, label="this run"
        )
        theirs = [(int(length), cell.theirs) for length, cell in found if cell.theirs is not None]
        axes.plot(
            [n for n, _ in theirs], [v for _, v in theirs], "s--", color=DIFFERENT, label="paper, NVFAIR"
        )
        axes.set_xscale("log", base=2)
        axes.set_xticks([16, 32, 64, 128], ["16", "32", "64", "128"])
        axes.set_xlabel("clip length T, frames")
        axes.set_ylabel("AUC, generators pooled")
        axes.grid(color=RULE, linewidth=0.5)
        axes.legend()
        return inline(figure, "clip-lengths", "AUC over clip length", f"{len(measured)} lengths measured.")


def robustness(run: BenchmarkRun) -> Markup | None:
    """One panel a family of alterations: AUC of every model, clean first, then in rising strength.

    None where no model has a clean AUC to start from.
    """
    pooled = run.robustness.filter(pl.col("subset") == POOLED)
    families = pooled["family"].unique(maintain_order=True).to_list()
    drawn = pooled.filter(pl.col("clean").is_not_null())
    points = zip(run.models, cycle(_POINTS), strict=False)  # a model's colour is that of the error trade-off
    measured = [(model, *point) for model, point in points if model.model_id in set(drawn["model_id"])]
    if not measured:
        return None
    named: dict[str, Any] = {}  # a model's first alterations may have failed
    columns = 4
    rows = -(-len(families) // columns)
    with drawing(8.4, 2.3 * rows + 0.17 * len(measured) + 0.3) as figure:
        every = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        for axes, family in zip(every, families, strict=False):
            mine = pooled.filter(pl.col("family") == family)
            keys = mine["alteration"].unique(maintain_order=True).to_list()
            for model, colour, mark in measured:
                for compared, dash in (("both", "-"), ("one", (0, (4, 2)))):
                    found = mine.filter(pl.col("model_id") == model.model_id, pl.col("compared") == compared)
                    values = dict(found.select("alteration", "auc").iter_rows())
                    clean = found["clean"].drop_nulls()
                    if not len(clean):
                        continue
                    heights = [clean[0], *(values.get(key) for key in keys)]
                    shown = [float("nan") if value is None else value for value in heights]
                    (line,) = axes.plot(
                        range(len(shown)), shown, mark, linestyle=dash, color=colour, markersize=3,
                        linewidth=1.3,
                    )  # fmt: skip
                    named.setdefault(model.model_id, line)
            names = [plain("benchmark.family.clean"), *(plain(f"benchmark.short.{key}") for key in keys)]
            axes.set_xticks(range(len(names)), names)
            axes.set_xlim(-0.3, len(names) - 0.7)
            axes.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
            axes.set_title(plain(f"benchmark.family.{family}"))
            axes.grid(axis="y", color=RULE, linewidth=0.5)
        for axes in every[len(families) :]:
            axes.set_visible(False)
        for axes in every[::columns]:
            axes.set_ylabel("AUC")
        _legend(figure, run, named)
        described = f"{len(families)} families of alterations, {len(measured)} models."
        return inline(figure, "robustness", plain("benchmark.robustness.heading"), described)
