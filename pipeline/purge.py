"""Removing the biometric data of a finished case, so that what remains can still be checked.

Embeddings identify people by their motion, thumbnails show them, motion maps show where they move. A purge
empties those tables and takes the pictures out of the report. ``purged.json`` keeps the digest of each table
removed, so the result digest the case was sealed with can still be computed from what is left. Files are
deleted as any file is: copies, backups and the disk's free blocks are not in this program's reach.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pipeline import schemas
from pipeline.custody import PAGES, REPORT, make_private_folder, write_atomically
from pipeline.digest import table_digest
from pipeline.tables import read_table, write_table

PURGE_NAME: Final = "purged.json"
BIOMETRIC: Final = ("embeddings", "visuals")
# What a picture is replaced by: a GIF of one transparent pixel.
BLANK: Final = b"data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

_PICTURE: Final = re.compile(rb"data:image/(?!gif)[a-z+]+;base64,[A-Za-z0-9+/=]+")


def purge_biometrics(case: Path, out: Path, version: str) -> int:
    """Write to ``out`` the record of a purge, the biometric tables emptied and the report without pictures.

    Returns how many pictures that were. The caller verifies the case before, and puts these files in the
    place of the case's own (``pipeline.reseal``). Raises OSError.
    """
    tables = {name: read_table(case, name) for name in BIOMETRIC}
    record = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version,
        "removed": {name: table_digest(name, table) for name, table in tables.items()},
        "rows": {name: table.num_rows for name, table in tables.items()},
    }
    write_atomically(out / PURGE_NAME, json.dumps(record, indent=1).encode())
    for name in BIOMETRIC:
        write_table(out, name, schemas.TABLES[name].empty_table())
    blanked = 0
    for page in [case / REPORT, *sorted((case / PAGES).glob("*.html"))]:
        text, count = _PICTURE.subn(BLANK, page.read_bytes())
        place = out / page.relative_to(case)
        make_private_folder(place.parent)
        write_atomically(place, text)
        blanked += count
    return blanked


def is_purged(case: Path) -> bool:
    """Whether the case was purged."""
    return (case / PURGE_NAME).is_file()


def read_purge(case: Path) -> Mapping[str, str]:
    """Table name -> digest of its rows before the purge; empty for a case that was never purged.

    Raises ValueError when the record is not one that a purge writes.
    """
    if not is_purged(case):
        return {}
    problem = f"{PURGE_NAME} is not a purge record"
    try:
        record: dict[str, Any] = json.loads((case / PURGE_NAME).read_text("utf-8"))
        removed = record["removed"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{problem} ({error})") from None
    whole = isinstance(removed, dict) and set(removed) == set(BIOMETRIC)
    if not whole or not all(re.fullmatch(r"[0-9a-f]{64}", str(digest)) for digest in removed.values()):
        raise ValueError(problem)
    return {str(name): str(digest) for name, digest in removed.items()}
