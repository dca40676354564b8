"""Archives are read member by member; what is wrong with one member costs that member only."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import subprocess
import sys
import tarfile
import time
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.casefile import CaseFile
from pipeline.decode.guard import ROOT
from pipeline.errors import UserError
from pipeline.intake import limits
from pipeline.intake.found import Found
from pipeline.intake.walk import find_evidence
from pipeline.reasons import REASONS

TakeIn = Callable[[], dict[str, Found]]
COMPRESS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd.compress}


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in members.items():
            add(archive, name, data)
    return packed.getvalue()


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.mtime, info.linkname = len(data), kind, 1_700_000_000, "elsewhere"
    archive.addfile(info, io.BytesIO(data))


def outcome(rows: dict[str, Found]) -> dict[str, str | None]:
    return {path: row.reason_code for path, row in rows.items()}


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_videos_in_a_zip_are_evidence(
    evidence: Path, take_in: TakeIn, videos: list[bytes], method: int
) -> None:
    (evidence / "a.zip").write_bytes(
        zipped({"x.mp4": videos[0], "sub/y.mp4": videos[1], "sub/": b""}, method)
    )
    rows = take_in()
    assert outcome(rows) == {"a.zip": "archive_opened", "a.zip!/x.mp4": None, "a.zip!/sub/y.mp4": None}
    for path, data in (("a.zip!/x.mp4", videos[0]), ("a.zip!/sub/y.mp4", videos[1])):
        row = rows[path]
        assert row.evidence_id == hashlib.sha256(data).hexdigest()
        assert row.size == len(data)
        assert row.local is not None
        assert row.local.read_bytes() == data


@pytest.mark.parametrize("suffix", ["", *COMPRESS])
def test_videos_in_a_tar_are_evidence(
    evidence: Path, take_in: TakeIn, videos: list[bytes], suffix: str
) -> None:
    plain = tarred({"./x.mp4": videos[0], "sub/y.mp4": videos[1]})
    (evidence / "a").write_bytes(COMPRESS[suffix](plain) if suffix else plain)
    rows = take_in()
    assert outcome(rows) == {"a": "archive_opened", "a!/x.mp4": None, "a!/sub/y.mp4": None}
    row = rows["a!/sub/y.mp4"]
    assert row.local is not None
    assert row.local.read_bytes() == videos[1]
    assert row.modified is not None
    assert row.modified.timestamp() == 1_700_000_000


@pytest.mark.parametrize("suffix", list(COMPRESS))
def test_single_compressed_video_of_several_streams(
    evidence: Path, take_in: TakeIn, videos: list[bytes], suffix: str
) -> None:
    pack = COMPRESS[suffix]
    (evidence / f"x.mp4.{suffix}").write_bytes(pack(videos[0][:1000]) + pack(videos[0][1000:]))
    rows = take_in()
    assert rows[f"x.mp4.{suffix}!/x.mp4"].evidence_id == hashlib.sha256(videos[0]).hexdigest()


def test_nested_archives_are_opened_to_the_limit(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    data = zipped({"v.mp4": videos[0]})
    for depth in range(limits.MAX_DEPTH):
        data = tarred({"in.zip": data}) if depth % 2 else zipped({"in.tar": data, f"{depth}.mp4": videos[1]})
    (evidence / "outer").write_bytes(data)
    rows = take_in()
    deepest = max(rows, key=len)
    assert deepest.count("!/") == limits.MAX_DEPTH
    assert (rows[deepest].status, rows[deepest].reason_code) == ("failed", "archive_too_deep")
    (evidence / "outer").write_bytes(zipped({"a.tar": tarred({"b.zip": zipped({"v.mp4": videos[0]})})}))
    assert take_in()["outer!/a.tar!/b.zip!/v.mp4"].status is None


def test_scratch_holds_nothing_but_the_videos(
    evidence: Path, take_in: TakeIn, tmp_path: Path, videos: list[bytes]
) -> None:
    inner = tarred({"v.mp4": videos[0], "t.txt": b"text", "copy.mp4": videos[0]})
    (evidence / "a.zip").write_bytes(zipped({"in.tar": inner, "letter.txt": b"text", "empty.mp4": b""}))
    rows = take_in()
    kept = [row.local for row in rows.values() if row.local is not None and row.path != "a.zip"]
    assert kept == list((tmp_path / "scratch").iterdir())
    assert rows["a.zip!/in.tar!/copy.mp4"].status == "duplicate"
    assert rows["a.zip!/empty.mp4"].reason_code == "empty_file"


def test_each_bad_member_of_a_zip_is_refused_and_the_rest_read(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the repeated name
        for name in (
            "/etc/passwd",
            "../../up.mp4",
            "a/../../b.mp4",
            "C:/w.mp4",
            "..\\w.mp4",
            "ok.mp4",
            "ok.mp4",
        ):
            archive.writestr(name, videos[0])
        for name, mode in (("link.mp4", 0o120777), ("pipe.mp4", 0o010600)):
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, mode << 16
            archive.writestr(info, b"/etc/shadow")
        archive.writestr("last.mp4", videos[1])
    (evidence / "a.zip").write_bytes(packed.getvalue())
    rows = take_in()
    assert outcome(rows) == {
        "a.zip": "archive_opened",
        "a.zip!//etc/passwd": "member_absolute_path",
        "a.zip!/../../up.mp4": "member_parent_path",
        "a.zip!/a/../../b.mp4": "member_parent_path",
        "a.zip!/C:/w.mp4": "member_absolute_path",
        "a.zip!/..\\\\w.mp4": "member_parent_path",
        "a.zip!/ok.mp4": None,
        "a.zip!/ok.mp4\\#2": "member_repeated",
        "a.zip!/link.mp4": "member_link",
        "a.zip!/pipe.mp4": "member_special",
        "a.zip!/last.mp4": None,
    }


def test_each_bad_member_of_a_tar_is_refused_and_the_rest_read(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        add(archive, "/abs.mp4", videos[0])
        add(archive, "../up.mp4", videos[0])
        add(archive, "soft.mp4", kind=tarfile.SYMTYPE)
        add(archive, "hard.mp4", kind=tarfile.LNKTYPE)
        add(archive, "device", kind=tarfile.CHRTYPE)
        add(archive, "pipe", kind=tarfile.FIFOTYPE)
        add(archive, "x.mp4", videos[0])
        add(archive, "./x.mp4", videos[1])
        add(archive, "last.mp4", videos[2])
    (evidence / "a.tgz").write_bytes(packed.getvalue())
    assert outcome(take_in()) == {
        "a.tgz": "archive_opened",
        "a.tgz!//abs.mp4": "member_absolute_path",
        "a.tgz!/../up.mp4": "member_parent_path",
        "a.tgz!/soft.mp4": "member_link",
        "a.tgz!/hard.mp4": "member_link",
        "a.tgz!/device": "member_special",
        "a.tgz!/pipe": "member_special",
        "a.tgz!/x.mp4": None,
        "a.tgz!/x.mp4\\#2": "member_repeated",
        "a.tgz!/last.mp4": None,
    }


def test_encrypted_member_is_refused_with_a_remedy(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    data = bytearray(zipped({"x.mp4": videos[0], "y.mp4": videos[1]}))
    data[6] |= 1  # the local header's flag and the directory's
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (evidence / "a.zip").write_bytes(data)
    rows = take_in()
    assert outcome(rows)["a.zip!/x.mp4"] == "member_encrypted"
    assert "password" in str(rows["a.zip!/x.mp4"].reason)
    assert rows["a.zip!/y.mp4"].status is None


def test_member_whose_checksum_is_wrong_is_evidence_and_said_so(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    data = bytearray(zipped({"x.mp4": videos[0], "y.mp4": videos[1]}, zipfile.ZIP_STORED))
    data[200] ^= 0xFF
    (evidence / "a.zip").write_bytes(data)
    rows = take_in()
    assert outcome(rows) == {
        "a.zip": "archive_opened",
        "a.zip!/x.mp4": "member_cut",
        "a.zip!/y.mp4": None,
    }
    damaged = rows["a.zip!/x.mp4"]
    assert (damaged.status, damaged.size) == (None, len(videos[0]))
    assert "checksum" in str(damaged.reason)
    assert damaged.local is not None
    assert hashlib.sha256(damaged.local.read_bytes()).hexdigest() == damaged.evidence_id


@pytest.mark.parametrize("suffix", ["zip", "tar", *COMPRESS])
def test_readable_beginning_of_a_cut_member_is_evidence(evidence: Path, take_in: TakeIn, suffix: str) -> None:
    """What precedes the damage is taken as far as the packing lets it be."""
    whole = b"\0\0\0\x18ftypisom" + hashlib.shake_256(b"v").digest(3 * 10**6)
    if suffix == "zip":
        packed = zipped({"v.mp4": whole})
    elif suffix == "tar":
        packed = tarred({"v.mp4": whole})
    else:
        packed = COMPRESS[suffix](whole)
    (evidence / "v.mp4").write_bytes(packed[: len(packed) * 6 // 10])
    rows = take_in()
    path = "v.mp4!/v.mp4" if suffix in ("zip", "tar") else "v.mp4!/v"
    cut = rows[path]
    assert (cut.status, cut.reason_code) == (None, "member_cut")
    assert cut.local is not None
    kept = cut.local.read_bytes()
    assert whole.startswith(kept)
    assert cut.evidence_id == hashlib.sha256(kept).hexdigest()
    assert "the SHA-256 is of that part alone" in str(cut.reason)
    # bzip2 gives blocks of 900,000 bytes, zstd of 128 KiB, or nothing of them.
    assert len(kept) > (1_700_000 if suffix != "bz2" else 800_000)


def test_damaged_archive_in_an_archive_gives_what_it_can(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    inner = zipped({"x.mp4": videos[0], "y.mp4": videos[1]})
    (evidence / "a.tar").write_bytes(tarred({"in.zip": inner})[: 512 + len(inner) - 700])
    rows = take_in()
    assert (rows["a.tar!/in.zip"].status, rows["a.tar!/in.zip"].reason_code) == ("failed", "member_damaged")
    assert rows["a.tar!/in.zip!/x.mp4"].status is None
    assert rows["a.tar!"].reason_code == "archive_damaged"


def test_damaged_member_that_is_no_video_stays_refused(evidence: Path, take_in: TakeIn) -> None:
    data = bytearray(zipped({"x.txt": b"hello world"}, zipfile.ZIP_STORED))
    data[data.index(b"hello")] ^= 0x01
    (evidence / "a.zip").write_bytes(data)
    assert take_in()["a.zip!/x.txt"].reason_code == "member_damaged"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("streamed", [False, True])
def test_zip_that_was_cut_off_keeps_the_members_before(
    evidence: Path, take_in: TakeIn, videos: list[bytes], method: int, streamed: bool
) -> None:
    class Pipe(io.BytesIO):
        """zipfile writes sizes after the data when it cannot go back."""

        def seekable(self) -> bool:
            return not streamed

        def seek(self, *where: int) -> int:
            if streamed:
                raise io.UnsupportedOperation
            return super().seek(*where)

    packed = Pipe()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for number, data in enumerate(videos):
            archive.writestr(f"{number}.mp4", data)
        cut = archive.getinfo("2.mp4").header_offset + 500
    (evidence / "a.zip").write_bytes(packed.getvalue()[:cut])
    rows = take_in()
    if streamed and method == zipfile.ZIP_STORED:  # nothing tells where the first member ends
        assert outcome(rows) == {
            "a.zip": "archive_opened",
            "a.zip!/0.mp4": "member_damaged",
            "a.zip!": "archive_damaged",
        }
        return
    assert outcome(rows) == {
        "a.zip": "archive_opened",
        "a.zip!/0.mp4": None,
        "a.zip!/1.mp4": None,
        "a.zip!/2.mp4": "member_cut",
        "a.zip!": "archive_damaged",
    }
    assert rows["a.zip!/1.mp4"].evidence_id == hashlib.sha256(videos[1]).hexdigest()


def test_zip_with_one_impossible_entry_keeps_its_members(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    data = bytearray(zipped({"x.mp4": videos[0], "y.mp4": videos[1]}))
    entry = data.index(b"PK\x01\x02")
    data[entry + 6 : entry + 8] = struct.pack("<H", 999)  # needs version 99.9 to unpack, says the directory
    (evidence / "a.zip").write_bytes(data)
    assert outcome(take_in()) == {
        "a.zip": "archive_opened",
        "a.zip!/x.mp4": None,
        "a.zip!/y.mp4": None,
        "a.zip!": "archive_damaged",
    }


def test_members_that_a_zip_does_not_list_are_told(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    """Joined archives, of which only the last one's list is found, and an entry taken out of the list."""
    joined = zipped({"lost.mp4": videos[0]})
    (evidence / "joined.zip").write_bytes(joined + zipped({"x.mp4": videos[1]}))
    (evidence / "document.zip").write_bytes(joined + zipped({"[Content_Types].xml": b"<Types/>"}))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("a.txt", "lost.mp4", "b.txt"):
            with archive.open(name, "w") as member:  # sizes follow the data
                member.write(videos[0] if name == "lost.mp4" else name.encode())
        del archive.filelist[1]
    (evidence / "taken.zip").write_bytes(packed.getvalue())
    rows = take_in()
    assert outcome(rows) == {
        "document.zip": "archive_opened",
        "document.zip!/[Content_Types].xml": "not_video",
        "document.zip!": "archive_damaged",
        "joined.zip": "archive_opened",
        "joined.zip!/x.mp4": None,
        "joined.zip!": "archive_damaged",
        "taken.zip": "archive_opened",
        "taken.zip!/a.txt": "not_video",
        "taken.zip!/b.txt": "not_video",
        "taken.zip!": "archive_damaged",
    }
    assert "its list does not name" in str(rows["joined.zip!"].reason)


@pytest.mark.parametrize("suffix", ["", *COMPRESS])
def test_tar_that_was_cut_off_keeps_the_members_before(
    evidence: Path, take_in: TakeIn, videos: list[bytes], suffix: str
) -> None:
    plain = tarred({f"{number}.mp4": data for number, data in enumerate(videos)})
    keep = plain.index(b"2.mp4") + 512 + 1000
    data = plain[:keep]
    if suffix == "gz":  # cut behind a sync mark, for the last block cannot be read in part
        packer = zlib.compressobj(wbits=31)
        data = packer.compress(plain[:keep]) + packer.flush(zlib.Z_FULL_FLUSH)
    elif suffix:
        data = COMPRESS[suffix](plain[:keep])
    (evidence / "a").write_bytes(data)
    assert outcome(take_in()) == {
        "a": "archive_opened",
        "a!/0.mp4": None,
        "a!/1.mp4": None,
        "a!/2.mp4": "member_cut",
        "a!": "archive_damaged",
    }


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        (lambda plain, at: plain[:at] + b"\xff" * 512 + plain[at + 512 :], "header is damaged"),
        (lambda plain, at: plain[:at], "without its end mark"),
        (lambda plain, _: plain + plain, "data follow its end mark"),
    ],
)
def test_tar_never_ends_early_in_silence(
    evidence: Path, take_in: TakeIn, videos: list[bytes], change: Callable[[bytes, int], bytes], clause: str
) -> None:
    plain = tarred({"x.mp4": videos[0], "y.mp4": videos[1]})
    (evidence / "a.tar").write_bytes(change(plain, plain.index(b"y.mp4")))
    rows = take_in()
    assert rows["a.tar!/x.mp4"].status is None
    assert (rows["a.tar!"].status, rows["a.tar!"].reason_code) == ("failed", "archive_damaged")
    assert clause in str(rows["a.tar!"].reason)


def test_bomb_member_of_a_zip_is_refused_and_the_rest_read(
    evidence: Path, take_in: TakeIn, videos: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.intake.zips.ALLOWANCE", 10**6)
    (evidence / "a.zip").write_bytes(zipped({"bomb.mp4": bytes(10**7), "x.mp4": videos[0]}))
    rows = take_in()
    assert outcome(rows) == {
        "a.zip": "archive_opened",
        "a.zip!/bomb.mp4": "archive_bomb",
        "a.zip!/x.mp4": None,
    }


def test_member_of_a_zip_that_asks_for_gigabytes_to_unpack_is_refused(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    data = bytearray(zipped({"x.mp4": videos[0], "y.mp4": videos[1]}, zipfile.ZIP_LZMA))
    asks = 30 + len("x.mp4") + 5  # local header, name, version, size, lc lp pb
    data[asks : asks + 4] = struct.pack("<I", 2**32 - 1)
    (evidence / "a.zip").write_bytes(data)
    rows = take_in()
    assert outcome(rows) == {
        "a.zip": "archive_opened",
        "a.zip!/x.mp4": "member_unsupported",
        "a.zip!/y.mp4": None,
    }
    assert "4095 MiB" in str(rows["a.zip!/x.mp4"].reason)


@pytest.mark.parametrize("kind", ["zip", "xz"])
def test_memory_that_runs_out_while_unpacking_costs_the_member(tmp_path: Path, kind: str) -> None:
    """A dictionary within the limit may still be more than the machine has."""
    (tmp_path / "evidence").mkdir()
    filters: list[dict[str, int]] = [{"id": lzma.FILTER_LZMA2, "dict_size": 2**28}]
    whole = b"\0\0\0\x18ftypisom" + bytes(100)
    data = bytearray(zipped({"x.mp4": whole}, zipfile.ZIP_LZMA))
    data[40:44] = struct.pack("<I", 2**28)
    packed = data if kind == "zip" else lzma.compress(whole, filters=filters)
    (tmp_path / "evidence" / "a").write_bytes(packed)
    script = (
        "import resource, sys; from pathlib import Path; from pipeline.casefile import CaseFile; "
        "from pipeline.intake.walk import find_evidence; "
        "used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize(); "
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**27, used + 2**27)); "
        "rows = find_evidence(Path(sys.argv[1]), CaseFile(), Path(sys.argv[2])); "
        "print([(row.reason_code, 'memory' in str(row.reason)) for row in rows])"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "evidence"), str(tmp_path / "scratch")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    code = "member_damaged" if kind == "zip" else "archive_damaged"
    assert done.stdout == f"[('archive_opened', False), ('{code}', True)]\n", done.stderr[-500:]


@pytest.mark.parametrize("suffix", list(COMPRESS))
def test_compressed_bomb_stops_at_the_limit_without_filling_memory(
    evidence: Path, take_in: TakeIn, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OUTER_ALLOWANCE", 2**24)
    monkeypatch.setattr(limits, "MAX_RATIO", 2)
    (evidence / "bomb").write_bytes(COMPRESS[suffix](bytes(2**27)))
    tracemalloc.start()
    rows = take_in()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows["bomb!/bomb"].reason_code == "archive_bomb"
    assert rows["bomb!/bomb"].status == "failed"
    assert list((tmp_path / "scratch").iterdir()) == []
    assert peak < 2**24


def test_nested_bombs_cannot_use_more_than_the_outer_archive_may(
    evidence: Path, take_in: TakeIn, videos: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OUTER_ALLOWANCE", 3 * 10**6)
    monkeypatch.setattr(limits, "ALLOWANCE", 10**6)
    monkeypatch.setattr(limits, "MAX_RATIO", 2)
    small = gzip.compress(bytes(10**7))
    members = {
        "a.gz": small,
        "v.mp4": videos[0],
        "b.gz": small + b"\0",
        "c.gz": small + b"\0\0",
        "z.mp4": videos[1],
    }
    (evidence / "a.zip").write_bytes(zipped(members, zipfile.ZIP_STORED))
    codes = outcome(take_in())
    assert codes["a.zip!/a.gz!/a"] == "archive_bomb"
    assert codes["a.zip!/v.mp4"] is None
    assert codes["a.zip!/b.gz!/b"] == "archive_bomb"
    assert codes["a.zip!/c.gz!/c"] == "archive_bomb"
    assert codes["a.zip!/z.mp4"] == "archive_bomb"  # the outer allowance is used up


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_archive_that_takes_too_long_costs_its_rest_only(
    evidence: Path, take_in: TakeIn, videos: list[bytes], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SECONDS", 0.0)
    monkeypatch.setattr(limits, "EARNED", 2**60)
    members = {f"{number}.mp4": data for number, data in enumerate(videos)}
    inner = zipped(members) if kind == "zip" else tarred(members)
    (evidence / "a").write_bytes(gzip.compress(inner) if kind == "tar.gz" else inner)
    (evidence / "b.mp4").write_bytes(videos[0])
    rows = take_in()
    assert outcome(rows) == {"a": "archive_opened", "a!": "archive_too_slow", "b.mp4": None}
    assert (rows["a!"].status, rows["a!"].kind) == ("failed", "other")


def test_time_an_archive_may_take_is_that_of_its_reader_alone(
    evidence: Path, videos: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members that are unpacked again wait for the decoder, for hours where they are many."""
    monkeypatch.setattr(limits, "SECONDS", 2.0)
    inner = zipped({f"{number}.mp4": data for number, data in enumerate(videos)})
    (evidence / "a.zip").write_bytes(zipped({"in.zip": inner}))
    found = []
    for row in find_evidence(evidence, CaseFile(), tmp_path / "scratch"):
        found.append(row.reason_code)
        time.sleep(0.7)
    assert found == ["archive_opened", "archive_opened", None, None, None]


def test_member_count_is_limited(evidence: Path, take_in: TakeIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_MEMBERS", 5)
    (evidence / "a.zip").write_bytes(zipped({f"{number}.txt": b"x" for number in range(9)}))
    rows = take_in()
    assert sum("!/" in path for path in rows) == 5
    assert rows["a.zip!"].reason_code == "archive_bomb"


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_tar_header_that_claims_gigabytes_is_not_read_into_memory(
    evidence: Path, take_in: TakeIn, kind: bytes
) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, 2**31
    packer = zlib.compressobj(wbits=31)
    data = packer.compress(info.tobuf(tarfile.GNU_FORMAT))
    data += b"".join(packer.compress(bytes(2**20)) for _ in range(64)) + packer.flush()
    (evidence / "a.tgz").write_bytes(data)
    tracemalloc.start()
    rows = take_in()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcome(rows) == {"a.tgz": "archive_opened", "a.tgz!": "archive_damaged"}
    assert peak < 2**24


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_member_with_a_name_no_file_can_have_is_refused_and_the_rest_read(
    evidence: Path, take_in: TakeIn, videos: list[bytes], kind: str
) -> None:
    names = ["long/" * 1200 + "a.mp4", "long/" * 1200 + "b.mp4", "x.mp4"]
    members = dict(zip(names, videos, strict=True))
    (evidence / "a").write_bytes(zipped(members) if kind == "zip" else tarred(members))
    rows = take_in()
    cut = "a!/" + "long/" * 40 + "\\…"
    assert outcome(rows) == {
        "a": "archive_opened",
        cut: "member_name_too_long",
        cut + "\\#2": "member_name_too_long",
        "a!/x.mp4": None,
    }
    assert rows[cut].status == "failed"
    assert "by hand" in str(rows[cut].reason)


@pytest.mark.parametrize("size", [3 * 2**20, 15 * 2**20])
def test_names_of_megabytes_do_not_fill_memory(evidence: Path, take_in: TakeIn, size: int) -> None:
    """GNU tar's long names may hold any bytes, and a byte that is no UTF-8 is shown as four characters."""
    packer = zlib.compressobj(wbits=31)
    data = b""
    for number in range(3):
        long = tarfile.TarInfo("././@LongLink")
        long.type, long.size = tarfile.GNUTYPE_LONGNAME, size
        name = bytes([0xFE, number + 1]) + b"\xff" * (size - 2)
        data += packer.compress(long.tobuf(tarfile.GNU_FORMAT) + name)
        data += packer.compress(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    data += packer.compress(tarfile.TarInfo("last.mp4").tobuf(tarfile.GNU_FORMAT))
    (evidence / "a.tgz").write_bytes(data + packer.compress(bytes(1024)) + packer.flush())
    tracemalloc.start()
    rows = take_in()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    codes = list(outcome(rows).values())
    assert codes == ["archive_opened", *["member_name_too_long"] * 3, "empty_file"]
    assert all(len(path) < 1000 for path in rows)
    assert kept < 2**20
    assert peak < 2**23


def test_names_of_members_may_not_outgrow_the_archive(
    evidence: Path, take_in: TakeIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LABELS", 2000)
    inner = tarred({f"{number}{'n' * 300}.txt": b"x" for number in range(20)})
    (evidence / "a.tgz").write_bytes(gzip.compress(inner))
    (evidence / "b.tgz").write_bytes(gzip.compress(tarred({"b.tar": inner})))
    rows = take_in()
    for path in ("a.tgz", "b.tgz!/b.tar"):
        listed = sum(len(row) for row in rows if row.startswith(path + "!/"))
        assert 1000 < listed < 2000
        assert rows[path + "!"].reason_code == "archive_bomb"
        assert "names" in str(rows[path + "!"].reason)


def test_global_headers_that_grow_do_not_fill_memory(evidence: Path, take_in: TakeIn) -> None:
    """pax headers for all members that follow are kept until the archive ends."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for number in range(12):
            archive.fileobj.write(
                tarfile.TarInfo.create_pax_global_header({f"comment{number}": "c" * 3 * 2**20})
            )
            add(archive, f"{number}.txt", b"text")
    (evidence / "a.tgz").write_bytes(packed.getvalue())
    tracemalloc.start()
    rows = take_in()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcome(rows) == {"a.tgz": "archive_opened", "a.tgz!": "archive_damaged"}
    assert peak < 2**25


def test_tar_member_whose_time_is_no_number_is_read_like_the_rest(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number, time in enumerate(["nan", "inf", "1700000000.5"]):
            info = tarfile.TarInfo(f"{number}.mp4")
            info.size, info.pax_headers = len(videos[number]), {"mtime": time}
            archive.addfile(info, io.BytesIO(videos[number]))
    (evidence / "a.tar").write_bytes(packed.getvalue())
    rows = take_in()
    assert outcome(rows) == {
        "a.tar": "archive_opened",
        **{f"a.tar!/{number}.mp4": None for number in range(3)},
    }
    times = [rows[f"a.tar!/{number}.mp4"].modified for number in range(3)]
    assert [time and time.year for time in times] == [None, 9999, 2023]


def test_sizes_no_file_can_have_fit_the_table_of_evidence(evidence: Path, take_in: TakeIn) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, size in (("large", str(10**30)), ("small", "-5")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.pax_headers = tarfile.SYMTYPE, "elsewhere", {"size": size}
            archive.addfile(info)
    (evidence / "a.tar").write_bytes(packed.getvalue())
    rows = take_in()
    assert outcome(rows) == {
        "a.tar": "archive_opened",
        "a.tar!/large": "member_link",
        "a.tar!/small": "member_link",
    }
    assert pa.array([row.size for row in rows.values()], pa.int64()).to_pylist()[1:] == [2**63 - 1, 0]


def test_tar_whose_member_has_a_negative_size_ends(evidence: Path, take_in: TakeIn) -> None:
    header = bytearray(tarfile.TarInfo("x.mp4").tobuf(tarfile.GNU_FORMAT)[:512])
    header[124:136] = b"\xff" * 10 + b"\xfc\x00"  # minus 1024
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (evidence / "a.tar").write_bytes(bytes(header) * 4)
    assert take_in()["a.tar!"].reason_code == "archive_damaged"


MARKS = {
    "a.docx": ("[Content_Types].xml", b"x"),
    "a.apk": ("AndroidManifest.xml", b"x"),
    "a.jar": ("META-INF/MANIFEST.MF", b"x"),
    "a.odt": ("mimetype", b"application/vnd.oasis.opendocument.text"),
    "a.epub": ("mimetype", b"application/epub+zip"),
}


@pytest.mark.parametrize("name", MARKS)
def test_documents_and_programs_without_videos_are_not_opened(
    evidence: Path, take_in: TakeIn, name: str
) -> None:
    member, content = MARKS[name]
    (evidence / name).write_bytes(
        zipped({member: content, "media/v.mp4": b"y", "empty.mp4": b"", "t/": b""}, zipfile.ZIP_STORED)
    )
    rows = take_in()
    assert outcome(rows) == {name: "package"}
    assert rows[name].status == "skipped"
    # What it asked of the examiner before, to look for videos in it by hand, intake does itself now.
    assert "nothing in it could be a video" in str(rows[name].reason)


@pytest.mark.parametrize("name", MARKS)
@pytest.mark.parametrize("hidden", ["video", "branded", "archive", "locked", "damaged"])
def test_no_mark_of_a_document_hides_what_lies_beside_it(
    evidence: Path, take_in: TakeIn, videos: list[bytes], name: str, hidden: str
) -> None:
    member, content = MARKS[name]
    inside = zipped({"v.mp4": videos[0]}) if hidden == "archive" else videos[0]
    if hidden == "branded":  # a film that calls itself a still picture
        inside = inside[:8] + b"heic" + inside[12:]
    data = bytearray(zipped({member: content, "word/text.xml": inside}, zipfile.ZIP_STORED))
    if hidden == "locked":
        data[data.rindex(b"PK\x01\x02") + 8] |= 1
    if hidden == "damaged":
        data[data.index(b"word/text.xml") - 30] = 0
    (evidence / name).write_bytes(data)
    codes = outcome(take_in())
    assert codes[name] == "archive_opened"
    if hidden == "archive":
        assert codes[f"{name}!/word/text.xml!/v.mp4"] is None
    else:
        expected = {"video": None, "branded": None, "locked": "member_encrypted", "damaged": "member_damaged"}
        assert codes[f"{name}!/word/text.xml"] == expected[hidden]


@pytest.mark.parametrize(
    ("members", "method"),
    [
        ({"mimetype": b""}, zipfile.ZIP_STORED),
        ({"mimetype": b"application/x-own"}, zipfile.ZIP_STORED),
        ({"a.txt": b"text", "mimetype": MARKS["a.epub"][1]}, zipfile.ZIP_STORED),
        ({"mimetype": MARKS["a.epub"][1]}, zipfile.ZIP_DEFLATED),
    ],
)
def test_member_called_mimetype_makes_no_document(
    evidence: Path, take_in: TakeIn, members: dict[str, bytes], method: int
) -> None:
    (evidence / "a.zip").write_bytes(zipped(members, method))
    rows = take_in()
    assert rows["a.zip"].reason_code == "archive_opened"
    assert set(rows) == {"a.zip", *(f"a.zip!/{name}" for name in members)}


@pytest.mark.parametrize("head", [b"Rar!\x1a\x07\x01\0"])
def test_unsupported_archives_name_the_remedy(evidence: Path, take_in: TakeIn, head: bytes) -> None:
    (evidence / "a").write_bytes(head)
    row = take_in()["a"]
    assert (row.status, row.reason_code, row.kind) == ("skipped", "archive_unsupported", "archive")
    assert "unpack it by hand" in str(row.reason)


def test_member_names_of_old_packers_are_shown_as_their_bytes(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    data = zipped({"M@ller.mp4": videos[0]}).replace(b"M@ller", b"M\x81ller")
    (evidence / "old.zip").write_bytes(data)
    (evidence / "mac.zip").write_bytes(
        zipped({"M@@ller.mp4": videos[1]}).replace(b"M@@ller", "Müller".encode())
    )
    rows = take_in()
    assert rows["old.zip!/M\\x81ller.mp4"].status is None
    assert rows["mac.zip!/Müller.mp4"].status is None


def test_full_scratch_stops_the_run_with_a_remedy(
    evidence: Path, tmp_path: Path, videos: list[bytes]
) -> None:
    (evidence / "a.zip").write_bytes(zipped({"v.mp4": videos[0]}))
    scratch = tmp_path / "scratch"
    walk = find_evidence(evidence, CaseFile(), scratch)
    scratch.rmdir()
    assert next(walk).path == "a.zip"
    with pytest.raises(UserError, match="scratch"):
        next(walk)


MEMBERS = st.lists(st.tuples(st.text(max_size=12), st.binary(max_size=40)), max_size=6)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    MEMBERS,
    st.sampled_from(["zip", "tar", "gz", "xz", "zst", "bz2"]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8),
    st.integers(0, 400),
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_archive_however_damaged_stops_the_walk(
    tmp_path_factory: pytest.TempPathFactory,
    members: list[tuple[str, bytes]],
    kind: str,
    flips: list[tuple[int, int]],
    cut: int,
) -> None:
    packed = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members:
                archive.writestr(zipfile.ZipInfo(name.encode(errors="replace").decode()), data)
    else:
        with tarfile.open(fileobj=packed, mode="w", errors="replace") as tar:
            for name, data in members:
                add(tar, name, data)
    raw = bytearray(COMPRESS[kind](packed.getvalue()) if kind in COMPRESS else packed.getvalue())
    for at, value in flips:
        raw[at % len(raw)] = value
    raw = raw[: max(1, len(raw) - cut)]
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "a").write_bytes(raw)
    (folder / "b.txt").write_text("after")
    rows = list(find_evidence(folder, CaseFile(), folder.parent / f"{folder.name}.scratch"))
    assert len({row.path for row in rows}) == len(rows)
    assert [row.path for row in rows if "!" not in row.path] == ["a", "b.txt"]
    for row in rows:
        row.path.encode()
        assert row.status is None or (row.reason_code in REASONS and row.reason)
    kept = {row.local for row in rows if row.local is not None and row.local.parent != folder}
    assert kept == set((folder.parent / f"{folder.name}.scratch").iterdir())
