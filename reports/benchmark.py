"""``benchmark.html`` and the tables beside it, from the Parquet and JSON of a benchmark's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import polars as pl
from markupsafe import Markup

from model.validated_for import in_words
from reports import digits, page
from reports.benchmark_lists import list_tables, shown, write_lists
from reports.benchmark_run import BenchmarkRun, load_run
from reports.benchmark_tables import EVERY_MODEL, NOT_MEASURED, Cell, caveat, paper_tables, write_tables
from reports.figures.benchmark import clip_lengths, identities, panels, robustness, trade_off
from reports.model_status import model_status
from reports.paper_figures import GENERATORS
from reports.wording import t

TABLE_FOLDER: Final = "tables"
PAPERS: Final = tuple(sorted(GENERATORS.values()))
OPTIONAL: Final = ("single-source", "multi-clip")  # protocols that not every corpus or run allows


def build_benchmark_report(folder: Path) -> Path:
    """Write ``tables/*`` and ``benchmark.html`` into the folder; the same bytes for the same data.

    Returns the path of the report. Raises UserError when the folder is not a finished benchmark.
    """
    run = load_run(folder)
    tables, lists = paper_tables(run), list_tables(run)
    write_tables(tables, folder / TABLE_FOLDER)
    write_lists(lists.values(), folder / TABLE_FOLDER)
    by_name = {table.name: table for table in tables}
    papers = [table for table in tables if table.name != EVERY_MODEL]
    drawn = {
        "trade_off": trade_off(run) if len(run.curves) else None,
        "robustness": robustness(run) if "robustness" in lists else None,
        "table-4": panels(by_name["table-4"], 4),
        "table-5": panels(by_name["table-5"], 5),
        "table-7": clip_lengths(by_name["table-7"]),
    }
    style, script = page.style(), page.script()
    environment = page.environment()
    environment.globals |= {"cell": _cell, "shown": shown, "validated_for": in_words}
    text = environment.get_template("benchmark.html").render(
        run=run.record,
        measured=by_name[EVERY_MODEL],
        filled=[table for table in papers if table.has_figures],
        empty=[table for table in papers if not table.has_figures],
        unvalidated=[one for one in run.models if not one.imported and model_status(one.record) != "stated"],
        lists=lists,
        drawn=drawn,
        models=[(model, identities(run, model, number)) for number, model in enumerate(run.models)],
        left_out=_left_out(run),
        unlisted={part: _unlisted(run.record[part]) for part in ("videos", "robustness")},
        absent_protocols=[name for name in OPTIONAL if name not in set(run.results["protocol"])],
        caveat=caveat(run),
        papers_generators=PAPERS,
        other_generators=run.generators if set(run.generators) != set(PAPERS) else [],
        style=style,
        script=script,
        policy=page.policy(style, script),
    )
    path = folder / "benchmark.html"
    page.write_page(path, text)
    return path


def _left_out(run: BenchmarkRun) -> list[dict[str, Any]]:
    """Targets no model could be measured on, with the reason, pooled and by generator."""
    rows = run.targets.filter((pl.col("protocol") == "paper") & ~pl.col("originals"))
    unmeasured = rows.filter(pl.col("auc").is_null().all().over("subset", "target"))
    return unmeasured.select("subset", "target", "left_out").unique().sort(pl.all()).to_dicts()


def _unlisted(part: dict[str, Any]) -> int:
    """How many failures of a part of the record are not among those it names: it names the first thousand."""
    named = {(row["path"], row.get("alteration")) for row in part["failures"]}
    return int(part["failed"]) - len(named)


def _cell(cell: Cell) -> Markup:
    """A cell: our AUC with its interval, the paper's and the difference below."""
    if cell.ours.auc is None:
        ours = Markup("{}").format(NOT_MEASURED)
    else:
        ours = Markup("<strong>{}</strong>").format(digits.auc(cell.ours.auc))
        if cell.ours.low is not None:
            ours += Markup("<br>{}").format(digits.interval(cell.ours.low, cell.ours.high))
    if cell.theirs is None:
        return ours
    if cell.difference is None:
        return ours + Markup("<br>{}").format(t("benchmark.cell.paper", auc=digits.auc(cell.theirs)))
    sign = Markup("+") if cell.difference >= 0 else Markup("")
    difference = sign + digits.fixed(cell.difference, 3)
    below = t("benchmark.cell.paper_and_difference", auc=digits.auc(cell.theirs), difference=difference)
    return ours + Markup("<br>{}").format(below)
