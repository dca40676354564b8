"""Changing a sealed case: whole or not at all, whenever the process that does it is killed.

What is to replace files of the case is written to a folder in ``.work`` first, the log with the entries of
this session among it, and last the new ``SHA256SUMS``: from that rename on the change is decided. Only
then are the files moved into place, ``SHA256SUMS`` as the last of them. Killed before the decision, a
change is dropped, for the case is as it was; killed after it, the change is finished (``settle``). In
between every file is the one the old or the one the new checksums tell, so that any other is still found.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.audit import AUDIT_NAME
from pipeline.case_folder import WORK, CaseFolder, clear_work, hold
from pipeline.custody import (
    PAGES,
    REPORT,
    SUMS_NAME,
    digests_below,
    make_private_folder,
    read_sums,
    remove_unfinished,
    shown,
    sync,
    write_digests,
)

#: The commands that change a sealed case; the folder in ``.work`` bears their name.
COMMANDS: Final = ("report", "purge")

_PAGE: Final = re.compile(os.fsencode(rf"{re.escape(REPORT)}|{re.escape(PAGES)}/[^/]+\.html"))


@contextmanager
def resealed(case: CaseFolder, command: str) -> Iterator[Path]:
    """Give a folder for the files that are to replace those of the case; on leaving, all of them do.

    The folder holds the log, to be continued there. Pages of the report are replaced together: one that is
    not written again is removed. When the block fails the case is left as it was. The case must be locked,
    settled and verified.
    """
    aside = case.work / command
    clear_work(case)
    try:
        hold(case, aside)
        shutil.copyfile(case.root / AUDIT_NAME, aside / AUDIT_NAME, follow_symlinks=False)
        yield aside
        _decide(case, aside)
    except BaseException:
        if not _decided(aside):
            clear_work(case)
        raise
    _put_in_place(case, aside)


def settle(case: CaseFolder) -> None:
    """Finish or drop what a killed command left of a sealed case. The case must be locked."""
    if not case.is_sealed():
        return
    for command in COMMANDS:
        if _decided(case.work / command):
            _put_in_place(case, case.work / command)
    clear_work(case)


def interrupted(case: CaseFolder) -> str | None:
    """The command whose leftovers lie in the sealed case, if there are any."""
    if not (case.is_sealed() and case.work.exists()):
        return None
    return next((command for command in COMMANDS if (case.work / command).is_dir()), "analyze")


def check_half_done(case: CaseFolder) -> list[str] | None:
    """What does not hold of a case whose change is decided but not finished; None when there is no such."""
    aside = next((case.work / command for command in COMMANDS if _decided(case.work / command)), None)
    if aside is None:
        return None
    old, new = read_sums(case.root), read_sums(aside)
    present = dict(digests_below(case.root, leaving_out=WORK))
    waiting = dict(digests_below(aside))
    problems = [
        f"{shown(name)} was changed or added after the case was sealed."
        for name, digest in sorted(present.items())
        if digest not in (old.get(name), new.get(name))
    ]
    problems += [
        f"{shown(name)} was changed after the case was sealed."
        for name, digest in sorted(waiting.items())
        if digest != new.get(name)
    ]
    problems += [
        f"{shown(name)} is missing." for name in sorted(new.keys() - present.keys() - waiting.keys())
    ]
    return problems


def _decided(aside: Path) -> bool:
    return (aside / SUMS_NAME).is_file()


def _decide(case: CaseFolder, aside: Path) -> None:
    remove_unfinished(aside)
    fresh = dict(digests_below(aside))
    for name in fresh:
        sync(aside / os.fsdecode(name), os.O_RDONLY)
    # What is not replaced keeps the digest it was sealed with: it is not vouched for a second time.
    kept = {name: digest for name, digest in read_sums(case.root).items() if not _PAGE.fullmatch(name)}
    write_digests(aside, {**kept, **fresh})


def _put_in_place(case: CaseFolder, aside: Path) -> None:
    new = read_sums(aside)
    for name, _ in list(digests_below(aside)):
        place = case.root / os.fsdecode(name)
        if place.parent != case.root:
            make_private_folder(place.parent)
        (aside / os.fsdecode(name)).replace(place)
        place.chmod(0o600)
    for page in [case.root / REPORT, *(case.root / PAGES).glob("*.html")]:
        if os.fsencode(page.relative_to(case.root)) not in new:
            page.unlink(missing_ok=True)
    for folder in (entry for entry in case.root.iterdir() if entry.is_dir() and not entry.is_symlink()):
        sync(folder, os.O_RDONLY | os.O_DIRECTORY)
    sync(case.root, os.O_RDONLY | os.O_DIRECTORY)
    (aside / SUMS_NAME).replace(case.root / SUMS_NAME)
    sync(case.root, os.O_RDONLY | os.O_DIRECTORY)
    clear_work(case)
