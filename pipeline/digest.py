"""The result digest: one number that says whether two runs found the same.

SHA-256 over the rows of all tables in their sorted order, less the columns that tell time, machine
or path of the run (``volatile`` in the schema). ``driverprint verify`` prints it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

import pyarrow as pa

from pipeline import schemas
from pipeline.tables import in_order


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return value


def table_digest(name: str, table: pa.Table) -> str:
    """Hex SHA-256 over the rows of the table ``name``."""
    return pieces_digest(name, [table])


def pieces_digest(name: str, pieces: Iterable[pa.Table]) -> str:
    """``table_digest`` of a table whose pieces follow each other by ``schemas.SORT_KEYS``."""
    digest = hashlib.sha256()
    hidden = schemas.volatile_columns(schemas.TABLES[name])
    columns = [column for column in schemas.TABLES[name].names if column not in hidden]
    for piece in pieces:
        for batch in in_order(name, piece).select(columns).to_batches(max_chunksize=1024):
            for row in batch.to_pylist():
                # repr() of a float is the shortest text that gives the same bits back: this loses nothing.
                plain = {key: _plain(value) for key, value in row.items()}
                digest.update(json.dumps(plain, sort_keys=True, default=str).encode() + b"\n")
    return digest.hexdigest()


def result_digest(tables: Mapping[str, pa.Table], removed: Mapping[str, str] | None = None) -> str:
    """Hex SHA-256 over all tables of a case; needs every name of ``schemas.TABLES``.

    ``removed`` gives the ``table_digest`` of tables that are no longer there, or were never whole in memory.
    """
    gone = removed or {}
    digest = hashlib.sha256()
    for name in sorted(schemas.TABLES):
        part = gone[name] if name in gone else table_digest(name, tables[name])
        digest.update(name.encode() + b"\0" + bytes.fromhex(part))
    return digest.hexdigest()
