"""Files in a disk image are evidence like any other, with their path in the image."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.intake import disks
from pipeline.intake.found import Found
from tests.pipeline.intake.images import ewf, file_system, partitioned, qcow
from tests.pipeline.intake.test_archives import zipped

TakeIn = Callable[[], dict[str, Found]]
needs_dfvfs = pytest.mark.skipif(not disks.can_read_images(), reason="the extra `images` is not installed")
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def volume(tmp_path: Path, videos: list[bytes]) -> bytes:
    """A file system: two videos, a zip with a third, a note, a link, names no examiner would give."""
    tree = tmp_path / "tree"
    (tree / "DCIM" / "<b>\n").mkdir(parents=True)
    (tree / "DCIM" / "x.mp4").write_bytes(videos[0])
    (tree / "DCIM" / "<b>\n" / "-\u202ey.mp4").write_bytes(videos[1])
    (tree / "c.zip").write_bytes(zipped({"z.mp4": videos[2]}))
    (tree / "note.txt").write_text("hello")
    (tree / "link.mp4").symlink_to("/etc/passwd")
    return file_system(tree, tmp_path / "volume")


def assert_whole(rows: dict[str, Found], image: str, videos: list[bytes]) -> None:
    found = {path: row for path, row in rows.items() if path.startswith(f"{image}!/")}
    assert set(found) == {
        f"{image}!/{name}"
        for name in ("DCIM/x.mp4", "DCIM/<b>\n/-\u202ey.mp4", "c.zip", "c.zip!/z.mp4", "note.txt", "link.mp4")
    }
    for name, data in (("DCIM/x.mp4", 0), ("DCIM/<b>\n/-\u202ey.mp4", 1), ("c.zip!/z.mp4", 2)):
        row = found[f"{image}!/{name}"]
        assert row.evidence_id == hashlib.sha256(videos[data]).hexdigest()
        assert row.status in (None, "duplicate")
        assert row.modified is not None or "!/z" in name
    assert (found[f"{image}!/link.mp4"].status, found[f"{image}!/link.mp4"].reason_code) == (
        "skipped",
        "member_link",
    )


@needs_dfvfs
def test_files_in_dd_e01_and_qcow_images_are_evidence(
    evidence: Path, take_in: TakeIn, videos: list[bytes], volume: bytes
) -> None:
    (evidence / "a.dd").write_bytes(volume)
    (evidence / "b.qcow2").write_bytes(qcow(volume))
    for number, segment in enumerate(ewf(volume, segments=3)):
        (evidence / f"c.E{number + 1:02}").write_bytes(segment)
    (evidence / "odd name without suffix").write_bytes(volume)
    rows = take_in()
    for image in ("a.dd", "b.qcow2", "c.E01", "odd name without suffix"):
        assert rows[image].reason_code == "archive_opened"
        assert_whole(rows, image, videos)
    assert rows["c.E02"].reason_code == rows["c.E03"].reason_code == "image_segment"


@needs_dfvfs
def test_partitions_are_named_and_one_without_files_is_told(
    evidence: Path, take_in: TakeIn, volume: bytes
) -> None:
    (evidence / "a.dd").write_bytes(partitioned(volume, b"\x17" * 65536))
    rows = take_in()
    assert rows["a.dd!/p1/DCIM/x.mp4"].status is None
    assert (rows["a.dd!/p2"].status, rows["a.dd!/p2"].reason_code) == ("failed", "member_unsupported")


@needs_dfvfs
def test_image_in_an_archive_is_opened(
    evidence: Path, take_in: TakeIn, videos: list[bytes], volume: bytes
) -> None:
    (evidence / "a.zip").write_bytes(zipped({"disk": ewf(volume)[0]}))
    assert_whole(take_in(), "a.zip!/disk", videos)


@needs_dfvfs
def test_folders_of_an_image_name_no_driver_and_no_face(
    evidence: Path, take_in: TakeIn, volume: bytes
) -> None:
    (evidence / "known" / "ann").mkdir(parents=True)
    (evidence / "known" / "ann" / "phone.dd").write_bytes(volume)
    row = take_in()["known/ann/phone.dd!/DCIM/x.mp4"]
    assert (row.role, row.identity, row.target) == ("known", "ann", None)


@needs_dfvfs
def test_damaged_image_costs_what_is_damaged_and_stops_nothing(
    evidence: Path, take_in: TakeIn, videos: list[bytes], volume: bytes
) -> None:
    (evidence / "a.dd").write_bytes(volume[:3000])  # the superblock and little more
    (evidence / "b.qcow2").write_bytes(qcow(volume)[:70000])
    (evidence / "c.E01").write_bytes(ewf(volume, segments=2)[0])  # the second segment is missing
    (evidence / "d.mp4").write_bytes(videos[0])
    rows = take_in()
    for image in ("a.dd", "b.qcow2", "c.E01"):
        assert any(row.status == "failed" for path, row in rows.items() if path.startswith(f"{image}!")), (
            image
        )
    assert rows["d.mp4"].evidence_id == hashlib.sha256(videos[0]).hexdigest()


@needs_dfvfs
def test_reading_an_image_leaves_its_access_time_alone(
    evidence: Path, take_in: TakeIn, volume: bytes
) -> None:
    for name, data in (("a.dd", volume), ("b.qcow2", qcow(volume)), ("c.E01", ewf(volume)[0])):
        (evidence / name).write_bytes(data)
        os.utime(evidence / name, (1_000_000_000, 1_700_000_000))
    take_in()
    assert {path.stat().st_atime for path in evidence.iterdir()} == {1_000_000_000}


def test_image_without_the_extra_names_the_remedy(
    evidence: Path, take_in: TakeIn, volume: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.intake.judge.can_read_images", lambda: False)
    (evidence / "a.dd").write_bytes(volume)
    row = take_in()["a.dd"]
    assert (row.status, row.reason_code, row.kind) == ("skipped", "image_unsupported", "archive")
    assert "images" in str(row.reason)


@pytest.mark.parametrize("begin", [b"", b"\xeb\x3c\x90MSDOS5.0", b"\x33\xc0\x8e\xd0"])
def test_noise_is_taken_for_no_disk(begin: bytes) -> None:
    noise = hashlib.shake_256(begin).digest(65536)
    assert disks.disk_image(begin + noise[len(begin) :]) is None
