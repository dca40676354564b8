"""A case as other forensic tools read it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl

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
