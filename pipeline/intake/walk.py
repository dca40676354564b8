"""Walk the evidence: every regular file and archive member becomes exactly one row."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pipeline.casefile import CaseFile
from pipeline.custody import make_private_folder
from pipeline.errors import UserError
from pipeline.intake.found import Found
from pipeline.intake.judge import Judge
from pipeline.intake.open_archive import archive_rows
from pipeline.intake.reading import NotRegularError, read_through
from pipeline.names import label, printable

_FOLDER, _LINK, _FILE, _SPECIAL = range(4)


TellOf = Callable[[str, int, int, int], None]  # a file's label and what `reading.Tell` is called with


def find_evidence(
    folder: Path, case: CaseFile, scratch: Path, output: Path | None = None, tell: TellOf | None = None
) -> Iterator[Found]:
    """Yield one row for every file, link and special file below ``folder``, and for every archive member.

    Folders are walked in the byte order of their names, hidden ones too; an archive's row comes before its
    members'. ``output`` and ``scratch`` are left out when they lie inside. Members that may be videos are
    copied to ``scratch`` (0700, files 0600) under their SHA-256 as they are reached; the caller may remove
    a copy once it is decoded. Memory grows by a digest and a label for each video only. ``tell`` hears how
    far a large file is read.

    Raises UserError when ``folder`` cannot be listed or ``scratch`` cannot be written.
    """
    try:
        os.scandir(folder).close()
    except NotADirectoryError:
        raise UserError(f"{folder} is a file; give the folder that holds it.") from None
    except OSError as error:
        raise UserError(
            f"The evidence folder {folder} cannot be read ({error.strerror}); check the path and permissions."
        ) from None
    make_private_folder(scratch)
    left_out = {_place(path) for path in (output, scratch) if path is not None and path.exists()}
    return _walk(folder, Judge(case), case.source, scratch, left_out, tell)


def _walk(
    root: Path,
    judge: Judge,
    case_file: Path | None,
    scratch: Path,
    left_out: set[tuple[int, int]],
    tell: TellOf | None,
) -> Iterator[Found]:
    case_place = _place(case_file) if case_file is not None and case_file.exists() else None
    waiting = [(b"", _FOLDER)]
    while waiting:
        name, kind = waiting.pop()
        path = root / os.fsdecode(name)
        if kind == _FOLDER:
            try:
                if _place(path) not in left_out:
                    waiting.extend(reversed(_listing(path, name)))
            except OSError as error:
                sentence = f"The folder cannot be listed ({error.strerror}); check its permissions."
                yield judge.decided(label(name), "failed", "unreadable", sentence)
        elif kind == _LINK:
            yield judge.decided(label(name), "skipped", "link", _link_sentence(path))
        elif kind == _SPECIAL:
            sentence = "A pipe, socket or device, which holds no recording; it was not opened."
            yield judge.decided(label(name), "skipped", "special_file", sentence)
        elif case_place is not None and _place_or_none(path) == case_place:
            row = _file_row(path, name, judge, tell)
            yield judge.decided(row.path, "skipped", "case_file", "The case file itself.", like=row)
        else:
            row = _file_row(path, name, judge, tell)
            if row.reason_code == "archive_opened":
                yield from archive_rows(row, judge, scratch)
            else:
                yield row


def _file_row(path: Path, name: bytes, judge: Judge, tell: TellOf | None) -> Found:
    try:
        read = read_through(path, partial(tell, label(name)) if tell is not None else None)
    except NotRegularError:
        sentence = "It was a file when the folder was listed and is none any more; it was not opened."
        return judge.decided(label(name), "failed", "changed_while_read", sentence)
    except OSError as error:
        sentence = f"The file cannot be read ({error.strerror}); check its permissions and the disk."
        return judge.decided(label(name), "failed", "unreadable", sentence)
    return judge.file(label(name), path, read)


def _listing(path: Path, name: bytes) -> list[tuple[bytes, int]]:
    """Entries of one folder in the byte order of their paths; folders sort as if their name ended in /."""
    with os.scandir(os.fsencode(path)) as entries:
        found = []
        for entry in entries:
            if entry.is_symlink():
                found.append((name + entry.name, _LINK))
            elif entry.is_dir(follow_symlinks=False):
                found.append((name + entry.name + b"/", _FOLDER))
            else:
                found.append((name + entry.name, _FILE if entry.is_file(follow_symlinks=False) else _SPECIAL))
    return sorted(found)


def _link_sentence(path: Path) -> str:
    try:
        target = printable(label(os.fsencode(path.readlink())))
    except OSError:
        target = "an unknown place"
    return f"A link to {target}; links are not followed, copy the file itself into the evidence folder."


def _place(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _place_or_none(path: Path) -> tuple[int, int] | None:
    try:
        return _place(path)
    except OSError:
        return None
