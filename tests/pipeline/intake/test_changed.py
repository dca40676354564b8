"""Evidence that changes while the run goes on is told, whatever becomes of it, and compared with nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.casefile import CaseFile
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeRequest
from pipeline.engine import cut_file
from pipeline.evidence import evidence_rows
from pipeline.intake import walk
from pipeline.intake.again import unpacked_again
from pipeline.intake.changed import find_changed, mark_changed
from pipeline.intake.found import Found
from pipeline.intake.reading import Read, read_through
from tests.pipeline.intake.test_archives import zipped

TakeIn = Callable[[], dict[str, Found]]


def test_members_of_a_changed_archive_are_compared_with_nothing(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    (evidence / "a.zip").write_bytes(zipped({"in.zip": zipped({"x.mp4": videos[0]})}))
    (evidence / "a.zip.mp4").write_bytes(videos[1])
    found = list(take_in().values())
    facts = {}
    with GuardedDecoder() as decoder:
        for item in found:
            if item.status is None and item.local is not None and item.evidence_id is not None:
                video = decoder.decode(item.local, DecodeRequest())
                assert isinstance(video, Decoded)
                facts[item.evidence_id] = cut_file(item.evidence_id, video, 8, 8)[0].facts
    (evidence / "a.zip").write_bytes(zipped({"y.mp4": videos[2]}))
    changed = find_changed(found, evidence, rehash=False)
    assert [change.path for change in changed] == ["a.zip"]
    rows = {row["path"]: row for row in mark_changed(evidence_rows(found, facts, []), changed)}
    assert rows["a.zip"]["reason"].startswith("An archive; its members are listed below it. The file was")
    member = rows["a.zip!/in.zip!/x.mp4"]
    assert (member["status"], member["reason_code"]) == ("processed", None)
    assert "a.zip" in member["conflict"]
    assert "compared with nothing" in member["conflict"]
    assert rows["a.zip.mp4"]["conflict"] is None


def test_archive_replaced_by_something_else_before_it_is_opened_is_told(
    evidence: Path, take_in: TakeIn, videos: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (evidence / "a.zip").write_bytes(zipped({"x.mp4": videos[0]}))
    (evidence / "b.mp4").write_bytes(videos[1])

    def then_replaced(path: Path, _tell: object) -> Read:
        read = read_through(path)
        if path.suffix == ".zip":
            path.write_text("no archive any more")
        return read

    monkeypatch.setattr(walk, "read_through", then_replaced)
    rows = take_in()
    assert {path: (row.status, row.reason_code) for path, row in rows.items()} == {
        "a.zip": ("failed", "changed_while_read"),
        "b.mp4": (None, None),
    }


def test_member_whose_archive_is_none_any_more_is_told_and_not_lost(
    evidence: Path, take_in: TakeIn, videos: list[bytes], tmp_path: Path
) -> None:
    (evidence / "a.zip").write_bytes(zipped({"x.mp4": videos[0]}))
    found = take_in()
    member = replace(found["a.zip!/x.mp4"], local=None)
    (evidence / "a.zip").write_text("no archive any more")
    (row,) = unpacked_again([member], list(found.values()), CaseFile(), tmp_path / "other")
    assert row.path == member.path
    assert row.local is not None
    assert not row.local.exists()
