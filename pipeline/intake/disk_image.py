"""Files inside a disk image, through dfVFS. Runs in the child of `pipeline.intake.child`.

E01 (all segments beside the first), raw (dd; split ones too) and qcow images, with whatever partition
tables, volume managers and file systems dfVFS knows. A file's name is its path in the file system, after
its partition's where there are several: ``p1/DCIM/clip.mp4``. Deleted files are not recovered, and volume
snapshots are not searched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyewf
import pysmraw
from dfvfs.file_io import ewf_file_io, os_file_io, raw_file_io
from dfvfs.helpers.source_scanner import SourceScanner, SourceScannerContext
from dfvfs.lib import definitions
from dfvfs.lib.errors import Error as DfvfsError
from dfvfs.resolver.resolver import Resolver
from dfvfs.resolver_helpers import ewf_resolver_helper, os_resolver_helper, raw_resolver_helper
from dfvfs.resolver_helpers.manager import ResolverHelperManager

from pipeline.intake.members import DamagedError, Member, Refusal
from pipeline.intake.reading import open_evidence, utc

MAX_DEPTH: Final = 128  # folders in folders; a file system that goes deeper goes in circles
# What NTFS keeps about itself; not files anybody put there.
_BOOKKEEPING: Final = frozenset(
    b"$" + name.encode()
    for name in (
        "MFT MFTMirr LogFile Volume AttrDef Bitmap Boot BadClus Secure UpCase Extend".split()  # noqa: SIM905
    )
)
_LINK: Final = Refusal("member_link", "A link in the image, which is not followed.", "skipped")
_SPECIAL: Final = Refusal("member_special", "A pipe, socket or device, which holds no recording.", "skipped")
_LOCKED: Final = Refusal(
    "member_encrypted", "This volume is encrypted; decrypt it by hand into the evidence folder."
)
_NO_FILES: Final = Refusal(
    "member_unsupported", "This volume holds no file system that is read here; search it by hand."
)


def image_members(path: Path) -> Iterator[Member]:
    """Yield the files of every file system in the image. Raises DamagedError, and whatever dfVFS raises.

    Segments are looked for beside ``path``; all are opened for reading only.
    """
    _read_only()
    context = SourceScannerContext()
    context.OpenSourcePath(str(path))
    scanned = _scanned(context)
    found = False
    for prefix, node, refusal in scanned:
        found = True
        if refusal is not None:
            yield Member(prefix or b"volume", 0, None, refusal=refusal)
            continue
        root = Resolver.OpenFileEntry(node.path_spec)
        if root is None:
            raise DamagedError("its file system has no root folder")
        yield from _files(root, prefix)
    if not found:
        raise DamagedError("no file system that is read here was found in it")


def _scanned(context: Any) -> list[tuple[bytes, Any, Refusal | None]]:
    try:
        SourceScanner().Scan(context)
    except (DfvfsError, OSError) as error:
        raise DamagedError(f"its volumes cannot be found ({error})") from None
    return list(_volumes(context, context.GetRootScanNode(), b""))


def _volumes(context: Any, node: Any, prefix: bytes) -> Iterator[tuple[bytes, Any, Refusal | None]]:
    """File systems below a node of dfVFS's scan, with the names of the partitions around them."""
    if context.IsLockedScanNode(node.path_spec):
        yield prefix, node, _LOCKED
        return
    if node.IsFileSystem():
        yield prefix, node, None
        return
    location = getattr(node.path_spec, "location", None) or ""
    if node.IsVolumeSystem() and location.strip("/"):
        prefix = b"/".join(part for part in (prefix, location.strip("/").encode()) if part)
        if not node.sub_nodes:
            yield prefix, node, _NO_FILES
    for below in node.sub_nodes:
        if below.type_indicator == definitions.TYPE_INDICATOR_VSHADOW:
            continue
        if below.IsVolumeSystem() and getattr(below.path_spec, "location", None) is None:
            continue  # space between partitions
        yield from _volumes(context, below, prefix)


def _files(root: Any, prefix: bytes) -> Iterator[Member]:
    waiting = [(iter(root.sub_file_entries), prefix)]
    while waiting:
        entries, folder = waiting[-1]
        try:
            entry = next(entries, None)
        except Exception as error:
            waiting.pop()
            yield _unlisted(folder, str(error))
            continue
        if entry is None:
            waiting.pop()
            continue
        name = entry.name.encode("utf-8", "surrogatepass")
        if not folder.strip(b"/") and name in _BOOKKEEPING | {b"."}:
            continue
        path = folder + b"/" + name if folder else name
        if entry.IsLink():
            yield Member(path, 0, None, refusal=_LINK)
        elif entry.IsDirectory():
            if len(waiting) >= MAX_DEPTH:
                yield _unlisted(path, "folders lie in one another without end")
            else:
                waiting.append((iter(entry.sub_file_entries), path))
        elif entry.IsFile():
            yield from _streams(entry, path)
        else:
            yield Member(path, 0, None, refusal=_SPECIAL)


def _unlisted(folder: bytes, why: str) -> Member:
    sentence = f"This folder of the image cannot be listed ({why[:200]}); look into it by hand."
    return Member(folder or b"volume", 0, None, refusal=Refusal("member_damaged", sentence))


def _streams(entry: Any, path: bytes) -> Iterator[Member]:
    """A file's content; NTFS and HFS files may have more beside it, in which a video can be hidden."""
    try:
        names = [stream.name for stream in entry.data_streams] or [""]
        for name in names:
            shown = path + b":" + name.encode("utf-8", "surrogatepass") if name else path
            content = entry.GetFileObject(data_stream_name=name)
            if content is not None:
                yield Member(shown, content.get_size(), _modified(entry), content)
    except (DfvfsError, OSError) as error:
        sentence = f"The image is damaged at this file ({error}); save what can be saved by hand."
        yield Member(path, entry.size or 0, None, refusal=Refusal("member_damaged", sentence))


def _modified(entry: Any) -> datetime | None:
    """UTC; None where the file system writes local time of an unknown place."""
    when = entry.modification_time
    if when is None or getattr(when, "is_local_time", False):
        return None
    seconds = when.CopyToPosixTimestamp()
    return None if seconds is None else utc(float(seconds))


def _read_only() -> None:
    """Have dfVFS open evidence as intake does: read-only, no links followed, access times left alone."""
    for theirs, ours in (
        (os_resolver_helper.OSResolverHelper, _OsHelper),
        (ewf_resolver_helper.EWFResolverHelper, _EwfHelper),
        (raw_resolver_helper.RawResolverHelper, _RawHelper),
    ):
        ResolverHelperManager.DeregisterHelper(theirs())
        ResolverHelperManager.RegisterHelper(ours())


class _OsFile(os_file_io.OSFile):  # type: ignore[misc]
    def _Open(self) -> None:  # noqa: N802
        self._file_object = open_evidence(Path(self._path_spec.location))
        self._size = os.fstat(self._file_object.fileno()).st_size


class _EwfFile(ewf_file_io.EWFFile):  # type: ignore[misc]
    def _OpenFileObject(self, path_spec: Any) -> Any:  # noqa: N802
        return _opened(pyewf.handle(), pyewf.glob, path_spec.parent.location)


class _RawFile(raw_file_io.RawFile):  # type: ignore[misc]
    def _OpenFileObject(self, path_spec: Any) -> Any:  # noqa: N802
        return _opened(pysmraw.handle(), pysmraw.glob, path_spec.parent.location)


def _opened(handle: Any, glob: Any, location: str) -> Any:
    try:
        segments = glob(location)
    except (OSError, ValueError):  # not named as segments are
        segments = [location]
    handle.open_file_objects([open_evidence(Path(segment)) for segment in segments])
    return handle


class _OsHelper(os_resolver_helper.OSResolverHelper):  # type: ignore[misc]
    def NewFileObject(self, resolver_context: Any, path_spec: Any) -> Any:  # noqa: N802
        return _OsFile(resolver_context, path_spec)


class _EwfHelper(ewf_resolver_helper.EWFResolverHelper):  # type: ignore[misc]
    def NewFileObject(self, resolver_context: Any, path_spec: Any) -> Any:  # noqa: N802
        return _EwfFile(resolver_context, path_spec)


class _RawHelper(raw_resolver_helper.RawResolverHelper):  # type: ignore[misc]
    def NewFileObject(self, resolver_context: Any, path_spec: Any) -> Any:  # noqa: N802
        return _RawFile(resolver_context, path_spec)
