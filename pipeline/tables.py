"""Writing and reading the tables of a case: sorted, by schema, same bytes for the same rows."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import schemas
from pipeline.custody import make_private_folder, write_atomically

#: Tables with many rows lie in a folder of their own, so that a large case can hold several parts.
FOLDERS: Final = ("clips", "embeddings", "visuals")


def table_path(case: Path, name: str) -> Path:
    """Where the table ``name`` lies in the case folder."""
    return case / name / "part-0.parquet" if name in FOLDERS else case / f"{name}.parquet"


def write_table(case: Path, name: str, rows: pa.Table) -> None:
    """Write one table, its rows sorted by ``schemas.SORT_KEYS``, by atomic rename."""
    path = table_path(case, name)
    make_private_folder(path.parent)
    ordered = rows.sort_by([(key, "ascending") for key in schemas.SORT_KEYS[name]])
    buffer = io.BytesIO()
    pq.write_table(ordered, buffer, compression="zstd")
    write_atomically(path, buffer.getvalue())


def from_rows(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Typed table from dictionaries; raises pyarrow.ArrowInvalid when a row breaks the schema."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schemas.TABLES[name])


def from_pieces(name: str, pieces: Iterable[pa.Table]) -> pa.Table:
    """One table from many pieces of the same schema; none gives an empty table."""
    return pa.concat_tables([schemas.TABLES[name].empty_table(), *pieces])


def read_table(case: Path, name: str) -> pa.Table:
    """Read one table of a case; raises FileNotFoundError when it is not there."""
    path = table_path(case, name)
    folder = path.parent if name in FOLDERS else path
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing from the case")
    return pq.read_table(folder, schema=schemas.TABLES[name])
