"""Decide about one file or member: role and names, duplicate, not a video, or to be decoded."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from pipeline.casefile import CaseFile, FileEntry
from pipeline.intake.boxes import holds_film
from pipeline.intake.disks import IMAGES, SEGMENT, can_read_images
from pipeline.intake.found import Found
from pipeline.intake.reading import Read
from pipeline.intake.sniff import Content, could_be_video, may_hold_film, sniff
from pipeline.intake.unpack import READABLE
from pipeline.names import MEMBER, has_video_suffix, placed, printable

_LARGEST: Final = 2**63 - 1  # bytes a column of sizes can hold


class Judge:
    """Holds what the examiner stated and which videos were seen already."""

    def __init__(self, case: CaseFile) -> None:
        self._entries = {entry.path: entry for entry in case.files}
        self._seen: dict[bytes, str] = {}  # SHA-256 of a video candidate -> label of its first copy

    def decided(
        self, path: str, status: str, code: str, sentence: str, like: Found | None = None, size: int = 0
    ) -> Found:
        """A row that is settled without looking at the bytes, or ``like`` another one but for the reason."""
        size = max(0, min(size, _LARGEST))  # what an archive claims may be any number
        row = like if like is not None else self._named(path, None, None, size, None)
        return replace(row, kind="other", status=status, reason_code=code, reason=sentence, local=None)

    def file(self, path: str, local: Path, read: Read) -> Found:
        """The row of a file whose bytes were read to the end."""
        row = self._named(path, local, read.sha256, read.size, read.modified)
        if read.changed:
            row = replace(row, evidence_id=None)
            sentence = "The file changed while it was read; work on a copy that nothing writes to."
            return self.decided(path, "failed", "changed_while_read", sentence, like=row)
        content = sniff(read.head)
        if may_hold_film(content) and _holds_film(local):
            content = Content("video", "an MP4 or QuickTime file")
        if content.kind == "archive":
            return self._archive(row, content)
        if not could_be_video(row.path, content):
            return self._not_video(row, content)
        return self._video(row)

    def _video(self, row: Found) -> Found:
        row = replace(row, kind="video")
        if row.role == "known" and row.identity is None:
            sentence = (
                "It lies in known/ but in nobody's folder; move it to known/<identity>/ or name its identity."
            )
            return replace(row, status="failed", reason_code="no_identity", reason=sentence)
        assert row.evidence_id is not None
        first = self._seen.setdefault(bytes.fromhex(row.evidence_id), row.path)
        if first != row.path:
            sentence = f"The same bytes as {printable(first)}."
            return replace(row, status="duplicate", reason_code="duplicate", reason=sentence)
        return row

    @staticmethod
    def _archive(row: Found, content: Content) -> Found:
        row = replace(row, kind="archive", status="skipped")
        if content.name in READABLE:
            return replace(
                row, reason_code="archive_opened", reason="An archive; its members are listed below it."
            )
        if content.name == SEGMENT:
            sentence = "A later part of a disk image; what it holds is listed below the first part."
            return replace(row, reason_code="image_segment", reason=sentence)
        if content.name in IMAGES and can_read_images():
            return replace(
                row, reason_code="archive_opened", reason="A disk image; the files in it are listed below it."
            )
        if content.name in IMAGES:
            sentence = (
                f"A {content.name}, and driverprint's extra 'images' is not installed; "
                "install it, or take the files out by hand into the evidence folder."
            )
            return replace(row, reason_code="image_unsupported", reason=sentence)
        sentence = (
            f"A {content.name} archive, which is not read here; unpack it by hand into the evidence folder."
        )
        return replace(row, reason_code="archive_unsupported", reason=sentence)

    def _not_video(self, row: Found, content: Content) -> Found:
        """Skipped; failed when the name promised a video, so that the examiner is told."""
        named_so = has_video_suffix(row.path) and "AppleDouble" not in content.name
        status = "failed" if named_so else "skipped"
        if content.kind == "empty":
            return self.decided(row.path, status, "empty_file", "The file has no bytes.", like=row)
        suffix = PurePosixPath(row.path).suffix
        verdict = "Not recognised as a video" if content.kind == "unknown" else "Not a video"
        sentence = (
            f"Named {printable(suffix)} but contains {content.name}; no video to decode."
            if named_so
            else f"{verdict}: {content.name}."
        )
        return self.decided(row.path, status, "not_video", sentence, like=row)

    def _named(
        self, path: str, local: Path | None, sha256: str | None, size: int, modified: datetime | None
    ) -> Found:
        place, entry = placed(path), self._entry(path)
        role, identity, target = place.role, place.identity, place.target
        if entry.identity is not None:
            role, identity = "known", entry.identity
        elif entry.claimed_driver is not None:
            role, identity = "questioned", None
        return Found(
            path=path,
            local=local,
            evidence_id=sha256,
            size=size,
            modified=modified,
            role=role,
            identity=identity,
            target=entry.target or target,
            claimed_driver=entry.claimed_driver,
            crop=entry.crop,
            kind="other",
        )

    def stated_target(self, path: str) -> str | None:
        """The face shown as case.toml says, whatever the folders are called."""
        return self._entry(path).target

    def _entry(self, path: str) -> FileEntry:
        """What case.toml says about this file, or else about the innermost archive around it."""
        while path not in self._entries and MEMBER in path:
            path = path.rpartition(MEMBER)[0]
        return self._entries.get(path, FileEntry(path))


def _holds_film(local: Path) -> bool:
    """Yes, too, where the file cannot be read a second time: whoever decodes it will say why."""
    try:
        return holds_film(local)
    except OSError:
        return True
