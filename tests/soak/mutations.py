"""Healthy videos beside many damaged ones must give what they give alone."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipeline import schemas
from pipeline.reasons import DECODE_CAVEATS, REASONS
from tests.pipeline.faults.conftest import driverprint, record_of
from tests.soak.corpus import KINDS, Kind, write_healthy, write_mutated

TABLES = ("evidence", "shots", "clips", "embeddings", "visuals")


def rows_of(case: Path, name: str, evidence_ids: set[str]) -> list[dict[str, object]]:
    """Rows of one table that belong to these files, less what tells the time."""
    path = case / name if (case / name).is_dir() else case / f"{name}.parquet"
    table = pl.read_parquet(path).filter(pl.col("evidence_id").is_in(list(evidence_ids)))
    return table.drop(schemas.volatile_columns(schemas.TABLES[name])).to_dicts()


def attack(tmp_path: Path, rounds: int, kinds: tuple[Kind, ...] = KINDS) -> tuple[int, dict[str, int]]:
    """Analyse healthy files alone and beside mutated ones; number of mutated files, and rows by outcome.

    All are known: questioned videos get an occlusion test only where they are few, alone but not beside.
    """
    evidence = tmp_path / "evidence"
    write_healthy(evidence / "known" / "healthy", kinds)
    alone = driverprint("analyze", evidence, "-o", tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    mutated = write_mutated(evidence / "known" / "mutated", rounds, kinds)
    done = driverprint("analyze", evidence, "-o", tmp_path / "beside")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    counts = record_of(tmp_path / "beside")["counts"]
    assert counts["found"] == len(kinds) + mutated
    assert sum(counts[status] for status in schemas.STATUSES) == counts["found"]
    rows = pl.read_parquet(tmp_path / "beside" / "evidence.parquet").to_dicts()
    assert {row["path"] for row in rows} == {
        str(path.relative_to(evidence)) for path in evidence.rglob("*") if path.is_file()
    }
    outcomes: dict[str, int] = {}
    for row in rows:
        assert row["status"] == "processed" or row["reason_code"], row["path"]
        assert row["reason_code"] is None or row["reason_code"] in REASONS, row["path"]
        if row["status"] == "processed" and row["reason_code"]:
            assert row["reason_code"] in DECODE_CAVEATS
        outcome = row["reason_code"] or row["status"]
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    ids = {str(row["evidence_id"]) for row in rows if row["path"].startswith("known/healthy/")}
    assert len(ids) == len(kinds)
    for name in TABLES:
        assert rows_of(tmp_path / "beside", name, ids) == rows_of(tmp_path / "alone", name, ids), name
    assert driverprint("verify", tmp_path / "beside").returncode == 0
    return mutated, outcomes
