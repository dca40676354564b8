"""What keeps a case folder whole and private: atomic owner-only files, and SHA256SUMS over all of them.

``SHA256SUMS`` is written as coreutils' ``sha256sum --binary`` writes it, so that anyone can check a
case with ``sha256sum -c SHA256SUMS`` and without this program. A name that holds a backslash, newline or
carriage return is escaped and its line begins with a backslash (GNU coreutils manual, "md5sum
invocation").
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import Final

from pipeline.errors import UserError

SUMS_NAME: Final = "SHA256SUMS"
REPORT: Final = "report.html"
PAGES: Final = "report-videos"  # folder of the report's further pages, where videos are many
UNFINISHED_PREFIX: Final = ".unfinished-"

_LINE: Final = re.compile(rb"(\\?)([0-9a-f]{64}) [ *](.+)", re.DOTALL)
_ESCAPES: Final = {b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r"}
_UNESCAPES: Final = {written: plain for plain, written in _ESCAPES.items()}


def make_private_folder(path: Path) -> None:
    """Create ``path`` (and its parents) for the owner only, or take it over when it is a folder already.

    The case holds biometric data, so of a folder that others may enter their rights are taken away. The
    owner's stay as they are: one who took his own right to write protects what lies in it.

    Raises UserError when it is no folder, belongs to another user or cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)
    except FileExistsError:
        raise UserError(f"{path} is a file, not a folder; give another folder.") from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be made a private folder ({error.strerror}); choose a place you may write to."
        ) from None


@contextlib.contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; on leaving without an exception it becomes ``path`` in one step.

    The file is owner-only (0600) and on the disk (fsync of file and folder) before this returns. After a
    kill the folder holds either the old file or the new one, and perhaps a leftover that
    ``remove_unfinished`` clears. OSError (disk full, read-only) is the caller's to explain.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=UNFINISHED_PREFIX, dir=path.parent)
    except OSError as error:
        error.filename = str(path)
        raise
    os.close(descriptor)
    unfinished = Path(name)
    try:
        yield unfinished
        unfinished.chmod(0o600)
        sync(unfinished, os.O_RDONLY)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        error.filename = str(path)  # the name the user knows; a failed write carries none
        raise
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)


def write_atomically(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step, owner-only, on the disk when this returns."""
    with written_atomically(path) as unfinished:
        unfinished.write_bytes(data)


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed run left half-written anywhere below ``folder``."""
    for name in _files_below(folder):
        if name.rsplit(b"/", 1)[-1].startswith(os.fsencode(UNFINISHED_PREFIX)):
            (folder / os.fsdecode(name)).unlink()


def write_sums(folder: Path, leaving_out: str | None = None) -> None:
    """Write ``SHA256SUMS`` over every regular file below ``folder`` but itself, sorted by name.

    ``leaving_out`` names a folder directly in it that is about to be removed. Links and special files
    have no bytes of their own and are left out; ``check_sums`` reports them.
    Raises OSError when a file cannot be read.
    """
    write_digests(folder, dict(digests_below(folder, leaving_out)))


def write_digests(folder: Path, digests: Mapping[bytes, str]) -> None:
    """Write ``SHA256SUMS`` from what it is to say: name below ``folder`` -> hex SHA-256."""
    lines = [_line(digest, name) for name, digest in sorted(digests.items())]
    write_atomically(folder / SUMS_NAME, b"".join(lines))


def digests_below(folder: Path, leaving_out: str | None = None) -> Iterator[tuple[bytes, str]]:
    """Name and hex SHA-256 of every file ``SHA256SUMS`` would cover. Raises OSError."""
    for name in sorted(_files_below(folder)):
        if not _is_in(name, leaving_out):
            yield name, _sha256(folder, name)


def read_sums(folder: Path) -> dict[bytes, str]:
    """``SHA256SUMS`` as name -> hex SHA-256, less the lines that are not of its form. Raises OSError."""
    lines = (folder / SUMS_NAME).read_bytes().split(b"\n")
    return dict(entry for line in lines if (entry := _parse(line)) is not None)


def check_sums(folder: Path, leaving_out: str | None = None) -> list[str]:
    """Compare the folder with its ``SHA256SUMS``; one sentence for each thing that does not hold.

    ``leaving_out`` names a folder directly in it whose content is not looked at.
    """
    try:
        lines = (folder / SUMS_NAME).read_bytes().split(b"\n")
    except OSError as error:
        return [f"{SUMS_NAME} cannot be read ({error.strerror}); the case was never sealed or was altered."]
    problems: list[str] = []
    sums: dict[bytes, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        entry = _parse(line)
        if entry is None:
            problems.append(f"Line {number} of {SUMS_NAME} is not of the form sha256sum writes.")
        elif entry[0] in sums:
            problems.append(f"{shown(entry[0])} stands twice in {SUMS_NAME}.")
        else:
            sums[entry[0]] = entry[1]
    present = {name for name in _files_below(folder) if not _is_in(name, leaving_out)}
    for name in sorted(sums):
        if name not in present:
            problems.append(f"{shown(name)} is missing.")
            continue
        try:
            if _sha256(folder, name) != sums[name]:
                problems.append(f"{shown(name)} was changed after the case was sealed.")
        except OSError as error:
            problems.append(f"{shown(name)} cannot be read ({error.strerror}).")
    problems += [
        f"{shown(name)} was added after the case was sealed." for name in sorted(present - set(sums))
    ]
    oddities = sorted(name for name in _oddities_below(folder) if not _is_in(name, leaving_out))
    problems += [f"{shown(name)} is a link or special file." for name in oddities]
    return problems


def _is_in(name: bytes, folder: str | None) -> bool:
    return folder is not None and name.startswith(os.fsencode(folder) + b"/")


def _line(digest: str, name: bytes) -> bytes:
    name = b"./-" if name == b"-" else name  # sha256sum takes a lone dash for its standard input
    escaped = re.sub(rb"[\\\n\r]", lambda match: _ESCAPES[match[0]], name)
    return (b"\\" if escaped != name else b"") + digest.encode() + b" *" + escaped + b"\n"


def _parse(line: bytes) -> tuple[bytes, str] | None:
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    name = match[3]
    if match[1]:
        if re.search(rb"\\(?![\\nr])", re.sub(rb"\\\\", b"", name)):
            return None
        name = re.sub(rb"\\[\\nr]", lambda found: _UNESCAPES[found[0]], name)
    return name.removeprefix(b"./"), match[2].decode()


def _entries_below(folder: Path) -> Iterator[tuple[bytes, os.DirEntry[bytes]]]:
    waiting = [b""]
    while waiting:
        below = waiting.pop()
        with os.scandir(os.fsencode(folder / os.fsdecode(below))) as entries:
            for entry in entries:
                name = below + entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(name + b"/")
                else:
                    yield name, entry


def _files_below(folder: Path) -> Iterator[bytes]:
    for name, entry in _entries_below(folder):
        if entry.is_file(follow_symlinks=False) and name != os.fsencode(SUMS_NAME):
            yield name


def _oddities_below(folder: Path) -> Iterator[bytes]:
    for name, entry in _entries_below(folder):
        if not entry.is_file(follow_symlinks=False):
            yield name


def _sha256(folder: Path, name: bytes) -> str:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with FileIO(os.open(folder / os.fsdecode(name), flags)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is not a regular file")
        return hashlib.file_digest(file, "sha256").hexdigest()


def shown(name: bytes) -> str:
    """A file's name fit for a sentence."""
    text = name.decode(errors="backslashreplace")
    return text if text.isprintable() else repr(text)[1:-1]


def sync(path: Path, flags: int) -> None:
    """Bring a file or folder to the disk; ``flags`` to open it with. Raises OSError."""
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
