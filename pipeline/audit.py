"""``audit.jsonl``: what was done to a case and when, one line an event, never rewritten.

Every line carries ``previous``, the SHA-256 of the bytes of the line before it, so that a line cannot be
changed, removed or put in without breaking the chain. Whoever rewrites the whole file can forge a chain;
``SHA256SUMS`` covers the file, and keeping that apart from the case is what binds it. Times come from the
machine's clock, which may be wrong or go backwards; the order of events is the order of the lines.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

AUDIT_NAME: Final = "audit.jsonl"
NOTHING_BEFORE: Final = "0" * 64
TORN: Final = "torn_line_found"
_OPENING: Final = b'{"at": "'
_CLOSING: Final = re.compile(rb'"previous": "[0-9a-f]{64}"\}$')  # how every whole line ends


class Audit:
    """The log of one case, open for one session: a process that works on the case.

    The case must be locked. Entering writes ``session_started``; leaving writes ``session_ended`` or, on
    an exception, ``session_failed``. A session that was killed has neither.
    """

    def __init__(self, case: Path, version: str) -> None:
        self._path = case / AUDIT_NAME
        self._version = version
        self._file = -1
        self._previous = NOTHING_BEFORE
        self._session = 1

    def __enter__(self) -> Self:
        """Continue the chain. Raises OSError when the log cannot be read or written."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(self._path, flags, 0o600)
        text = self._path.read_bytes()
        lines = text.split(b"\n")
        cut = lines.pop()
        if cut:
            self._write(b"\n")  # power or space ended in the middle of a line: it stays, closed and named
            lines.append(cut)
        if lines:
            self._previous = _hash(lines[-1])
        self._session = 1 + sum(_event(line) == "session_started" for line in lines)
        torn = _torn_end(lines) or ([cut] if cut else [])
        if torn:
            before = lines[: -len(torn)]
            self.note(
                TORN, before=_hash(before[-1]) if before else NOTHING_BEFORE, torn=[_hash(x) for x in torn]
            )
        self.note(
            "session_started",
            command=[Path(sys.argv[0]).name, *sys.argv[1:]],
            process=os.getpid(),
            version=self._version,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.note("session_ended")
            else:
                self.note("session_failed", error=kind.__name__, reason=str(error))
        except OSError:
            if kind is None:
                raise  # otherwise the first error is the one to tell
        finally:
            os.close(self._file)

    def note(self, event: str, **facts: object) -> None:
        """Append one event and bring it to the disk. Raises OSError."""
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "session": self._session,
            "event": event,
            **facts,
            "previous": self._previous,
        }
        line = json.dumps(entry, ensure_ascii=True).encode()
        self._write(line + b"\n")
        os.fsync(self._file)
        self._previous = _hash(line)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            error.filename = str(self._path)
            raise


def check_audit(case: Path) -> list[str]:
    """One sentence for each thing that does not hold about the log of a case."""
    try:
        lines = (case / AUDIT_NAME).read_bytes().split(b"\n")
    except OSError as error:
        return [f"{AUDIT_NAME} cannot be read ({error.strerror})"]
    problems = []
    if lines.pop():
        problems.append(f"{AUDIT_NAME} does not end with a whole line")
    if not lines:
        problems.append(f"{AUDIT_NAME} is empty")
    previous = NOTHING_BEFORE
    named = _named_torn(lines)
    for number, line in enumerate(lines, start=1):
        entry = _parse(line)
        if number in named:
            pass  # a line further down says so, and covers it and the line before it
        elif entry is None:
            problems.append(f"line {number} of {AUDIT_NAME} is not an entry of this log")
        elif entry["previous"] != previous:
            problems.append(
                f"the chain of {AUDIT_NAME} breaks at line {number}: a line was changed, removed or put in"
            )
        previous = _hash(line)
    return problems


def _torn_end(lines: list[bytes]) -> list[bytes]:
    """The lines at the end that were torn: one, and the notes about it that were torn in their turn.

    Nothing else: a line that was altered stays unnamed, so that `check_audit` goes on telling of it.
    """
    start = len(lines)
    while start and _parse(lines[start - 1]) is None:
        start -= 1
    first, notes = lines[start : start + 1], lines[start + 1 :]
    return lines[start:] if all(map(_begun, first)) and all(map(_begun_note, notes)) else []


def _begun(line: bytes) -> bool:
    """Whether a line is the beginning of an entry; a power cut may leave zeros in the place of its end."""
    kept = line.rstrip(b"\0")
    return bool(line) and _OPENING[: len(kept)] == kept[: len(_OPENING)] and not _CLOSING.search(kept)


def _begun_note(line: bytes) -> bool:
    """Whether it is the beginning of the note about a torn line, as far as it goes."""
    _, _, event = line.rstrip(b"\0").partition(b'"event": "')
    name = TORN.encode() + b'"'
    return _begun(line) and event[: len(name)] == name[: len(event)]


def _named_torn(lines: list[bytes]) -> set[int]:
    """The numbers, from 1, of the lines that are no entries and that a note below them names as torn."""
    named: set[int] = set()
    run: list[bytes] = []
    for number, line in enumerate(lines, start=1):
        entry = _parse(line)
        if entry is None:
            run.append(line)
            continue
        first = number - len(run)
        before = _hash(lines[first - 2]) if first > 1 else NOTHING_BEFORE
        # Logs of earlier versions name one line and, by the note's own place in the chain, mean the last.
        hashes = entry.get("torn", [entry["previous"]])
        if run and entry["event"] == TORN and entry.get("before") == before and hashes == [*map(_hash, run)]:
            named.update(range(first, number))
        run = []
    return named


def read_audit(case: Path) -> Iterator[dict[str, Any]]:
    """The entries of a case's log in their order; a torn line is left out. Raises OSError."""
    for line in (case / AUDIT_NAME).read_bytes().split(b"\n"):
        entry = _parse(line)
        if entry is not None:
            yield entry


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and {"event", "previous"} <= set(entry) else None


def _event(line: bytes) -> str | None:
    entry = _parse(line)
    return None if entry is None else str(entry["event"])
