"""The result digest: one number that says whether two runs found the same.

SHA-256 over the rows of all tables in their sorted order, less the columns that tell time, machine
or path of the run (``volatile`` in the schema). ``driverprint verify`` prints it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import pyarrow as pa

from pipeline import schemas


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return value


def _hash_table(name: str, table: pa.Table) -> bytes:
    digest = hashlib.sha256()
    ordered = table.sort_by([(key, "ascending") for key in schemas.SORT_KEYS[name]])
    columns = [
        column
        for column in ordered.column_names
        if column not in schemas.volatile_columns(schemas.TABLES[name])
    ]
    for batch in ordered.select(columns).to_batches(max_chunksize=1024):
        for row in batch.to_pylist():
            # repr() of a float is the shortest text that gives the same bits back, so this loses nothing.
            line = json.dumps({key: _plain(value) for key, value in row.items()}, sort_keys=True, default=str)
            digest.update(line.encode() + b"\n")
    return digest.digest()


def table_digest(name: str, table: pa.Table) -> str:
    """Hex SHA-256 over the rows of the table ``name``."""
    return _hash_table(name, table).hex()


def result_digest(tables: Mapping[str, pa.Table], removed: Mapping[str, str] | None = None) -> str:
    """Hex SHA-256 over all tables of a case; needs every name of ``schemas.TABLES``.

    ``removed`` gives the ``table_digest`` of tables that are no longer there.
    """
    gone = removed or {}
    digest = hashlib.sha256()
    for name in sorted(schemas.TABLES):
        part = bytes.fromhex(gone[name]) if name in gone else _hash_table(name, tables[name])
        digest.update(name.encode() + b"\0" + part)
    return digest.hexdigest()
