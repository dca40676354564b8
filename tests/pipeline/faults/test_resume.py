"""A run that is continued equals an undisturbed one over what the evidence folder holds by then."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipeline.case_folder import CaseFolder
from pipeline.case_start import prepare_case
from pipeline.cli.request import plan_of, read_request
from pipeline.ledger import Ledger
from tests.pipeline.faults.conftest import Finished, assert_holds, driverprint
from tests.pipeline.test_ledger import result

GONE = "f" * 64


def test_file_removed_after_it_was_finished_leaves_no_trace(undisturbed: Finished, tmp_path: Path) -> None:
    """An interrupted run had finished a file that the same command does not find any more."""
    case = CaseFolder(tmp_path / "case")
    request = read_request(undisturbed.evidence, case.root, None, None, None, None, None, None)
    prepare_case(case, plan_of(request), fresh=False)
    Ledger(case.shards).commit(result(GONE, 2))
    done = driverprint("analyze", undisturbed.evidence, "-o", case.root)
    assert done.returncode == 1, done.stderr
    assert "Continuing: 0 of" in done.stderr
    for name in ("clips", "embeddings", "visuals"):
        assert GONE not in set(pl.read_parquet(case.root / name)["evidence_id"])
    assert_holds(case.root, undisturbed.digest)
