"""The same bytes said to be two things are found, and copies that agree are not."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.intake.conflicts import find_conflicts, stated_of_copies
from pipeline.intake.found import Found

TakeIn = Callable[[], dict[str, Found]]


def put(evidence: Path, name: str, data: bytes) -> None:
    (evidence / name).parent.mkdir(parents=True, exist_ok=True)
    (evidence / name).write_bytes(data)


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("known/alice/a.mp4", "known/bob/b.mp4", "alice and bob"),
        ("known/alice/a.mp4", "b.mp4", "both known and questioned"),
        ("known/alice/x/a.mp4", "known/alice/y/b.mp4", "two targets, x and y"),
        ("known/alice/a.zip", "known/bob/b.zip", "alice and bob"),
    ],
)
def test_conflicting_copies(
    evidence: Path, take_in: TakeIn, videos: list[bytes], one: str, other: str, why: str
) -> None:
    for name in (one, other):
        put(evidence, name, videos[0])
        if name.endswith(".zip"):
            with zipfile.ZipFile(evidence / name, "w") as archive:
                archive.writestr(zipfile.ZipInfo("v.mp4"), videos[0])
    put(evidence, "known/alice/fine.mp4", videos[1])
    rows = take_in()
    (conflict,) = find_conflicts(list(rows.values()))
    assert why in conflict.reason
    member = "!/v.mp4" if one.endswith(".zip") else ""
    assert conflict.paths == (one + member, other + member)[:: 1 if one < other else -1]
    assert conflict.evidence_id == rows[one + member].evidence_id


def test_copies_that_agree_are_no_conflict(evidence: Path, take_in: TakeIn, videos: list[bytes]) -> None:
    for name in ("known/alice/a.mp4", "known/alice/avatar/b.mp4", "known/alice/c.mp4"):
        put(evidence, name, videos[0])
    put(evidence, "letter.txt", b"same text")
    put(evidence, "known/alice/letter.txt", b"same text")
    assert find_conflicts(list(take_in().values())) == []


def test_two_crops_are_a_conflict(evidence: Path, take_in: TakeIn, videos: list[bytes]) -> None:
    put(evidence, "a.mp4", videos[0])
    put(evidence, "b.mp4", videos[0])
    put(evidence, "case.toml", b'[[file]]\npath = "a.mp4"\ncrop = [0, 0, 32, 32]\n')
    (conflict,) = find_conflicts(list(take_in().values()))
    assert "two crops" in conflict.reason


def test_what_is_stated_of_one_copy_holds_for_the_one_that_is_compared(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    """The copy first by path is compared; a claim about another was lost without a word."""
    for name in ("q/one.mp4", "q/two.mp4", "known/alice/a.mp4", "known/alice/carl/b.mp4"):
        put(evidence, name, videos["known" in name])
    put(evidence, "other.mp4", videos[2])
    put(evidence, "case.toml", b'[[file]]\npath = "q/two.mp4"\nclaimed_driver = "alice"\ntarget = "ben"\n')
    found = list(take_in().values())
    assert find_conflicts(found) == []
    rows = {row.path: row for row in stated_of_copies(found)}
    assert (rows["q/one.mp4"].status, rows["q/two.mp4"].status) == (None, "duplicate")
    assert (rows["q/one.mp4"].claimed_driver, rows["q/one.mp4"].target) == ("alice", "ben")
    assert rows["known/alice/a.mp4"].target == "carl"
    assert (rows["other.mp4"].claimed_driver, rows["other.mp4"].target) == (None, None)


def test_statements_that_contradict_one_another_are_not_spread(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    for name in ("known/alice/a.mp4", "known/alice/ben/a.mp4", "known/alice/carl/a.mp4", "z.mp4"):
        put(evidence, name, videos[0])
    put(evidence, "case.toml", b'[[file]]\npath = "z.mp4"\nclaimed_driver = "alice"\n')
    rows = {row.path: row for row in stated_of_copies(list(take_in().values()))}
    assert rows["known/alice/a.mp4"].target is None
    assert [row.path for row in rows.values() if row.claimed_driver] == ["z.mp4"]
