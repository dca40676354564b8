"""The benchmark report from its tables alone: the paper's figures beside ours, hostile names harmless."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.benchmark import schemas
from pipeline.benchmark.alterations import ALTERATIONS
from pipeline.benchmark.run_folder import RunFolder
from pipeline.errors import UserError
from reports.benchmark import build_benchmark_report
from reports.benchmark_lists import list_latex, list_tables
from reports.benchmark_run import load_run
from reports.benchmark_tables import caveat, latex, paper_tables
from reports.digits import settled
from reports.figures.benchmark import _LINES, _POINTS
from reports.paper_figures import CROSS_GENERATOR, SYSTEMS
from reports.wording import strings

GENERATORS = ("facevid2vid", "lia", "tps")


def model(number: int, condition: str, length: int, trained_on: list[str] | str, file: str) -> dict[str, Any]:
    return {
        "model_id": f"{number:064x}", "file": file, "backbone": "F5C", "condition": condition,
        "clip_length": length, "validated_for": "nothing", "corpus": "none",
        "validation": {"training": {"generators": trained_on}},
    }  # fmt: skip


MODELS = [
    model(1, "FEAT_DIFF", 64, "all", "feat.onnx"),
    model(2, "FEAT_DIFF", 32, "all", "<script>alert(1)</script>.onnx"),
    model(3, "FEAT_DIFF", 64, ["lia"], "lia_only.onnx"),
]

IMPORTED = {
    "model_id": f"{4:064x}", "file": "landmarks.csv", "model_name": "landmarks", "imported": "pair scores",
}  # fmt: skip


def counted(split: str, targets: int) -> list[dict[str, Any]]:
    """The videos measured, as benchmark.json counts them."""
    counts = {"self": 700, "cross": 2000, "targets": targets, "drivers": targets}
    originals = {"split": split, "generator": "original", **counts, "cross": 0, "targets": targets - 5}
    return [*({"split": split, "generator": name, **counts} for name in GENERATORS), originals]


def auc_of(number: int, subset: str) -> float:
    """Some figure that differs in every cell."""
    return 0.8 + 0.01 * number + 0.001 * len(subset)


def altered_rows() -> list[dict[str, Any]]:
    """Every alteration of the first model, each with a figure of its own."""
    rows = []
    for number, one in enumerate(ALTERATIONS):
        for compared in ("both", "one"):
            auc = 0.85 - 0.01 * number - (0.001 if compared == "one" else 0)
            rows.append({
                "model_id": MODELS[0]["model_id"], "alteration": one.key, "family": one.family,
                "compared": compared, "subset": "pooled", "auc": auc, "low": auc - 0.02, "high": auc + 0.02,
                "clean": 0.87, "difference": auc - 0.87, "difference_low": auc - 0.88,
                "difference_high": auc - 0.86, "n_targets": 35, "n_videos": 420, "n_unchanged": number,
                "n_failed": 0,
            })  # fmt: skip
    return rows


def subgroup_rows() -> list[dict[str, Any]]:
    """Two groups of an attribute, and one too small for an interval."""
    figures = {"n_targets": 9, "n_videos": 90, "n_positives": 10, "n_negatives": 20}
    return [
        {
            "model_id": MODELS[0]["model_id"], "attribute": "gender", "group": group, "auc": auc,
            "low": low, "high": high, "rest": 0.8, "gap": auc - 0.8, "gap_low": None, "gap_high": None,
            **figures,
        }
        for group, auc, low, high in (("<i>f</i>", 0.83, 0.7, 0.9), ("m", 0.77, None, None))
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run = RunFolder(tmp_path)
    rows, targets, curves = [], [], []
    for number, one in enumerate([*MODELS, IMPORTED], start=1):
        for subset in ("pooled", "mean of generators", *GENERATORS):
            value = auc_of(number, subset)
            figures = dict.fromkeys(("jackknife_low", "jackknife_high", "eer"))
            counts = {"n_targets": 35, "n_left_out": 1, "n_positives": 1000, "n_negatives": 1000}
            key = {"model_id": one["model_id"], "protocol": "paper", "subset": subset, "originals": False}
            rows.append({**key, "auc": value, "low": value - 0.02, "high": value + 0.02, **figures, **counts})
        for target, auc, why in (
            ("id001", 0.9, None),
            ("id002", 0.7, None),
            ("id\u202e003", None, "no cross"),
        ):
            key = {"model_id": one["model_id"], "protocol": "paper", "subset": "pooled", "originals": False}
            targets.append({**key, "target": target, "auc": auc, "n_self": 3, "n_cross": 4, "left_out": why})
        for step in range(11):
            rates = {"fmr": 1 - step / 10, "fnmr": step / 10}
            counts = {"false_matches": 1000 - 100 * step, "false_non_matches": 100 * step}
            curves.append({"model_id": one["model_id"], "threshold": step / 10 - 1, **rates, **counts})
    tables = {"results": rows, "targets": targets, "curves": curves, "pair_files": []}
    tables |= {"robustness": altered_rows(), "subgroups": subgroup_rows()}
    for name, table in tables.items():
        run.write_result(name, table)
    record = {
        "tool": {"name": "driverprint", "version": "0"}, "command": ["driverprint", "benchmark"],
        "started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:00:00+00:00",
        "dataset": {"name": "NVFAIR", "kind": "NVFAIR", "excluded": 0, "problems": ["<img src=x>"],
                    "problems_in_all": 1, "counts": counted("test", 35), "chosen": 6, "in_its_splits": 6},
        "videos": {"processed": 5, "failed": 1, "failures": [{"path": "<b>.mp4", "reason": "bad"}]},
        "robustness": {"videos": 420, "failed": 1, "failures": [
            {"path": "<u>.mp4", "alteration": "h264-28", "reason": "bad"}]},
        "models": [*MODELS, IMPORTED], "provider": "CPUExecutionProvider",
        "machine": {"architecture": "x", "cores": 2, "system": "Linux", "python": "3"},
        "packages": {"ray": "2"},
    }  # fmt: skip
    run.record.write_text(json.dumps(record), encoding="utf-8")
    return tmp_path


def cell(folder: Path, table: str, row: str, column: str) -> dict[str, Any]:
    frame = pl.read_parquet(folder / "tables" / f"{table}.parquet")
    return frame.row(by_predicate=(pl.col("row") == row) & (pl.col("column") == column), named=True)


def test_each_cell_has_ours_theirs_difference_and_interval(folder: Path) -> None:
    build_benchmark_report(folder)
    found = cell(folder, "table-3", "F5C FEAT_DIFF T=64", "lia")
    assert found["auc"] == auc_of(1, "lia")
    assert found["paper"] == SYSTEMS["F5C", "FEAT_DIFF", 64][3] == 0.882
    assert found["difference"] == pytest.approx(auc_of(1, "lia") - 0.882)
    assert (found["low"], found["high"]) == (auc_of(1, "lia") - 0.02, auc_of(1, "lia") + 0.02)
    assert cell(folder, "table-3", "NVFAIR landmark baseline", "overall, pooled")["paper"] == 0.853
    assert cell(folder, "table-7", "F5C FEAT_DIFF T=32", "overall, mean")["auc"] == auc_of(
        2, "mean of generators"
    )


@pytest.mark.parametrize(
    ("kind", "counts", "why"),
    [
        ("NVFAIR", counted("test", 35), None),
        ("NVFAIR", counted("train", 100), "not_test"),
        ("NVFAIR", [*counted("train", 100), *counted("test", 35)], "not_test"),
        ("NVFAIR", counted("test", 12), "not_test"),
        ("AVAPrintDB", counted("test", 35), "not_nvfair"),
    ],
)
def test_papers_figures_stand_uncommented_only_beside_its_own_test_split(
    folder: Path, kind: str, counts: list[dict[str, Any]], why: str | None
) -> None:
    record = json.loads((folder / "benchmark.json").read_text("utf-8"))
    record["dataset"] |= {"kind": kind, "counts": counts}
    (folder / "benchmark.json").write_text(json.dumps(record), encoding="utf-8")
    html = build_benchmark_report(folder).read_text("utf-8")
    rows = pl.read_csv(folder / "tables" / "table-3.csv", schema_overrides={"caveat": pl.String})
    tex = (folder / "tables" / "table-3.tex").read_text("utf-8")
    for code in ("not_nvfair", "not_test"):
        short = strings()[f"benchmark.{code}.short"]
        assert (strings()[f"benchmark.{code}.title"] in html) == (code == why)
        assert (f"% {short}\n" in tex) == (code == why)
        beside = rows.filter(pl.col("caveat") == short)["paper"]
        assert beside.to_list() == (rows["paper"].drop_nulls().to_list() if code == why else [])
    assert "caveat" in pl.read_parquet(folder / "tables" / "table-3.parquet").columns
    assert strings()["benchmark.not_nvfair.short"] not in (folder / "tables" / "models.tex").read_text(
        "utf-8"
    )


def test_papers_figures_beside_a_sample_of_its_test_split_are_commented(folder: Path) -> None:
    record = json.loads((folder / "benchmark.json").read_text("utf-8"))
    for chosen, why in ((42_800, None), (420, "not_test")):
        record["dataset"] |= {"chosen": chosen, "in_its_splits": 42_800}
        (folder / "benchmark.json").write_text(json.dumps(record), encoding="utf-8")
        assert caveat(load_run(folder)) == why


def test_some_of_nvfairs_generators_are_nvfairs_still_and_those_measured_are_named(folder: Path) -> None:
    """As with --generators tps. The simulated corpus, of the same layout, has a generator of that name."""
    theirs, simulated = ["facevid2vid", "lia", "tps"], ["latent", "mesh", "tps"]
    for name in ("results", "targets"):
        rows = pl.read_parquet(folder / f"{name}.parquet")
        rows.filter(pl.col("subset").is_in(["facevid2vid", "lia"]).not_()).write_parquet(
            folder / f"{name}.parquet"
        )
    for generators, why, beside in ((theirs, "not_test", 0.880), (simulated, "not_nvfair", None)):
        record = json.loads((folder / "benchmark.json").read_text("utf-8"))
        record["dataset"]["generators"] = generators
        (folder / "benchmark.json").write_text(json.dumps(record), encoding="utf-8")
        assert caveat(load_run(folder)) == why
        html = build_benchmark_report(folder).read_text("utf-8")
        assert "Measured were videos of tps; the paper's generators are facevid2vid, lia, tps." in html
        assert cell(folder, "table-3", "F5C FEAT_DIFF T=64", "tps")["paper"] == beside


def test_target_that_one_model_measured_is_not_said_to_be_unmeasurable(folder: Path) -> None:
    """As where another system's file covers some targets only."""
    targets = pl.read_parquet(folder / "targets.parquet")
    some = (pl.col("model_id") == IMPORTED["model_id"]) & (pl.col("target") == "id002")
    reason = "0 self-reenactments, at least 2 needed"
    targets.with_columns(
        auc=pl.when(~some).then("auc"), left_out=pl.when(some).then(pl.lit(reason)).otherwise("left_out")
    ).write_parquet(folder / "targets.parquet")
    html = build_benchmark_report(folder).read_text("utf-8")
    assert reason not in html and "no cross" in html


@pytest.mark.parametrize(
    ("counts", "warned"),
    [
        (counted("test", 35), False),
        (counted("none", 35), False),
        ([*counted("train", 100), *counted("test", 35)], True),
    ],
)
def test_figures_on_people_a_model_may_have_learnt_carry_a_warning(
    folder: Path, counts: list[dict[str, Any]], warned: bool
) -> None:
    record = json.loads((folder / "benchmark.json").read_text("utf-8"))
    record["dataset"]["counts"] = counts
    (folder / "benchmark.json").write_text(json.dumps(record), encoding="utf-8")
    html = build_benchmark_report(folder).read_text("utf-8")
    assert (strings()["benchmark.train_measured.text"] in html) == warned


def test_tables_stand_at_the_clip_length_most_systems_were_measured_at(folder: Path) -> None:
    record = json.loads((folder / "benchmark.json").read_text("utf-8"))
    for number, one in enumerate(record["models"][:3]):
        one |= {
            "condition": ("FEAT_DIFF", "STATIC", "FEAT_DIFF")[number],
            "clip_length": (32, 32, 64)[number],
        }
        one["validation"]["training"] |= {"generators": "all", "steps": 40, "batch": "8 drivers × 4 videos"}
    (folder / "benchmark.json").write_text(json.dumps(record), encoding="utf-8")
    tables = {table.name: table for table in paper_tables(load_run(folder))}
    schedule = "training: 40 steps of 8 drivers × 4 videos"
    beside = "the paper's are of T = 64, but FEAT_DIFF's of T = 32"
    assert tables["table-6"].title.endswith(f"T = 32; {beside}; {schedule}")
    rows = {label: cells[0].ours.auc for label, cells in tables["table-6"].rows}
    assert rows == {
        "F5C FEAT_DIFF T=32": auc_of(1, "pooled"), "F5C STATIC T=32": auc_of(2, "pooled"),
        "F5C PIXEL_DIFF T=32": None, "F5C RAW_FEAT T=32": None,
    }  # fmt: skip


def test_titles_say_of_which_clip_length_the_papers_figures_beside_are(folder: Path) -> None:
    """FEAT_DIFF's are of ours where the paper has them, all others of its 64."""
    record = json.loads((folder / "benchmark.json").read_text("utf-8"))
    for length, said in (
        (32, "T = 32; the paper's are of T = 64, but FEAT_DIFF's of T = 32"),
        (8, "T = 8; the paper's are of T = 64"),
        (64, "T = 64"),
    ):
        for one in record["models"][:3]:
            one["clip_length"] = length
        (folder / "benchmark.json").write_text(json.dumps(record), encoding="utf-8")
        tables = {table.name: table for table in paper_tables(load_run(folder))}
        for name in ("table-3", "table-6", "table-8"):
            assert tables[name].title.partition("; training")[0].endswith(said)
            rows = {label: cells[0].theirs for label, cells in tables[name].rows}
            label = next(label for label in rows if label.startswith(f"F5C FEAT_DIFF T={length}"))
            assert rows[label] == SYSTEMS["F5C", "FEAT_DIFF", 32 if length == 32 else 64][0]
        beside = "" if length == 64 else "; the paper's are of T = 64"
        assert tables["table-4"].title.endswith(f"tested on (columns){beside}")


def test_rows_of_unequal_schedules_say_so_each(folder: Path) -> None:
    record = json.loads((folder / "benchmark.json").read_text("utf-8"))
    for number, one in enumerate(record["models"][:2]):
        one["validation"]["training"] |= {"steps": 1000 + number, "batch": "8 drivers × 4 videos"}
    (folder / "benchmark.json").write_text(json.dumps(record), encoding="utf-8")
    lengths = next(table for table in paper_tables(load_run(folder)) if table.name == "table-7")
    assert lengths.title == "Table VII. Clip length, F5C FEAT_DIFF"
    labels = [label for label, _ in lengths.rows]
    assert "F5C FEAT_DIFF T=64 (training: 1,000 steps of 8 drivers × 4 videos)" in labels
    assert "F5C FEAT_DIFF T=32 (training: 1,001 steps of 8 drivers × 4 videos)" in labels


def test_model_trained_on_one_generator_fills_its_row_of_the_matrix_only(folder: Path) -> None:
    build_benchmark_report(folder)
    found = cell(folder, "table-4", "trained on lia", "tps")
    assert (found["auc"], found["paper"]) == (auc_of(3, "tps"), CROSS_GENERATOR["FEAT_DIFF"]["lia"]["tps"])
    assert cell(folder, "table-4", "trained on tps", "lia")["auc"] is None
    rows = pl.read_parquet(folder / "tables" / "table-6.parquet")
    assert rows.filter(pl.col("auc") == auc_of(3, "pooled")).is_empty()


def test_models_of_one_system_and_file_name_are_told_apart_in_every_table(folder: Path) -> None:
    """As when a model is trained again under its name, and measured in the same run."""
    ids = {one["model_id"]: f"{number}" * 64 for number, one in enumerate(MODELS, start=1)}
    for name in ("results", "targets", "curves"):
        frame = pl.read_parquet(folder / f"{name}.parquet")
        frame.with_columns(pl.col("model_id").replace(ids)).write_parquet(folder / f"{name}.parquet")
    for generators, table, row in (
        ("all", "table-3", "F5C FEAT_DIFF T=64"),
        (["lia"], "table-4", "trained on lia"),
    ):
        models = [
            model(number, "FEAT_DIFF", 64, generators, "T=feat.onnx") | {"model_id": f"{number}" * 64}
            for number in (1, 2, 3)
        ]
        record = json.loads((folder / "benchmark.json").read_text("utf-8"))
        (folder / "benchmark.json").write_text(json.dumps(record | {"models": models}), encoding="utf-8")
        html = build_benchmark_report(folder).read_text("utf-8")
        for number in (1, 2, 3):
            assert re.search(rf"(?s)<svg(?:(?!</svg>).)*T=feat.onnx, {f'{number}' * 12}\)</text>", html)
            label = f"{row} (T=feat.onnx, {f'{number}' * 12})"
            assert cell(folder, table, label, "lia")["auc"] == auc_of(number, "lia")
        assert len({one.title for one in load_run(folder).models}) == 3


def test_what_was_measured_and_for_whom_comes_before_the_papers_tables(folder: Path) -> None:
    """In this run Table V holds no figure: nobody scrolls past such tables to a result."""
    record = json.loads((folder / "benchmark.json").read_text("utf-8"))
    record["models"][0]["validated_for"] = "talking heads of NVFAIR"
    record["models"][1]["validated_for"] = "simulation only"
    (folder / "benchmark.json").write_text(json.dumps(record), encoding="utf-8")
    html = build_benchmark_report(folder).read_text("utf-8")
    banner = html.index('id="model-status"')
    own = html.index("Every model of this run, by every protocol")
    folded = html.index("<details><summary>One of the paper's tables holds no figure of this run")
    assert (
        banner < own < html.index("Table III.") < html.index("Table VIII.") < folded < html.index("Table V.")
    )
    warned = html[banner : html.index("</ul>", banner)]
    assert "validated for simulation only" in warned
    assert warned.count("<li>") == 2  # the one without a purpose besides, but not the one that has one
    assert "NVFAIR" not in warned


def test_imported_system_stands_beside_the_baseline(folder: Path) -> None:
    build_benchmark_report(folder)
    found = cell(folder, "table-3", "landmarks, pair scores (landmarks.csv)", "tps")
    assert found["auc"] == auc_of(4, "tps")
    html = (folder / "benchmark.html").read_text("utf-8")
    assert "made by another system" in html


def test_altered_videos_stand_beside_clean_ones_with_a_curve_a_family(folder: Path) -> None:
    html = build_benchmark_report(folder).read_text("utf-8")
    assert 'id="robustness-title"' in html
    table = pl.read_parquet(folder / "tables" / "robustness.parquet")
    assert len(table) == 2 * len(ALTERATIONS)
    rate = table.filter(pl.col("alteration") == "12.5 frames a second", pl.col("compared") == "both")
    (stated,) = [
        row for row in altered_rows() if (row["alteration"], row["compared"]) == ("rate-12-5", "both")
    ]
    for name in ("auc", "clean", "difference", "difference_low", "n_unchanged"):
        assert rate[name].item() == stated[name]
    assert f'<data value="{settled(stated["auc"])!r}">' in html
    for family in {one.family for one in ALTERATIONS}:
        assert f">{strings()[f'benchmark.family.{family}']}</text>" in html


def drawn_texts(html: str, name: str) -> list[str]:
    """Every text of a figure."""
    found = re.search(rf'(?s)<svg(?:(?!<svg).)*?aria-labelledby="{name}-title.*?</svg>', html)
    return re.findall(r"<text[^>]*>([^<]*)</text>", found[0]) if found else []


def test_model_whose_first_alterations_failed_is_in_the_legend_and_one_of_which_all_did_is_not(
    folder: Path,
) -> None:
    rows = pl.DataFrame(altered_rows())
    names = ("auc", "low", "high", "clean", "difference", "difference_low", "difference_high")
    failed = pl.col("family").is_in(["compression", "resolution"])
    rows = rows.with_columns(pl.when(~failed).then(pl.col(name)).alias(name) for name in names)
    none = rows.with_columns(model_id=pl.lit(MODELS[1]["model_id"]), **dict.fromkeys(names, None))
    RunFolder(folder).write_result("robustness", [*rows.to_dicts(), *none.to_dicts()])
    texts = drawn_texts(build_benchmark_report(folder).read_text("utf-8"), "robustness")
    assert "F5C FEAT_DIFF T=64" in texts
    assert not any(text.startswith("F5C FEAT_DIFF T=32") for text in texts)
    RunFolder(folder).write_result("robustness", none.to_dicts())
    html = build_benchmark_report(folder).read_text("utf-8")
    assert not drawn_texts(html, "robustness")  # a figure of nothing
    assert strings()["benchmark.robustness.heading"] in html


def test_every_model_stands_in_the_legend_whatever_its_name(folder: Path) -> None:
    record = json.loads((folder / "benchmark.json").read_text("utf-8"))
    record["models"][3] |= {"model_name": "_$x$_y", "file": "_$x$_y.csv"}
    (folder / "benchmark.json").write_text(json.dumps(record), encoding="utf-8")
    texts = drawn_texts(build_benchmark_report(folder).read_text("utf-8"), "trade-off")
    assert "_$x$_y, pair scores" in texts


def test_no_two_of_twenty_models_are_drawn_alike() -> None:
    assert len(set(_LINES)) == len(_LINES) >= 20
    assert len(set(_POINTS)) == len(_POINTS) >= 20


def test_subgroups_show_their_gap_and_no_interval_where_there_is_none(folder: Path) -> None:
    html = build_benchmark_report(folder).read_text("utf-8")
    assert "<i>f</i>" not in html and "&lt;i&gt;f&lt;/i&gt;" in html
    table = pl.read_csv(folder / "tables" / "subgroups.csv")
    assert table["gap"].to_list() == pytest.approx([0.03, -0.03])
    assert table["low"].to_list() == [0.7, None]


def test_protocols_without_figures_are_named_beside_those_with(folder: Path) -> None:
    without = {
        name: strings()[f"benchmark.protocols.without.{name}"] for name in ("single-source", "multi-clip")
    }
    html = build_benchmark_report(folder).read_text("utf-8")
    assert all(sentence in html for sentence in without.values())
    results = pl.read_parquet(folder / "results.parquet")
    pl.concat([results, results.with_columns(protocol=pl.lit("single-source"))]).write_parquet(
        folder / "results.parquet"
    )
    html = build_benchmark_report(folder).read_text("utf-8")
    assert {name: sentence in html for name, sentence in without.items()} == {
        "single-source": False, "multi-clip": True,
    }  # fmt: skip


def test_run_that_measured_nothing_still_has_its_report(folder: Path) -> None:
    for name in ("results", "targets", "curves", "robustness", "subgroups"):
        RunFolder(folder).write_result(name, [])
    html = build_benchmark_report(folder).read_text("utf-8")
    assert "&lt;b&gt;.mp4" in html  # the video that failed
    assert strings()["benchmark.left_out.none"] not in html


def test_stated_error_rate_rests_on_thirty_pairs_or_is_left_out(folder: Path) -> None:
    """A thousand different-driver pairs carry a rate of 0.1, a hundred errors, but not 0.01, ten."""
    html = build_benchmark_report(folder).read_text("utf-8")
    rates = pl.read_csv(folder / "tables" / "error-rates.csv")
    assert rates["stated_fmr"].unique().to_list() == [0.1]
    assert rates["n_negatives"].to_list() == rates["n_positives"].to_list() == [1000] * 4
    left_out = strings()["benchmark.trade_off.floors"]
    assert left_out in html
    for few in ({"n_negatives": 299}, {"n_positives": 29}):
        results = pl.read_parquet(folder / "results.parquet")
        results.with_columns(**{name: pl.lit(n, pl.Int64) for name, n in few.items()}).write_parquet(
            folder / "results.parquet"
        )
        assert "error-rates" not in list_tables(load_run(folder))
        assert left_out in build_benchmark_report(folder).read_text("utf-8")
        results.write_parquet(folder / "results.parquet")


def test_every_list_is_written_in_three_formats_with_every_row(folder: Path) -> None:
    build_benchmark_report(folder)
    for table in list_tables(load_run(folder)).values():
        for suffix in ("csv", "parquet", "tex"):
            assert (folder / "tables" / f"{table.name}.{suffix}").stat().st_size > 0
        lines = [line for line in list_latex(table).splitlines() if line.endswith(r" \\")]
        assert len(lines) == len(table.rows) + 1
        assert all(line.replace(r"\&", "").count("&") == len(table.columns) - 1 for line in lines)


def test_every_alteration_has_its_words() -> None:
    for one in ALTERATIONS:
        for kind in ("alteration", "short"):
            assert strings()[f"benchmark.{kind}.{one.key}"]
        assert strings()[f"benchmark.family.{one.family}"]


def test_report_names_what_was_left_out_and_escapes_what_it_names(folder: Path) -> None:
    html = build_benchmark_report(folder).read_text("utf-8")
    assert "not measured" in html
    assert "This is not NVFAIR" not in html
    assert "no cross" in html
    assert "\u202e" not in html and "⟨U+202E⟩" in html
    for hostile in ("<script>alert", "<img src=x>", "<b>.mp4", "<u>.mp4"):
        assert hostile not in html
    for figure in ("trade-off", "panels-4", "clip-lengths", "identities-0"):
        assert f'id="{figure}-title"' in html
    assert "panels-5-title" not in html  # no PIXEL_DIFF model, no picture of one


def test_table_that_a_later_sitting_has_no_figures_for_does_not_stay(folder: Path) -> None:
    """As when a run is measured again with --robustness 0: the page has no such list."""
    build_benchmark_report(folder)
    (folder / "tables" / "mine.csv").write_text("kept", "utf-8")
    RunFolder(folder).write_result("robustness", [])
    build_benchmark_report(folder)
    assert not list((folder / "tables").glob("robustness.*"))
    assert len(list((folder / "tables").glob("subgroups.*"))) == 3
    assert (folder / "tables" / "mine.csv").is_file()


def test_failures_that_the_record_does_not_name_are_counted(folder: Path) -> None:
    """benchmark.json names a thousand."""
    record = json.loads((folder / "benchmark.json").read_text("utf-8"))
    record["videos"]["failed"], record["robustness"]["failed"] = 1204, 4
    (folder / "benchmark.json").write_text(json.dumps(record), encoding="utf-8")
    html = build_benchmark_report(folder).read_text("utf-8")
    more = [
        settled_count.replace("\u202f", "")
        for settled_count in re.findall(r">([^<]*)</data> more failed", html)
    ]
    assert sorted(more) == ["1203", "3"]


def test_head_of_the_report_counts_the_videos_chosen_and_of_these_the_decoded(folder: Path) -> None:
    """Another system's file is measured without a video being decoded, and then none was called measured."""
    record = json.loads((folder / "benchmark.json").read_text("utf-8"))
    record["dataset"] |= {"chosen": 42_800, "in_its_splits": 42_800}
    record["videos"] = {"processed": 0, "failed": 0, "failures": []}
    (folder / "benchmark.json").write_text(json.dumps(record), encoding="utf-8")
    html = build_benchmark_report(folder).read_text("utf-8")
    facts = dict(re.findall(r'<div><dt>([^<]*)</dt><dd><data value="(\d+)">', html))
    assert (facts["videos chosen"], facts["decoded and embedded"], facts["failed to process"]) == (
        "42800", "0", "0",
    )  # fmt: skip


def test_report_is_the_same_bytes_for_the_same_tables(folder: Path) -> None:
    first = build_benchmark_report(folder).read_bytes()
    assert build_benchmark_report(folder).read_bytes() == first


def test_latex_has_every_cell_and_escapes_names(folder: Path) -> None:
    for table in paper_tables(load_run(folder)):
        text = latex(table)
        lines = [line for line in text.splitlines() if line.endswith(r" \\")]
        assert len(lines) == len(table.rows) + 1
        assert all(line.count("&") == len(table.columns) for line in lines)
        assert "_" not in text.replace(r"\_", "").splitlines()[4]


def test_unfinished_run_is_refused_with_a_sentence(folder: Path) -> None:
    (folder / "results.parquet").unlink()
    with pytest.raises(UserError, match=r"results\.parquet is missing"):
        build_benchmark_report(folder)


def test_every_column_of_the_tables_has_a_meaning() -> None:
    for schema in (
        schemas.VIDEOS,
        schemas.EMBEDDINGS,
        schemas.ALTERED_VIDEOS,
        schemas.ALTERED_EMBEDDINGS,
        *schemas.RESULT_TABLES.values(),
    ):
        for field in schema:
            assert field.metadata[b"meaning"]
