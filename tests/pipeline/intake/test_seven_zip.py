"""7z archives are read in a confined child, member by member; what is wrong with one costs that one."""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import py7zr
import pytest

from pipeline.intake import guarded, limits
from pipeline.intake.found import Found

TakeIn = Callable[[], dict[str, Found]]
COPY = [{"id": py7zr.FILTER_COPY}]


def packed(members: dict[str, bytes], more: dict[str, bytes] | None = None, **options: object) -> bytes:
    """A 7z archive with a plain header; ``more`` goes into a second folder of its own."""
    file = io.BytesIO()
    with py7zr.SevenZipFile(file, "w", **options) as archive:
        archive.set_encoded_header_mode(False)
        for name, data in members.items():
            archive.writestr(data, name)
    if more:
        file.seek(0)
        with py7zr.SevenZipFile(file, "a") as archive:
            archive.set_encoded_header_mode(False)
            for name, data in more.items():
                archive.writestr(data, name)
    return file.getvalue()


def patched(data: bytes, old: bytes, new: bytes) -> bytes:
    """The archive with bytes of its header replaced, its checksums made right again (7zFormat.txt)."""
    assert len(old) == len(new)
    offset, size = struct.unpack_from("<QQ", data, 12)
    header = data[32 + offset : 32 + offset + size]
    assert header.count(old) == 1
    header = header.replace(old, new)
    start = struct.pack("<QQI", offset, size, zlib.crc32(header))
    return data[:8] + struct.pack("<I", zlib.crc32(start)) + start + data[32 : 32 + offset] + header


def renamed(data: bytes, old: str, new: str) -> bytes:
    return patched(data, old.encode("utf-16-le"), new.encode("utf-16-le"))


def outcome(rows: dict[str, Found]) -> dict[str, str | None]:
    return {path: row.reason_code for path, row in rows.items()}


@pytest.mark.parametrize("filters", [None, COPY, [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 24}]])
def test_videos_in_a_7z_are_evidence(
    evidence: Path, take_in: TakeIn, videos: list[bytes], filters: object
) -> None:
    members = {"a/x.mp4": videos[0], "note.txt": b"hello", "empty": b"", "y.mp4": videos[1]}
    (evidence / "a.7z").write_bytes(packed(members, {"z.mp4": videos[2]}, filters=filters))
    rows = take_in()
    assert rows["a.7z"].reason_code == "archive_opened"
    assert rows["a.7z!/note.txt"].status == "skipped"
    assert rows["a.7z!/empty"].reason_code == "empty_file"
    for name, data in (("a/x.mp4", videos[0]), ("y.mp4", videos[1]), ("z.mp4", videos[2])):
        row = rows[f"a.7z!/{name}"]
        assert (row.status, row.evidence_id) == (None, hashlib.sha256(data).hexdigest())
        assert row.local is not None
        assert row.local.read_bytes() == data


def test_7z_inside_a_zip_inside_a_7z_is_opened(evidence: Path, take_in: TakeIn, videos: list[bytes]) -> None:
    middle = io.BytesIO()
    with zipfile.ZipFile(middle, "w") as archive:
        archive.writestr("in.7z", packed({"v.mp4": videos[0]}))
    (evidence / "a.7z").write_bytes(packed({"m.zip": middle.getvalue()}))
    assert take_in()["a.7z!/m.zip!/in.7z!/v.mp4"].status is None


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        ("/etc/passwd", "member_absolute_path"),
        ("../up.mp4  ", "member_parent_path"),
        ("a/../../b.m", "member_parent_path"),
        ("C:/users.mp", "member_absolute_path"),
        ("<b>\n\u202e.mp4", None),
    ],
)
def test_hostile_name_is_refused_or_kept_and_the_rest_read(
    evidence: Path, take_in: TakeIn, videos: list[bytes], stored: str, code: str | None
) -> None:
    data = packed({"x" * len(stored): videos[0], "last.mp4": videos[1]})
    (evidence / "a.7z").write_bytes(renamed(data, "x" * len(stored), stored))
    rows = take_in()
    (other,) = (row for path, row in rows.items() if "!/" in path and not path.endswith("last.mp4"))
    assert other.reason_code == code
    other.path.encode()
    assert rows["a.7z!/last.mp4"].status is None


def test_7z_whose_names_are_no_text_is_told(evidence: Path, take_in: TakeIn, videos: list[bytes]) -> None:
    lone = "\ud800".encode("utf-16-le", "surrogatepass")
    data = patched(packed({"x.mp4": videos[0]}), "x".encode("utf-16-le") + b".\0", lone + b".\0")
    (evidence / "a.7z").write_bytes(data)
    assert take_in()["a.7z!"].reason_code == "archive_damaged"


@pytest.mark.parametrize(
    ("mode", "code"),
    [(stat.S_IFLNK, "member_link"), (stat.S_IFSOCK, "member_special"), (stat.S_IFBLK, "member_special")],
)
def test_link_or_device_in_a_7z_is_refused(
    evidence: Path, take_in: TakeIn, videos: list[bytes], mode: int, code: str
) -> None:
    file = io.BytesIO()
    with py7zr.SevenZipFile(file, "w") as archive:
        archive.set_encoded_header_mode(False)
        archive.writestr(b"/etc/shadow", "soft.mp4")
        archive.writestr(videos[0], "v.mp4")
    plain = file.getvalue()
    attributes = struct.pack("<B", 0x15)  # kWinAttributes, then its size, "all defined", "not external"
    at = plain.rindex(attributes + b"\x0a\x01\x00") + 4
    unix = struct.pack("<I", (mode | 0o777) << 16 | 0x8000)
    begin = plain[at - 4 : at]
    (evidence / "a.7z").write_bytes(patched(plain, begin + plain[at : at + 4], begin + unix))
    rows = take_in()
    assert outcome(rows) == {"a.7z": "archive_opened", "a.7z!/soft.mp4": code, "a.7z!/v.mp4": None}


def test_repeated_name_in_a_7z_is_refused(evidence: Path, take_in: TakeIn, videos: list[bytes]) -> None:
    data = packed({"x.mp4": videos[0], "y.mp4": videos[1]})
    (evidence / "a.7z").write_bytes(renamed(data, "y.mp4", "x.mp4"))
    assert outcome(take_in())["a.7z!/x.mp4\\#2"] == "member_repeated"


def test_encrypted_members_are_refused_with_a_remedy(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    (evidence / "a.7z").write_bytes(packed({"x.mp4": videos[0]}, password="secret"))
    with py7zr.SevenZipFile(evidence / "b.7z", "w", password="secret", header_encryption=True) as archive:
        archive.writestr(videos[0], "x.mp4")
    rows = take_in()
    assert rows["a.7z!/x.mp4"].reason_code == "member_encrypted"
    assert "password" in str(rows["a.7z!/x.mp4"].reason)
    assert (rows["b.7z!"].status, rows["b.7z!"].reason_code) == ("failed", "archive_encrypted")


def test_bomb_is_refused_unopened_and_the_rest_read(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    (evidence / "a.7z").write_bytes(packed({"bomb.mp4": bytes(limits.ALLOWANCE + 1)}, {"x.mp4": videos[0]}))
    rows = take_in()
    assert outcome(rows) == {
        "a.7z": "archive_opened",
        "a.7z!/bomb.mp4": "archive_bomb",
        "a.7z!/x.mp4": None,
    }


def test_7z_that_asks_for_gigabytes_of_memory_is_refused(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    data = packed({"x.mp4": videos[0]}, filters=[{"id": py7zr.FILTER_LZMA2, "preset": 6}])
    coder = b"\x21\x21\x01"  # LZMA2 with one byte of settings: the size of its dictionary
    at = data.rindex(coder) + len(coder)
    (evidence / "a.7z").write_bytes(patched(data, coder + data[at : at + 1], coder + b"\x28"))  # 4 GiB
    (evidence / "b.mp4").write_bytes(videos[1])
    rows = take_in()
    assert rows["a.7z!/x.mp4"].reason_code == "member_damaged"
    assert "memory" in str(rows["a.7z!/x.mp4"].reason)
    assert rows["b.mp4"].status is None


def test_damaged_member_of_a_7z_is_kept_and_said_so(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    data = bytearray(packed({"x.mp4": videos[0], "y.mp4": videos[1]}, filters=COPY))
    data[32 + len(videos[0]) - 5] ^= 0xFF
    (evidence / "a.7z").write_bytes(data)
    rows = take_in()
    assert outcome(rows) == {"a.7z": "archive_opened", "a.7z!/x.mp4": "member_cut", "a.7z!/y.mp4": None}
    assert rows["a.7z!/x.mp4"].status is None
    assert rows["a.7z!/x.mp4"].size == len(videos[0])
    assert "checksum" in str(rows["a.7z!/x.mp4"].reason)


def test_7z_that_was_cut_off_is_told(evidence: Path, take_in: TakeIn, videos: list[bytes]) -> None:
    (evidence / "a.7z").write_bytes(packed({"x.mp4": videos[0]})[:-20])
    (evidence / "b.mp4").write_bytes(videos[1])
    rows = take_in()
    assert (rows["a.7z!"].status, rows["a.7z!"].reason_code) == ("failed", "archive_damaged")
    assert rows["b.mp4"].status is None


@pytest.mark.parametrize(
    ("misdeed", "said"),
    [
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import time; time.sleep(3600)", "stood still"),
        ("print('nonsense' * 100, flush=True)", "ended without an answer"),
    ],
)
def test_reader_that_dies_hangs_or_lies_costs_the_rest_of_its_archive_only(
    evidence: Path,
    take_in: TakeIn,
    videos: list[bytes],
    misdeed: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guarded, "PROGRAM", misdeed)
    monkeypatch.setattr(guarded, "START_SECONDS", 2.0)
    (evidence / "a.7z").write_bytes(packed({"x.mp4": videos[0]}))
    (evidence / "b.mp4").write_bytes(videos[1])
    rows = take_in()
    assert outcome(rows) == {"a.7z": "archive_opened", "a.7z!": "archive_damaged", "b.mp4": None}
    assert said in str(rows["a.7z!"].reason)


def test_7z_that_takes_too_long_costs_its_rest_only(
    evidence: Path, take_in: TakeIn, videos: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reader answers never, and within the time for one answer nobody would know why."""
    hangs = "from pipeline.intake import child; import time; child._next = lambda _: time.sleep(3600)"
    monkeypatch.setattr(guarded, "PROGRAM", guarded.PROGRAM.replace("from ", f"{hangs}; from ", 1))
    monkeypatch.setattr(limits, "SECONDS", 5.0)
    (evidence / "a.7z").write_bytes(packed({"x.mp4": videos[0]}))
    (evidence / "b.mp4").write_bytes(videos[1])
    rows = take_in()
    assert outcome(rows) == {"a.7z": "archive_opened", "a.7z!": "archive_too_slow", "b.mp4": None}
    assert "longer than 5 s" in str(rows["a.7z!"].reason)


def test_child_that_reads_archives_has_no_network_and_starts_no_program(
    evidence: Path, take_in: TakeIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child itself tries both, after it has given up its rights, and writes down what came of it."""
    mark = tmp_path / "mark"
    monkeypatch.setattr(
        guarded,
        "PROGRAM",
        f"""
import os, sys
sys.path.append(sys.argv[1])
mark = os.open({str(mark)!r}, os.O_WRONLY | os.O_CREAT)
from pipeline.intake import child
import socket

def attempts(members, commands, out):
    found = []
    for attempt in (lambda: socket.socket(), lambda: os.execv("/bin/true", ["true"]), os.fork):
        try:
            attempt()
            found.append("done")
        except OSError:
            found.append("refused")
    os.rename({str(mark)!r}, {str(mark)!r} + "-" + "-".join(found))

child._serve = attempts
child.serve()
""",
    )
    (evidence / "a.7z").write_bytes(packed({"x": b"y"}))
    take_in()
    assert [path.name for path in tmp_path.glob("mark*")] == ["mark-refused-refused-refused"]


def test_member_of_a_7z_with_a_name_no_file_can_have_is_refused_and_the_rest_read(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    (evidence / "a.7z").write_bytes(packed({"n" * 60_000 + ".mp4": videos[0], "x.mp4": videos[1]}))
    assert outcome(take_in()) == {
        "a.7z": "archive_opened",
        "a.7z!/" + "n" * 200 + "\\…": "member_name_too_long",
        "a.7z!/x.mp4": None,
    }


def test_members_after_a_name_of_any_length_keep_their_own_names(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    """py7zr reads 65,536 characters of a name and takes what follows for the name of the next member."""
    members = {"n" * 65_536 + "stranger.mp4": videos[0], "x.mp4": videos[1], "y.mp4": videos[2]}
    (evidence / "a.7z").write_bytes(packed(members))
    rows = take_in()
    assert outcome(rows) == {
        "a.7z": "archive_opened",
        "a.7z!/" + "n" * 200 + "\\…": "member_name_too_long",
        "a.7z!/x.mp4": None,
        "a.7z!/y.mp4": None,
    }
    assert rows["a.7z!/x.mp4"].evidence_id == hashlib.sha256(videos[1]).hexdigest()


@pytest.mark.parametrize("attributes", [stat.FILE_ATTRIBUTE_DIRECTORY, stat.S_IFDIR << 16 | 0x8000])
def test_member_that_says_it_is_a_folder_and_holds_a_video_is_evidence(
    evidence: Path, take_in: TakeIn, videos: list[bytes], attributes: int
) -> None:
    plain = packed({"hidden.mp4": videos[0], "v.mp4": videos[1]})
    begin = b"\x15\x0a\x01\x00"  # kWinAttributes, their size, "all defined", "not external"
    at = plain.rindex(begin) + len(begin)
    folder = begin + struct.pack("<I", attributes)
    (evidence / "a.7z").write_bytes(patched(plain, begin + plain[at : at + 4], folder))
    rows = take_in()
    for name, data in (("hidden.mp4", videos[0]), ("v.mp4", videos[1])):
        row = rows[f"a.7z!/{name}"]
        assert (row.status, row.reason_code) == (None, None)
        assert row.evidence_id == hashlib.sha256(data).hexdigest()
