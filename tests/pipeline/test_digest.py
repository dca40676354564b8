"""The result digest changes with any result and with nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from pipeline import schemas
from pipeline.digest import result_digest
from pipeline.tables import from_rows


def tables(**changes: object) -> dict[str, pa.Table]:
    empty = {name: schema.empty_table() for name, schema in schemas.TABLES.items()}
    base: dict[str, object] = {field.name: None for field in schemas.EVIDENCE}
    base |= {
        "evidence_id": "e",
        "size": 3,
        "role": "known",
        "n_clips": 0,
        "n_usable": 0,
        "status": "processed",
    }
    rows = [base | {"path": path} | changes for path in ("a", "b")]
    return empty | {"evidence": from_rows("evidence", rows)}


def test_row_order_and_file_times_do_not_count() -> None:
    reversed_rows = tables()
    reversed_rows["evidence"] = reversed_rows["evidence"].take([1, 0])
    assert result_digest(reversed_rows) == result_digest(tables())
    assert result_digest(tables(modified=datetime(2020, 1, 1, tzinfo=UTC))) == result_digest(tables())


@pytest.mark.parametrize("change", [{"size": 4}, {"fps": 25.0}, {"status": "failed"}, {"identity": "x"}])
def test_any_result_counts(change: dict[str, object]) -> None:
    assert result_digest(tables(**change)) != result_digest(tables())


def test_neighbouring_floats_differ() -> None:
    assert result_digest(tables(fps=25.0)) != result_digest(tables(fps=25.000000000000004))
