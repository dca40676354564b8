"""Rows for an archive, its members, and those of archives inside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline.intake.found import Found
from pipeline.intake.judge import Judge
from pipeline.intake.limits import MAX_DEPTH, BombError, Budget, outer_budget
from pipeline.intake.members import DamagedError, Member, refused_name, tidy
from pipeline.intake.names import MEMBER, label, raw_name
from pipeline.intake.reading import HEAD_SIZE, Read, open_evidence
from pipeline.intake.sniff import sniff
from pipeline.intake.unpack import UNPACK_ERRORS, members, unpack
from pipeline.intake.zips import package_kind

_UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def archive_rows(archive: Found, judge: Judge, scratch: Path) -> Iterator[Found]:
    """Yield ``archive``, a row for every member, and for those of nested archives.

    What cannot be listed (the archive is damaged from some point on, or passes a limit) is one more row,
    whose path is the archive's with a ``!``. Raises UserError when scratch cannot be written.
    """
    yield from _rows(archive, judge, scratch, outer_budget(archive.size), depth=1)


def _rows(archive: Found, judge: Judge, scratch: Path, budget: Budget, depth: int) -> Iterator[Found]:
    assert archive.local is not None
    kept = archive.local if depth == 1 else None  # a nested archive's copy is gone once it has been read
    try:
        file = open_evidence(archive.local)
    except OSError as error:
        sentence = f"The archive cannot be read ({error.strerror})."
        yield replace(archive, status="failed", reason_code="unreadable", reason=sentence)
        return
    with file:
        kind = sniff(file.read(HEAD_SIZE)).name
        package = package_kind(file) if kind == "zip" else None
        if package is not None:
            sentence = f"{package.capitalize()}, not opened; take out by hand any video embedded in it."
            yield replace(archive, local=kept, reason_code="package", reason=sentence)
            return
        yield replace(archive, local=kept)
        file.seek(0)
        taken: dict[str, int] = {}
        name = raw_name(archive.path.rsplit("/", 1)[-1])
        reader = members(file, kind, name, budget)
        while True:
            try:
                member = next(reader, None)
                if member is None:
                    return
                budget.count()
            except BombError as error:
                yield _rest(archive, judge, "archive_bomb", error)
                return
            except (DamagedError, *UNPACK_ERRORS) as error:
                yield _rest(archive, judge, "archive_damaged", error)
                return
            yield from _member_rows(member, _path(archive, member, taken), judge, scratch, budget, depth)


def _path(archive: Found, member: Member, taken: dict[str, int]) -> str:
    r"""The member's label; ``\#2`` after it marks the second member of one name, which no name can hold."""
    path = archive.path + MEMBER + label(member.name if refused_name(member.name) else tidy(member.name))
    taken[path] = taken.get(path, 0) + 1
    return path if taken[path] == 1 else f"{path}\\#{taken[path]}"


def _member_rows(
    member: Member, path: str, judge: Judge, scratch: Path, budget: Budget, depth: int
) -> Iterator[Found]:
    refusal = refused_name(member.name) or member.refusal
    if refusal is not None:
        yield judge.decided(path, refusal.status, refusal.code, refusal.sentence, size=member.size)
        return
    if "\\#" in path.rpartition(MEMBER)[2]:
        sentence = (
            "The archive holds more than one member of this name; only the first is read, unpack it by hand."
        )
        yield judge.decided(path, "failed", "member_repeated", sentence, size=member.size)
        return
    try:
        unpacked = unpack(member, scratch, budget)
    except BombError as error:
        sentence = f"Unpacking stopped: {error}; unpack it by hand if it is genuine."
        yield judge.decided(path, "failed", "archive_bomb", sentence, size=member.size)
        return
    except UNPACK_ERRORS as error:
        sentence = f"The archive is damaged at this member ({error}); unpack it by hand to save a part."
        yield judge.decided(path, "failed", "member_damaged", sentence, size=member.size)
        return
    read = Read(
        unpacked.head, unpacked.sha256, unpacked.size, member.modified or _UNKNOWN_TIME, changed=False
    )
    try:
        row = replace(judge.file(path, unpacked.local, read), modified=member.modified)
        if row.reason_code == "archive_opened" and depth < MAX_DEPTH:
            yield from _rows(row, judge, scratch, budget.nested(row.size), depth + 1)
        elif row.reason_code == "archive_opened":
            sentence = (
                f"Archives are opened {MAX_DEPTH} deep; unpack this one by hand into the evidence folder."
            )
            yield replace(row, local=None, status="failed", reason_code="archive_too_deep", reason=sentence)
        elif row.status is None:
            yield replace(row, local=unpacked.local.replace(scratch / unpacked.sha256))
        else:
            yield replace(row, local=None)
    finally:
        unpacked.local.unlink(missing_ok=True)  # gone already when it was kept under its new name


def _rest(archive: Found, judge: Judge, code: str, error: Exception) -> Found:
    sentence = (
        f"The rest of the archive could not be read: {error}; unpack it by hand to see what is missing."
    )
    return judge.decided(archive.path + "!", "failed", code, sentence)
