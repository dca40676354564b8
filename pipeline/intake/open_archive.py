"""Rows for an archive, its members, and those of archives inside it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline.intake.disks import EWF, IMAGES
from pipeline.intake.found import Found
from pipeline.intake.judge import Judge
from pipeline.intake.limits import (
    MAX_DEPTH,
    MAX_IMAGE_FILES,
    MAX_NAME,
    BombError,
    Budget,
    Watch,
    outer_budget,
)
from pipeline.intake.members import DamagedError, EncryptedError, Member, clause, refused_name, tidy
from pipeline.intake.reading import HEAD_SIZE, Read, open_evidence
from pipeline.intake.sniff import sniff
from pipeline.intake.unpack import READABLE, UNPACK_ERRORS, members, unpack
from pipeline.intake.zips import package_kind
from pipeline.names import MEMBER, label, raw_name, shortened

_UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def archive_rows(archive: Found, judge: Judge, scratch: Path) -> Generator[Found, None, None]:
    """Yield ``archive``, a row for every member, and for those of nested archives. A disk image is one too.

    What cannot be listed (the archive is damaged from some point on, or passes a limit) is one more row,
    whose path is the archive's with a ``!``. Raises UserError when scratch cannot be written.
    """
    watch = Watch(archive.size)
    with closing(_rows(archive, judge, scratch, watch, depth=1)) as rows:
        for row in rows:
            with watch.stopped():
                yield row


def _rows(
    archive: Found, judge: Judge, scratch: Path, within: Watch | Budget, depth: int
) -> Generator[Found, None, None]:
    """``within``: the watch over an archive on the disk; of a nested one the budget of that around it."""
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
        if kind not in (*READABLE, *IMAGES):  # as it was when it was hashed
            sentence = "The archive was replaced after it was hashed; work on a copy that nothing writes to."
            yield replace(archive, status="failed", reason_code="changed_while_read", reason=sentence)
            return
        if isinstance(within, Budget):
            budget = within.nested(archive.size)
        else:
            budget = outer_budget(archive.size, within, MAX_IMAGE_FILES if kind in IMAGES else None)
        package = package_kind(file) if kind == "zip" else None
        if package is not None:
            shown = package[0].upper() + package[1:]
            sentence = f"{shown}, not opened further: nothing in it could be a video or an archive."
            yield replace(archive, local=kept, reason_code="package", reason=sentence)
            return
        yield replace(archive, local=kept)
        file.seek(0)
        taken: dict[str, int] = {}
        name = raw_name(archive.path.rsplit("/", 1)[-1])
        with closing(members(file, kind, archive.local, name, budget)) as reader:
            while True:
                try:
                    member = next(reader, None)
                    if member is None:
                        return
                    path = _path(archive, member, taken)
                    budget.count(path)
                except (BombError, EncryptedError) as error:
                    yield _rest(archive, judge, error.code, error)
                    return
                except (DamagedError, *UNPACK_ERRORS) as error:
                    yield _rest(archive, judge, "archive_damaged", error)
                    return
                for row in _member_rows(member, path, judge, scratch, budget, depth):
                    # Folders of a file system are not the examiner's, who calls one after the face shown.
                    yield replace(row, target=judge.stated_target(row.path)) if kind in IMAGES else row


def _path(archive: Found, member: Member, taken: dict[str, int]) -> str:
    r"""The member's label; ``\#2`` after it marks the second member of one name, which no name can hold."""
    if len(member.name) > MAX_NAME:
        name = shortened(member.name)
    else:
        name = label(member.name if refused_name(member.name) else tidy(member.name))
    path = archive.path + MEMBER + name
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
        yield judge.decided(path, "failed", error.code, sentence, size=member.size)
        return
    except UNPACK_ERRORS as error:
        sentence = (
            f"The archive is damaged at this member ({clause(error)}); unpack it by hand to save a part."
        )
        yield judge.decided(path, "failed", "member_damaged", sentence, size=member.size)
        return
    read = Read(
        unpacked.head, unpacked.sha256, unpacked.size, member.modified or _UNKNOWN_TIME, changed=False
    )
    local = unpacked.local
    try:
        row = replace(judge.file(path, local, read), modified=member.modified)
        opened = row.reason_code == "archive_opened"
        if opened and sniff(read.head).name == EWF:
            local = local.replace(local.with_suffix(".E01"))  # its reader goes by the name
            row = replace(row, local=local)
        if unpacked.damage is not None:
            row = _damaged(row, unpacked.damage)
        if opened and depth < MAX_DEPTH:
            yield from _rows(row, judge, scratch, budget, depth + 1)
        elif opened:
            sentence = (
                f"Archives are opened {MAX_DEPTH} deep; unpack this one by hand into the evidence folder."
            )
            yield replace(row, local=None, status="failed", reason_code="archive_too_deep", reason=sentence)
        elif row.status is None:
            yield replace(row, local=local.replace(scratch / unpacked.sha256))
        else:
            yield replace(row, local=None)
    finally:
        local.unlink(missing_ok=True)  # gone already when it was kept under its new name


def _damaged(row: Found, why: str) -> Found:
    """A member that could be unpacked in part: a video's beginning is evidence, an archive's is opened."""
    if row.status is None:
        sentence = (
            f"The archive is damaged in this member ({why}); what could be unpacked of it was analysed, "
            "and the SHA-256 is of that part alone."
        )
        return replace(row, reason_code="member_cut", reason=sentence)
    if row.status == "duplicate":
        return row
    rest = "what could be unpacked of it was looked into" if row.kind == "archive" else "the rest is lost"
    sentence = f"The archive is damaged in this member ({why}); {rest}."
    return replace(row, status="failed", reason_code="member_damaged", reason=sentence)


def _rest(archive: Found, judge: Judge, code: str, error: Exception) -> Found:
    why = clause(error)
    sentence = f"The rest of the archive could not be read: {why}; unpack it by hand to see what is missing."
    return judge.decided(archive.path + "!", "failed", code, sentence)
