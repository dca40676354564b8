"""Members of archives that scratch had no room to keep between taking in and decoding: unpacked again.

Taking in must look at everything before anything is decoded, because what is done with a file depends on
the others. Members would then all lie unpacked at once, and a seized disk is larger than the examiner's. So
only so much is kept; the rest is hashed, removed, and unpacked a second time one by one as it is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from pipeline.casefile import CaseFile
from pipeline.custody import make_private_folder
from pipeline.intake.found import Found
from pipeline.intake.judge import Judge
from pipeline.intake.open_archive import archive_rows
from pipeline.names import MEMBER

KEPT: Final = 8 * 2**30  # bytes of unpacked videos that may lie in scratch when decoding begins


class Scratch:
    """How much unpacked evidence lies in the folder ``root``."""

    def __init__(self, root: Path) -> None:
        self._root, self._room = root, KEPT

    def keep(self, item: Found) -> Found:
        """``item`` as it is while there is room for its copy; else without it, to be unpacked again."""
        if item.local is None or not item.local.is_relative_to(self._root):
            return item
        if item.size <= self._room:
            self._room -= item.size
            return item
        item.local.unlink(missing_ok=True)
        return replace(item, local=None)


def unpacked_again(
    videos: Sequence[Found], found: Sequence[Found], case: CaseFile, scratch: Path
) -> Iterator[Found]:
    """Yield ``videos``, members without a copy, each with one; the caller removes it before long.

    ``found`` is everything taken in. A member that its archive no longer holds is yielded with the place
    where it would lie, so that it is told as unreadable and not lost.
    """
    apart = scratch / "again"  # or a copy of the same bytes that is being decoded would be taken away
    make_private_folder(apart)
    archives = {item.path: item for item in found if item.kind == "archive"}
    wanted = {item.path: item for item in videos}
    for outer in dict.fromkeys(path.partition(MEMBER)[0] for path in wanted):
        mine = {path: item for path, item in wanted.items() if path.partition(MEMBER)[0] == outer}
        with closing(archive_rows(archives[outer], Judge(case), apart)) as rows:
            for row in rows:
                if row.local is None or not row.local.is_relative_to(apart):
                    continue
                item = mine.get(row.path)
                if item is None or item.evidence_id != row.evidence_id:
                    row.local.unlink(missing_ok=True)
                    continue
                yield replace(item, local=row.local.replace(scratch / row.local.name))
                if not (mine := {path: item for path, item in mine.items() if path != row.path}):
                    break
        for item in mine.values():
            yield replace(item, local=scratch / str(item.evidence_id))
