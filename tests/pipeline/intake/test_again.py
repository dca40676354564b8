"""Members that scratch had no room for are unpacked a second time, byte for byte, when they are needed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pipeline.casefile import CaseFile
from pipeline.intake import again
from pipeline.intake.again import Scratch, unpacked_again
from pipeline.intake.found import Found
from pipeline.intake.walk import find_evidence
from tests.pipeline.intake.test_archives import tarred, zipped


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


def taken_in(evidence: Path, scratch: Path, videos: list[bytes]) -> list[Found]:
    """A zip with a video and a tar of two more, one of them twice; what scratch keeps of it."""
    inner = tarred({"y.mp4": videos[1], "copy.mp4": videos[0], "z.mp4": videos[2]})
    (evidence / "a.zip").write_bytes(zipped({"x.mp4": videos[0], "in.tar": inner}))
    (evidence / "plain.mp4").write_bytes(videos[0])
    room = Scratch(scratch)
    return [room.keep(row) for row in find_evidence(evidence, CaseFile(), scratch)]


def test_member_without_a_copy_gets_one_when_it_is_needed(
    evidence: Path, scratch: Path, videos: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "KEPT", len(videos[0]))
    found = taken_in(evidence, scratch, videos)
    kept = [row for row in found if row.local is not None and row.local.parent == scratch]
    assert [row.path for row in kept] == ["a.zip!/x.mp4"]
    missing = [row for row in found if row.status is None and row.local is None]
    assert {row.path for row in missing} == {"a.zip!/in.tar!/y.mp4", "a.zip!/in.tar!/z.mp4"}
    for row in unpacked_again(missing, found, CaseFile(), scratch):
        assert row.local is not None
        assert hashlib.sha256(row.local.read_bytes()).hexdigest() == row.evidence_id
        assert len([path for path in scratch.iterdir() if path.is_file()]) == 2  # the kept one and this
        row.local.unlink()
        missing = [item for item in missing if item.path != row.path]
    assert missing == []
    assert kept[0].local is not None
    assert kept[0].local.read_bytes() == videos[0]  # unpacked beside it once more, and not disturbed
    assert not any((scratch / "again").iterdir())


def test_member_that_is_gone_is_told_and_not_lost(
    evidence: Path, scratch: Path, videos: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "KEPT", 0)
    found = taken_in(evidence, scratch, videos)
    missing = [row for row in found if row.status is None and row.local is None]
    (evidence / "a.zip").write_bytes(zipped({"x.mp4": videos[1]}))
    rows = list(unpacked_again(missing, found, CaseFile(), scratch))
    assert sorted(row.path for row in rows) == sorted(row.path for row in missing)
    assert not any(row.local is not None and row.local.exists() for row in rows)
