"""Writing and reading the tables of a case: sorted, by schema, same bytes for the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import schemas
from pipeline.custody import make_private_folder, written_atomically

#: Tables with many rows lie in a folder of their own, so that a large case can hold several parts.
FOLDERS: Final = ("clips", "embeddings", "visuals")
#: Rows a group. Pictures, 9 kB each and seven a video, are read one video at a time.
ROW_GROUP: Final = 1 << 16
PICTURES_GROUP: Final = 256


def table_path(case: Path, name: str) -> Path:
    """Where the table ``name`` lies in the case folder."""
    return case / name / "part-0.parquet" if name in FOLDERS else case / f"{name}.parquet"


def write_table(case: Path, name: str, rows: pa.Table) -> None:
    """Write one table, its rows sorted by ``schemas.SORT_KEYS``, by atomic rename."""
    write_pieces(case, name, [rows])


def write_pieces(case: Path, name: str, pieces: Iterable[pa.Table]) -> None:
    """Write one table from pieces that follow each other by ``schemas.SORT_KEYS``, by atomic rename.

    Each piece is sorted here. Memory holds a row group of them, so a table need not fit into it; and
    who looks for the rows of one video reads a row group, not the table.
    """
    path = table_path(case, name)
    size = PICTURES_GROUP if name == "visuals" else ROW_GROUP
    make_private_folder(path.parent)
    with (
        written_atomically(path) as unfinished,
        unfinished.open("wb") as raw,
        pq.ParquetWriter(raw, schemas.TABLES[name], compression="zstd") as file,
    ):
        waiting: list[pa.Table] = []
        count = 0
        for piece in pieces:
            waiting.append(in_order(name, piece))
            count += piece.num_rows
            if count >= size:
                file.write_table(from_pieces(name, waiting), row_group_size=size)
                waiting, count = [], 0
        if waiting:
            file.write_table(from_pieces(name, waiting), row_group_size=size)


def in_order(name: str, rows: pa.Table) -> pa.Table:
    """The table sorted by ``schemas.SORT_KEYS``, and itself where it is; rows alike keep their order."""
    order = pc.sort_indices(rows, [(key, "ascending") for key in schemas.SORT_KEYS[name]])
    return rows if np.array_equal(order, np.arange(rows.num_rows)) else rows.take(order)


def from_rows(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Typed table from dictionaries; raises pyarrow.ArrowInvalid when a row breaks the schema."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schemas.TABLES[name])


def from_pieces(name: str, pieces: Iterable[pa.Table]) -> pa.Table:
    """One table from many pieces of the same schema; none gives an empty table."""
    return pa.concat_tables([schemas.TABLES[name].empty_table(), *pieces]).combine_chunks()


def read_table(case: Path, name: str) -> pa.Table:
    """Read one table of a case; raises FileNotFoundError when it is not there."""
    path = table_path(case, name)
    folder = path.parent if name in FOLDERS else path
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing from the case")
    return pq.read_table(folder, schema=schemas.TABLES[name])
