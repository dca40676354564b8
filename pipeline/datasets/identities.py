"""Text files that list identities under headings: NVFAIR's split and source files.

One identity a line below a heading, or several after its colon. The released
``subject_sources.txt`` carries a stray apostrophe (``1085'``), which is dropped and said so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.datasets.label import DatasetProblem
from pipeline.errors import UserError

_SPLIT_HEADING: Final = re.compile(r"\b(train|val|validation|test)(?:ing)?\s+set\b", re.IGNORECASE)
_IDENTITY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SET: Final = re.compile(r"set\b", re.IGNORECASE)  # "… train set:", "RAVDESS dataset", "NVIDIA-VC-subset"
_QUOTES: Final = "'\"`‘’“”"


@dataclass(frozen=True)
class Listed:
    """An identity, the heading above it (None before the first) and its line."""

    identity: str
    heading: str | None
    line: int


def read_splits(path: Path) -> tuple[dict[str, str], list[DatasetProblem]]:
    """Identity -> train, validation or test, from ``train_val_test_splits.txt``.

    Raises UserError when the file cannot be read or lists no identity under a heading.
    """
    problems: list[DatasetProblem] = []
    splits: dict[str, str] = {}
    for entry in _entries(path, problems):
        if entry.heading is None:
            problems.append(
                DatasetProblem(path.name, entry.line, f"{entry.identity} stands above the first heading.")
            )
            continue
        found = _SPLIT_HEADING.search(entry.heading)
        if found is None:
            problems.append(
                DatasetProblem(path.name, entry.line, f"the heading {entry.heading!r} names no split.")
            )
            continue
        split = {"val": "validation"}.get(found[1].lower(), found[1].lower())
        before = splits.setdefault(entry.identity, split)
        if before != split:
            problems.append(
                DatasetProblem(
                    path.name,
                    entry.line,
                    f"{entry.identity} is listed for {split} and for {before}; {before} holds.",
                )
            )
    if not splits:
        raise UserError(
            f"{path} lists no identity under a heading such as 'identities in train set:': "
            "restore it from the release."
        )
    return splits, problems


def split_headings(path: Path) -> dict[str, int]:
    """Split -> line of the first heading that names it, whether or not an identity stands below."""
    lines: dict[str, int] = {}
    for number, line in enumerate(path.read_text("utf-8-sig", errors="replace").splitlines(), start=1):
        found = _SPLIT_HEADING.search(line)
        if found:
            lines.setdefault({"val": "validation"}.get(found[1].lower(), found[1].lower()), number)
    return lines


def read_sources(path: Path) -> tuple[dict[str, str], list[DatasetProblem]]:
    """Identity -> source corpus, from ``subject_sources.txt``; the source is the heading's first word."""
    problems: list[DatasetProblem] = []
    sources = {}
    for entry in _entries(path, problems):
        if entry.heading is None:
            problems.append(
                DatasetProblem(path.name, entry.line, f"{entry.identity} stands above the first heading.")
            )
        elif not entry.heading:
            problems.append(DatasetProblem(path.name, entry.line, "the heading '' names no source."))
        else:
            sources[entry.identity] = entry.heading.split()[0].rstrip(":")
    return sources, problems


def _entries(path: Path, problems: list[DatasetProblem]) -> Iterator[Listed]:
    try:
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check its permissions.") from None
    heading: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        words = line
        if ":" in line or _SET.search(line):
            heading, _, words = line.strip().partition(":")
        for word in re.split(r"[\s,;]+", words.strip("[]() \t")):
            bare = word.strip(_QUOTES)
            if not bare:
                continue
            if not _IDENTITY.fullmatch(bare):
                problems.append(DatasetProblem(path.name, number, f"{word!r} is not an identity; left out."))
                continue
            if len(word) - len(bare) == 1:
                problems.append(
                    DatasetProblem(path.name, number, f"{word!r} has a stray quotation mark; read as {bare}.")
                )
            yield Listed(bare, heading, number)
