"""``benchmark.html`` and the tables beside it, from the Parquet and JSON of a benchmark's folder."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, Final

import jinja2
import polars as pl
from markupsafe import Markup

from reports import digits, wording
from reports.benchmark_run import BenchmarkRun, load_run
from reports.benchmark_tables import NOT_MEASURED, Cell, paper_tables, write_tables
from reports.figures.benchmark import clip_lengths, identities, panels, trade_off
from reports.names import visible
from reports.wording import TEMPLATES

TABLE_FOLDER: Final = "tables"
STATED_FMR: Final = (0.1, 0.01, 0.001)


def build_benchmark_report(folder: Path) -> Path:
    """Write ``tables/*`` and ``benchmark.html`` into the folder; the same bytes for the same data.

    Returns the path of the report. Raises UserError when the folder is not a finished benchmark.
    """
    run = load_run(folder)
    tables = paper_tables(run)
    write_tables(tables, folder / TABLE_FOLDER)
    by_name = {table.name: table for table in tables}
    drawn = {
        "trade_off": trade_off(run) if len(run.curves) else None,
        "table-4": panels(by_name["table-4"], 4),
        "table-5": panels(by_name["table-5"], 5),
        "table-7": clip_lengths(by_name["table-7"]),
    }
    style = Markup(
        (TEMPLATES / "report.css").read_text("utf-8").replace('"{running}"', '""').replace("{digest}", "")
    )
    script = Markup((TEMPLATES / "report.js").read_text("utf-8"))
    text = (
        _environment()
        .get_template("benchmark.html")
        .render(
            run=run.record,
            tables=tables,
            drawn=drawn,
            models=[(model, identities(run, model, number)) for number, model in enumerate(run.models)],
            left_out=_left_out(run),
            rates=_rates(run),
            pair_files=run.pair_files.sort("pair_file", "model_id").to_dicts(),
            file_of={model.model_id: model.file for model in run.models},
            is_nvfair=run.record["dataset"]["kind"] == "NVFAIR"
            and by_name["table-3"].rows[0][1][-1].theirs is not None,
            style=style,
            script=script,
            policy=_policy(style, script),
        )
    )
    path = folder / "benchmark.html"
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
    return path


def _left_out(run: BenchmarkRun) -> list[dict[str, Any]]:
    """Targets no model could be measured on, with the reason, pooled and by generator."""
    rows = run.targets.filter((pl.col("protocol") == "paper") & ~pl.col("originals")).drop_nulls("left_out")
    return rows.select("subset", "target", "left_out").unique().sort("subset", "target").to_dicts()


def _rates(run: BenchmarkRun) -> list[dict[str, Any]]:
    """For each model and stated false match rate: the smallest threshold that keeps it, with counts."""
    rows = []
    for model in run.models:
        points = run.curves.filter(pl.col("model_id") == model.model_id).sort("threshold")
        for stated in STATED_FMR:
            within = points.filter(pl.col("fmr") <= stated).head(1)
            if len(within):
                rows.append({"model": model, "stated": stated, **within.row(0, named=True)})
    return rows


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"t": wording.t, "plain": wording.plain, "absent": digits.absent, "shown": _shown}
    environment.globals |= {"optional": wording.optional}
    environment.filters |= {name: getattr(digits, name) for name in ("auc", "count", "fixed", "moment")}
    environment.filters |= {"visible": visible}
    return environment


def _shown(cell: Cell) -> Markup:
    """A cell: our AUC with its interval, the paper's and the difference below."""
    if cell.ours.auc is None:
        ours = Markup("{}").format(NOT_MEASURED)
    else:
        ours = Markup("<strong>{}</strong>").format(digits.auc(cell.ours.auc))
        if cell.ours.low is not None:
            ours += Markup("<br>{}").format(digits.interval(cell.ours.low, cell.ours.high))
    if cell.theirs is None:
        return ours
    below = Markup("<br>paper {}").format(digits.auc(cell.theirs))
    if cell.difference is not None:
        below += Markup(", {}{}").format(
            "+" if cell.difference >= 0 else "", digits.fixed(cell.difference, 3)
        )
    return ours + below


def _policy(style: str, script: str) -> str:
    """Nothing may be loaded or run but this very style sheet, this very script, and inline pictures."""
    hashes = [base64.b64encode(hashlib.sha256(x.encode()).digest()).decode() for x in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
