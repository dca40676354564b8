"""``case.toml``: what the examiner states about a case beyond the folders the files lie in.

    [case]
    number = "2026-0173"
    examiner = "R. Vos"
    title = "Video call of 3 May"

    [propositions]
    same = "The questioned video was driven by A. Jansen."
    different = "The questioned video was driven by someone else."

    [options]
    clip_length = 64        # frames
    stride = 64             # frames

    [[file]]
    path = "phone/call.mp4"             # as the evidence table shows it; `a.zip!/b.mp4` for a member
    claimed_driver = "jansen"           # or identity = "jansen" when the driver is known
    target = "avatar-3"                 # identity whose face is shown
    crop = [120, 0, 512, 512]           # x, y, width, height in pixels

Every table and key may be left out. An entry for an archive holds for all its members.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import tomllib
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from pipeline.errors import UserError
from pipeline.names import MEMBER, printable, raw_name

CASE_NAME: Final = "case.toml"

_MAX_BYTES: Final = 64 * 2**20  # some 100,000 file entries
_MAX_FRAMES: Final = 100_000  # more than an hour at 25 fps: no window is longer
_MAX_PIXELS: Final = 65_535  # no codec has larger frames
_TABLES: Final = {
    "case": ("number", "examiner", "title"),
    "propositions": ("same", "different"),
    "options": ("clip_length", "stride"),
    "file": ("path", "identity", "target", "claimed_driver", "crop"),
}


@dataclass(frozen=True)
class FileEntry:
    """What the examiner states about one file, or about every member of one archive."""

    path: str
    identity: str | None = None
    target: str | None = None
    claimed_driver: str | None = None
    crop: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class CaseFile:
    """A validated case.toml; all defaults when the case has none."""

    number: str | None = None
    examiner: str | None = None
    title: str | None = None
    same: str | None = None
    different: str | None = None
    clip_length: int | None = None
    stride: int | None = None
    files: tuple[FileEntry, ...] = ()
    source: Path | None = None
    sha256: str | None = None


def read_case(folder: Path, file: Path | None = None) -> CaseFile:
    """Read ``file``, or ``case.toml`` in the evidence folder; an empty CaseFile when neither is there.

    Raises UserError, one sentence naming file, key and remedy, for anything that is not as the module's
    docstring shows, and for an entry whose file (or archive) does not lie in the folder. Whether an archive
    holds the member an entry names is only known after intake: ``missing_members``.
    """
    source = file if file is not None else folder / CASE_NAME
    if file is None and not os.path.lexists(source):
        return CaseFile()
    # To open a pipe would wait for whoever writes to it; a link leads to what did not come with the evidence.
    if file is None and (source.is_symlink() or not source.is_file()):
        raise UserError(
            f"The case file {source} is no regular file; take it out of the evidence, or name another with "
            "--case."
        )
    try:
        with source.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UserError(
            f"The case file {source} cannot be read ({error.strerror}); check its path and permissions."
        ) from None
    if len(data) > _MAX_BYTES:
        raise UserError(f"The case file {source} is larger than 64 MiB; name folders of `known/` instead.")
    case = parse_case(data, source)
    for number, entry in enumerate(case.files, start=1):
        if not _is_there(folder, entry.path):
            _refuse(
                source,
                f"path of [[file]] entry {number}",
                f'"{printable(entry.path)}" was not found in {folder}{_nearest_file(folder, entry.path)}; '
                "write it relative to the evidence folder",
            )
    return case


def parse_case(data: bytes, source: Path) -> CaseFile:
    """Validate the bytes of a case file. Raises UserError; touches no file."""
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UserError(f"{source} is not UTF-8 text; save it as UTF-8.") from None
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, and integers too long to read
        raise UserError(f"{source} is not valid TOML ({printable(str(error))}); correct it there.") from None
    _known_keys(source, "the top level", document, _TABLES)
    tables = {name: _table(source, document, name) for name in ("case", "propositions", "options")}
    entries = document.get("file", [])
    if not isinstance(entries, list):
        _refuse(source, "[file]", "is one table; write [[file]], with two brackets, before each entry")
    files = tuple(_entry(source, number, entry) for number, entry in enumerate(entries, start=1))
    _no_repeats(source, files)
    case, propositions, options = tables["case"], tables["propositions"], tables["options"]
    return CaseFile(
        number=_text(source, "[case] number", case.get("number")),
        examiner=_text(source, "[case] examiner", case.get("examiner")),
        title=_text(source, "[case] title", case.get("title")),
        same=_text(source, "[propositions] same", propositions.get("same")),
        different=_text(source, "[propositions] different", propositions.get("different")),
        clip_length=_frames(source, "[options] clip_length", options.get("clip_length"), least=2),
        stride=_frames(source, "[options] stride", options.get("stride"), least=1),
        files=files,
        source=source,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def missing_members(case: CaseFile, labels: Collection[str]) -> list[str]:
    """Paths of the entries that match no row of the finished intake (members their archive does not hold)."""
    return [entry.path for entry in case.files if entry.path not in labels]


def _entry(source: Path, number: int, entry: object) -> FileEntry:
    where = f"[[file]] entry {number}"
    if not isinstance(entry, dict):
        _refuse(source, where, "is not a table; write [[file]] and the keys below it")
    _known_keys(source, where, entry, _TABLES["file"])
    path = _text(source, f"{where} path", entry.get("path"))
    if path is None:
        _refuse(source, where, 'has no path; add path = "…" relative to the evidence folder')
    _check_path(source, f"{where} path", path)
    checked = FileEntry(
        path=path,
        identity=_name(source, f"{where} identity", entry.get("identity")),
        target=_name(source, f"{where} target", entry.get("target")),
        claimed_driver=_name(source, f"{where} claimed_driver", entry.get("claimed_driver")),
        crop=_crop(source, f"{where} crop", entry.get("crop")),
    )
    if checked.identity is not None and checked.claimed_driver is not None:
        _refuse(
            source, where, "has both identity (driver known) and claimed_driver (driver questioned); keep one"
        )
    return checked


def _check_path(source: Path, where: str, path: str) -> None:
    parts = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        _refuse(
            source,
            where,
            f'"{printable(path)}" must be relative to the evidence folder, without "." and ".." in it',
        )
    try:
        raw_name(path.split(MEMBER, 1)[0])
        raw_name(path.replace("\\#", ""))
    except ValueError:
        _refuse(
            source,
            where,
            f'"{printable(path)}" holds a single backslash; write / between folders, and copy escapes from '
            "the evidence table",
        )
    if "\0" in path:
        _refuse(source, where, "holds a NUL character; copy the path from the evidence table")


def _no_repeats(source: Path, files: Iterable[FileEntry]) -> None:
    seen: set[str] = set()
    for entry in files:
        if entry.path in seen:
            _refuse(source, "[[file]]", f'names "{printable(entry.path)}" twice; keep one entry per file')
        seen.add(entry.path)


def _table(source: Path, document: dict[str, Any], name: str) -> dict[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        _refuse(source, name, f"is not a table; write [{name}] and its keys below")
    _known_keys(source, f"[{name}]", table, _TABLES[name])
    return table


def _known_keys(source: Path, where: str, table: dict[str, Any], known: Collection[str]) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key[:100], known, n=1)
            remedy = f"did you mean {near[0]}?" if near else f"allowed are {', '.join(known)}."
            raise UserError(f'{source}: {where} has an unknown key "{printable(key[:100])}"; {remedy}')


def _text(source: Path, where: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        _refuse(source, where, "must be text; put it in quotes")
    if not value.strip():
        _refuse(source, where, "is empty; fill it in or leave the key out")
    return value


def _name(source: Path, where: str, value: object) -> str | None:
    text = _text(source, where, value)
    return None if text is None else unicodedata.normalize("NFC", text.strip())


def _frames(source: Path, where: str, value: object, least: int) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MAX_FRAMES:
        _refuse(source, where, f"must be a whole number of frames from {least} to {_MAX_FRAMES}")
    return value


def _crop(source: Path, where: str, value: object) -> tuple[int, int, int, int] | None:
    if value is None:
        return None
    numbers = value if isinstance(value, list) and len(value) == 4 else [0]
    if not all(type(n) is int and 0 <= n <= _MAX_PIXELS for n in numbers) or 0 in numbers[-2:]:
        _refuse(source, where, "must be [x, y, width, height] in whole pixels, with width and height above 0")
    x, y, width, height = numbers
    return x, y, width, height


def _is_there(folder: Path, path: str) -> bool:
    try:
        return os.path.lexists(folder / os.fsdecode(raw_name(path.split(MEMBER, 1)[0])))
    except ValueError:
        return False


def _nearest_file(folder: Path, path: str) -> str:
    wanted = folder / path.split(MEMBER, 1)[0]
    try:
        names = sorted(entry.name for entry in wanted.parent.iterdir())[:10_000]
    except (OSError, ValueError):
        return ""
    near = difflib.get_close_matches(wanted.name, names, n=1)
    return f" (near it lies {printable(near[0])})" if near else ""


def _refuse(source: Path, where: str, what: str) -> NoReturn:
    raise UserError(f"{source}: {where} {what}.")
