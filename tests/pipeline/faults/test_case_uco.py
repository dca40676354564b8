"""A case as other forensic tools read it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl

from pipeline.case_folder import CaseFolder
from pipeline.case_uco import case_uco
from reports.wording import strings
from tests.pipeline.faults.conftest import Finished, driverprint


def test_export_conforms_to_case_and_names_every_file_with_its_hash(
    undisturbed: Finished,
    tmp_path: Path,
) -> None:
    out = tmp_path / "case.jsonld"
    done = driverprint("case-uco", undisturbed.case, "-o", out)
    assert done.returncode == 0, done.stderr
    validator = Path(sys.executable).with_name("case_validate")
    command = [validator, "--built-version", "case-1.5.0", "--inference", "rdfs", out]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Conforms: True" in checked.stdout, checked.stdout[:2000] + checked.stderr[-2000:]
    graph = json.loads(out.read_bytes())["@graph"]
    hashes = {
        facet["uco-observable:hash"]["uco-types:hashValue"]["@value"]
        for node in graph
        if node["@type"] == "uco-observable:File"
        for facet in node["uco-core:hasFacet"]
        if "uco-observable:hash" in facet
    }
    rows = pl.read_parquet(undisturbed.case / "evidence.parquet")
    assert hashes == set(rows["evidence_id"].drop_nulls())
    assert sum(node["@type"] == "uco-observable:File" for node in graph) == len(rows)
    scores = pl.read_parquet(undisturbed.case / "scores.parquet")
    assert sum(node["@type"] == "uco-core:Relationship" for node in graph) == len(scores) > 0


def test_likelihood_ratio_stands_with_its_interval_and_its_bound(
    undisturbed: Finished, tmp_path: Path
) -> None:
    case = CaseFolder(shutil.copytree(undisturbed.case, tmp_path / "case"))
    scores = pl.read_parquet(case.root / "scores.parquet").head(3)
    weighed = scores.with_columns(
        llr=pl.Series([0.5, -0.75, None]),
        llr_low=pl.Series([0.25, None, None]),  # nothing is known of an interval beyond the bound
        llr_high=pl.Series([0.625, None, None]),
        llr_bound=pl.Series([0.875, 0.75, None]),
    )
    weighed.write_parquet(case.root / "scores.parquet")
    said = [
        line.partition(": ")[2]
        for node in case_uco(case)["@graph"]
        for line in node.get("uco-core:description", ())
        if line.startswith("log10 likelihood ratio")
    ]
    carries = "the calibration data carry at most"
    assert sorted(said) == [
        f"-0.75 (at the bound; {carries} 0.75 on this side of 0)",
        f"0.5 (95 % interval 0.25 to 0.625; {carries} 0.875 on this side of 0)",
        "not reported",
    ]


def test_no_result_stands_without_what_it_must_be_read_with(undisturbed: Finished, tmp_path: Path) -> None:
    """Another tool may show one result alone: propositions, model, numbers and conflict go with it."""
    case = CaseFolder(shutil.copytree(undisturbed.case, tmp_path / "case"))
    why = "The same video is filed under two known drivers"
    evidence = pl.read_parquet(case.root / "evidence.parquet")
    disputed = pl.when(pl.col("path") == "known/bob/d.mp4").then(pl.lit(why)).otherwise(pl.col("conflict"))
    evidence.with_columns(conflict=disputed).write_parquet(case.root / "evidence.parquet")
    record = json.loads(case.record.read_text(encoding="utf-8"))
    record["case"]["propositions"]["different"] = "It was driven by a brother."
    record["model"]["validated_for"] = "untested"
    record["case_file"] = {"lies_in_evidence": True, "sha256": "ab" * 32}
    case.record.write_text(json.dumps(record), encoding="utf-8")
    nodes = case_uco(case)["@graph"]
    results = [n for n in nodes if n.get("uco-core:name", "").startswith("Comparison of")]
    assert len(results) == 4
    for result in results:
        said = result["uco-core:description"]
        assert f"same-driver proposition: {strings()['summary.same_default']}" in said  # the report's
        assert "different-driver proposition: It was driven by a brother." in said
        assert 'model validated for: nothing (the model file says "untested")' in said
        assert any(line.startswith("rank: ") and " of 2; " in line for line in said)
        assert any(line.startswith("clips used: ") and "; known videos: 2 of " in line for line in said)
    (file,) = [n for n in nodes if n.get("uco-core:name") == "d.mp4"]
    assert f"compared with nothing: {why}" in file["uco-core:description"]
    (summary,) = [n for n in nodes if n.get("uco-core:name") == "Run summary"]
    assert any(line.startswith("case file: lay in the evidence") for line in summary["uco-core:description"])


def test_result_is_linked_to_every_copy_of_the_video_it_is_about(
    undisturbed: Finished, tmp_path: Path
) -> None:
    case = CaseFolder(shutil.copytree(undisturbed.case, tmp_path / "case"))
    evidence = pl.read_parquet(case.root / "evidence.parquet")
    copy = evidence.filter(path="q.mp4").with_columns(path=pl.lit("z/copy.mp4"), status=pl.lit("duplicate"))
    pl.concat([evidence, copy]).write_parquet(case.root / "evidence.parquet")
    nodes = {node["@id"]: node for node in case_uco(case)["@graph"]}
    links = [node for node in nodes.values() if node["@type"] == "uco-core:Relationship"]
    linked = {(node["uco-core:source"]["@id"], node["uco-core:target"]["@id"]) for node in links}
    files = {
        node["uco-core:hasFacet"][0]["uco-observable:filePath"]: key
        for key, node in nodes.items()
        if node["@type"] == "uco-observable:File"
    }
    about = [{result for result, file in linked if file == files[path]} for path in ("q.mp4", "z/copy.mp4")]
    assert len(about[0]) == 2
    assert about[0] == about[1]
    assert len(linked) == len(links) == len(pl.read_parquet(case.root / "scores.parquet")) + 2


def test_validator_would_notice_a_wrong_export(undisturbed: Finished, tmp_path: Path) -> None:
    out = tmp_path / "case.jsonld"
    driverprint("case-uco", undisturbed.case, "-o", out)
    out.write_text(out.read_text(encoding="utf-8").replace("xsd:hexBinary", "xsd:integer"), encoding="utf-8")
    validator = Path(sys.executable).with_name("case_validate")
    checked = subprocess.run([validator, out], capture_output=True, text=True, check=False)
    assert "Conforms: False" in checked.stdout


def test_sealed_case_is_not_written_into(undisturbed: Finished) -> None:
    refused = driverprint("case-uco", undisturbed.case, "-o", undisturbed.case / "a.jsonld")
    assert refused.returncode == 2
    assert "outside" in refused.stderr
    assert driverprint("verify", undisturbed.case).returncode == 0
