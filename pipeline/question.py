"""What a case was asked: by which model, with which settings, of which evidence. Kept in ``question.json``.

A finished case answers one question. Whoever asks it another, or asks of evidence that has changed, is told
so instead of being shown the old answer.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pipeline.custody import write_atomically
from pipeline.intake.reading import utc
from pipeline.names import MEMBER, first_of, label
from pipeline.tables import read_table

QUESTION_NAME: Final = "question.json"

_WORDS: Final = {
    "version": "version of driverprint",
    "evidence": "evidence folder",
    "model_id": "model",
    "clip_length": "clip length",
    "stride": "stride",
    "case_file": "case file",
}
_DIGESTS: Final = ("model_id", "case_file")
_SHOWN: Final = 12  # characters of a SHA-256 that tell two files apart


def write_question(case: Path, question: Mapping[str, Any]) -> None:
    """Write ``question.json``: keys as in ``_WORDS``. Raises OSError."""
    write_atomically(case / QUESTION_NAME, json.dumps(question, indent=1, sort_keys=True).encode())


def read_question(file: Path) -> dict[str, Any]:
    """What a file holds that ``write_question`` or a run's plan wrote; nothing when it is neither."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two questions, for a sentence; empty when nothing does."""
    plain = json.loads(json.dumps(now))
    told = []
    for key, value in plain.items():
        if key not in before or before[key] != value:
            was = _shown(key, before[key]) if key in before else "not recorded"
            told.append(f"{_WORDS.get(key, key)} {was}, now {_shown(key, value)}")
    return "; ".join(told)


def _shown(key: str, value: object) -> str:
    if value is None:
        return "none"
    return str(value)[:_SHOWN] if key in _DIGESTS else str(value)


def changed_evidence(case: Path, evidence: Path) -> str:
    """What the evidence folder lists otherwise than the case's evidence table, as part of a sentence.

    Empty when nothing. Names, sizes and modification times are compared; no file is read. Raises OSError
    when the folder or the table cannot be read.
    """
    rows = read_table(case, "evidence").select(["path", "evidence_id", "size", "modified"]).to_pylist()
    taken_in = {row["path"]: row for row in rows}
    there = dict(_listed(evidence, b"", case))
    hashed = {path: row for path, row in taken_in.items() if row["evidence_id"] and MEMBER not in path}
    kinds = {
        "new": [path for path in there if path not in taken_in],
        "gone": [path for path in hashed if path not in there],
        "written to": [
            path
            for path, row in hashed.items()
            if path in there and there[path] != (row["size"], row["modified"])
        ],
    }
    return "; ".join(
        f"{len(paths)} {kind}: {first_of(sorted(paths), 1)}" for kind, paths in kinds.items() if paths
    )


def _listed(root: Path, below: bytes, case: Path) -> Iterator[tuple[str, tuple[int, object]]]:
    """Label, size and time of all but folders; links are not followed, the case is left out."""
    try:
        entries = list(os.scandir(os.path.join(os.fsencode(root), below)))  # noqa: PTH118 - names are bytes
    except PermissionError:
        return  # the row of the folder says so
    for entry in entries:
        name = below + entry.name
        state = entry.stat(follow_symlinks=False)
        if not stat.S_ISDIR(state.st_mode):
            yield label(name), (state.st_size, utc(state.st_mtime_ns / 1e9))
        elif not (case.exists() and os.path.samestat(state, case.stat())):
            yield from _listed(root, name + b"/", case)
