"""Whatever lies in the evidence folder becomes exactly one row, and nothing else happens to it."""

from __future__ import annotations

import gzip
import hashlib
import os
import socket
import stat
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.casefile import CaseFile, read_case
from pipeline.errors import UserError
from pipeline.intake.found import Found
from pipeline.intake.walk import find_evidence
from pipeline.names import MEMBER, raw_name
from pipeline.reasons import REASONS

TakeIn = Callable[[], dict[str, Found]]


def test_video_is_hashed_and_left_to_the_decoder(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    (evidence / "call.mp4").write_bytes(videos[0])
    os.utime(evidence / "call.mp4", (0, 1_700_000_000))
    row = take_in()["call.mp4"]
    assert row.evidence_id == hashlib.sha256(videos[0]).hexdigest()
    assert (row.size, row.kind, row.status, row.role) == (len(videos[0]), "video", None, "questioned")
    assert row.local == evidence / "call.mp4"
    assert row.modified is not None
    assert row.modified.timestamp() == 1_700_000_000
    assert row.modified.tzname() == "UTC"


def test_content_decides_and_not_the_suffix(evidence: Path, take_in: TakeIn, videos: list[bytes]) -> None:
    (evidence / "holiday.jpg").write_bytes(videos[0])
    (evidence / "no suffix").write_bytes(videos[1])
    (evidence / "letter.mp4").write_text("dear sir")
    (evidence / "notes.txt").write_text("dear sir")
    (evidence / "noise.bin").write_bytes(bytes(range(256)) * 8)
    (evidence / "noise.mp4").write_bytes(bytes(range(256)) * 9)
    rows = take_in()
    assert rows["holiday.jpg"].status is None
    assert rows["no suffix"].status is None
    assert (rows["letter.mp4"].status, rows["letter.mp4"].reason_code) == ("failed", "not_video")
    assert "named .mp4 but contains text" in str(rows["letter.mp4"].reason).lower()
    assert (rows["notes.txt"].status, rows["notes.txt"].reason_code) == ("skipped", "not_video")
    assert rows["noise.bin"].status == "skipped"
    assert rows["noise.bin"].reason == "Not recognised as a video: data of an unknown kind."
    assert rows["noise.mp4"].status is None  # only the decoder can tell


def test_empty_files(evidence: Path, take_in: TakeIn) -> None:
    (evidence / "a.mp4").touch()
    (evidence / ".keep").touch()
    rows = take_in()
    assert {(r.status, r.reason_code) for r in rows.values()} == {
        ("failed", "empty_file"),
        ("skipped", "empty_file"),
    }
    assert rows["a.mp4"].status == "failed"


def test_second_copy_is_a_duplicate_of_the_first(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    for name in ("b.mp4", "a.mp4", "c/a.mp4"):
        (evidence / name).parent.mkdir(exist_ok=True)
        (evidence / name).write_bytes(videos[0])
    rows = take_in()
    assert [rows[name].status for name in ("a.mp4", "b.mp4", "c/a.mp4")] == [None, "duplicate", "duplicate"]
    assert "a.mp4" in str(rows["c/a.mp4"].reason)


def test_order_does_not_depend_on_the_file_system(evidence: Path, take_in: TakeIn) -> None:
    names = ["z", "a/b", "a.b", "a/a/c", "B", ".hidden/x", "\u00e9", "a0"]
    for name in names:
        (evidence / name).parent.mkdir(parents=True, exist_ok=True)
        (evidence / name).write_text(name)
    assert list(take_in()) == sorted(names, key=os.fsencode)


def test_links_and_special_files_are_rows_and_never_opened(
    evidence: Path, tmp_path: Path, take_in: TakeIn
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.mp4").write_text("x")
    (evidence / "folder link").symlink_to(tmp_path / "outside")
    (evidence / "file link").symlink_to(tmp_path / "outside" / "secret.mp4")
    (evidence / "nowhere").symlink_to("/nonexistent")
    (evidence / "loop").symlink_to("loop")
    os.mkfifo(evidence / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(evidence)  # a socket path holds 107 bytes
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        rows = take_in()
    assert {name: row.reason_code for name, row in rows.items()} == {
        "file link": "link",
        "folder link": "link",
        "loop": "link",
        "nowhere": "link",
        "pipe.mp4": "special_file",
        "socket": "special_file",
    }
    assert all(row.status == "skipped" and row.evidence_id is None for row in rows.values())


def test_link_to_a_hostile_name_is_told_in_escapes(evidence: Path, take_in: TakeIn) -> None:
    (evidence / "link").symlink_to(os.fsdecode("a\u202egpj\n\x1b[31m".encode() + b"\xff"))
    reason = str(take_in()["link"].reason)
    assert r"A link to a\u202egpj\n\x1b[31m\xff;" in reason
    assert reason.isprintable()


NAMES = [
    b"<img src=x onerror=alert(1)>.mp4",
    b"\"quotes\" and 'apostrophes'.mp4",
    b"two\nlines\r.mp4",
    "\u202egpj.\u2066call.mp4".encode(),
    b"not utf-8 \xff\xfe.mp4",
    b"-rf",
    b"--help.mp4",
    b"back\\slash.mp4",
    b"a.zip!",
    b" ",
    b"%s{0}$HOME`id`.mp4",
    ("\u4f60" * 83 + "xx.mp4").encode(),  # 255 bytes
    b"x" * 255,
]


def test_hostile_names_are_shown_faithfully(evidence: Path, take_in: TakeIn, videos: list[bytes]) -> None:
    for name in NAMES:
        (evidence / os.fsdecode(name)).write_bytes(videos[0] + name)
    rows = take_in()
    assert sorted(raw_name(path) for path in rows) == sorted(NAMES)
    for row in rows.values():
        assert row.status is None
        assert row.local is not None
        assert row.local.read_bytes() == videos[0] + raw_name(row.path)
        row.path.encode("utf-8")


def test_deep_folders_do_not_stop_the_walk(evidence: Path, take_in: TakeIn) -> None:
    here = os.open(evidence, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 100, dir_fd=here)
        deeper = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(os.open("bottom.txt", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    (evidence / "z.txt").write_text("after")
    rows = take_in()
    assert rows["z.txt"].reason_code == "not_video"
    (too_deep,) = (row for path, row in rows.items() if path != "z.txt")
    assert (too_deep.status, too_deep.reason_code) == ("failed", "unreadable")
    assert too_deep.path.endswith("/")


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder of a user to whom files can be closed (nothing is closed to root)."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() == 0:
            os.chown(name, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            if os.getuid() == 0:
                os.seteuid(0)


def test_unreadable_file_and_folder_are_failed_rows(nobody: Path) -> None:
    evidence = nobody / "evidence"
    evidence.mkdir()
    (evidence / "a.mp4").write_text("x")
    (evidence / "a.mp4").chmod(0)
    (evidence / "closed").mkdir(mode=0)
    rows = {row.path: row for row in find_evidence(evidence, CaseFile(), nobody / "scratch")}
    assert {path: row.reason_code for path, row in rows.items()} == {
        "a.mp4": "unreadable",
        "closed/": "unreadable",
    }
    assert all(row.status == "failed" and row.evidence_id is None for row in rows.values())


def test_file_that_changes_while_it_is_read_says_so(evidence: Path, take_in: TakeIn) -> None:
    path = evidence / "growing.mp4"
    path.write_bytes(b"\0" * 2**27)
    stop = threading.Event()

    def keep_writing() -> None:
        with path.open("ab") as file:
            while not stop.is_set():
                file.write(b"x")
                file.flush()
                time.sleep(0.001)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        row = take_in()["growing.mp4"]
    finally:
        stop.set()
        writer.join()
    assert (row.status, row.reason_code, row.evidence_id) == ("failed", "changed_while_read", None)


def test_evidence_keeps_its_access_times_and_bytes(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    with zipfile.ZipFile(evidence / "a.zip", "w") as archive:
        archive.writestr("x.mp4", videos[0])
    (evidence / "b.mp4").write_bytes(videos[1])
    for path in evidence.iterdir():
        os.utime(path, (1_000_000_000, 1_000_000_000))
    before = {path: (path.stat(), path.read_bytes()) for path in evidence.iterdir()}
    for path in evidence.iterdir():
        os.utime(path, (1_000_000_000, 1_000_000_000))
    take_in()
    for path, (found, data) in before.items():
        assert path.stat().st_atime == 1_000_000_000
        assert path.stat().st_mtime == found.st_mtime
        assert path.read_bytes() == data


def test_output_and_scratch_inside_the_evidence_are_not_walked(evidence: Path, videos: list[bytes]) -> None:
    (evidence / "a.mp4").write_bytes(videos[0])
    case = evidence / "case"
    (case / ".work").mkdir(parents=True)
    (case / "report.html").write_text("x")
    with zipfile.ZipFile(evidence / "z.zip", "w") as archive:
        archive.writestr("b.mp4", videos[1])
    paths = [row.path for row in find_evidence(evidence, CaseFile(), case / ".work" / "members", case)]
    assert paths == ["a.mp4", "z.zip", "z.zip!/b.mp4"]


def test_case_file_is_a_row_and_overrides_the_folders(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    for number, name in enumerate(["known/alice/a.mp4", "known/alice/b.mp4", "c.mp4"]):
        (evidence / name).parent.mkdir(parents=True, exist_ok=True)
        (evidence / name).write_bytes(videos[number])
    with zipfile.ZipFile(evidence / "z.zip", "w") as archive:
        archive.writestr("d.mp4", videos[0] + b"d")
        archive.writestr("e.mp4", videos[0] + b"e")
    (evidence / "case.toml").write_text(
        """
        [[file]]
        path = "known/alice/b.mp4"
        claimed_driver = "alice"
        [[file]]
        path = "c.mp4"
        identity = "bob"
        target = "avatar"
        crop = [1, 2, 30, 40]
        [[file]]
        path = "z.zip"
        identity = "carol"
        [[file]]
        path = "z.zip!/e.mp4"
        identity = "dave"
        """
    )
    rows = take_in()
    assert (rows["case.toml"].status, rows["case.toml"].reason_code) == ("skipped", "case_file")
    stated = {path: (row.role, row.identity, row.claimed_driver) for path, row in rows.items()}
    assert stated["known/alice/a.mp4"] == ("known", "alice", None)
    assert stated["known/alice/b.mp4"] == ("questioned", None, "alice")
    assert stated["c.mp4"] == ("known", "bob", None)
    assert (rows["c.mp4"].target, rows["c.mp4"].crop) == ("avatar", (1, 2, 30, 40))
    assert stated["z.zip!/d.mp4"] == ("known", "carol", None)
    assert stated["z.zip!/e.mp4"] == ("known", "dave", None)


def test_video_in_nobodys_folder_is_failed_and_says_where_to_put_it(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    (evidence / "known").mkdir()
    (evidence / "known" / "a.mp4").write_bytes(videos[0])
    row = take_in()["known/a.mp4"]
    assert (row.status, row.reason_code) == ("failed", "no_identity")
    assert "known/<identity>/" in str(row.reason)


def test_unusable_folders_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name in ("file", "missing"):
        with pytest.raises(UserError, match=name):
            find_evidence(tmp_path / name, CaseFile(), tmp_path / "scratch")


def test_scratch_is_for_the_owner_only(
    evidence: Path, take_in: TakeIn, tmp_path: Path, videos: list[bytes]
) -> None:
    (evidence / "a.gz").write_bytes(gzip.compress(videos[0]))
    os.umask(os.umask(0))
    local = take_in()["a.gz!/a"].local
    assert local is not None
    assert local.name == hashlib.sha256(videos[0]).hexdigest()
    assert stat.S_IMODE(local.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "scratch").stat().st_mode) == 0o700


TREES = st.dictionaries(
    st.lists(
        st.binary(min_size=1, max_size=8).filter(lambda b: not set(b) & set(b"/\0")), min_size=1, max_size=3
    )
    .filter(lambda parts: not {b".", b".."} & set(parts))
    .map(tuple),
    st.sampled_from([b"", b"text", b"\0\0\0\x18ftypisom", b"PK\x03\x04", b"\x1f\x8b\x08", b"\xff" * 600]),
    max_size=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES)
def test_every_file_of_any_tree_is_one_row_with_a_known_reason(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[tuple[bytes, ...], bytes]
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    made = set()
    for parts, content in tree.items():
        path = folder / os.fsdecode(b"/".join(parts))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError:  # a file stands where a folder is wanted
            continue
        made.add(b"/".join(parts))
    rows = list(find_evidence(folder, read_case(folder / "x"), folder.parent / f"{folder.name}.scratch"))
    plain = [row for row in rows if MEMBER not in row.path and not row.path.endswith("!")]
    assert sorted(raw_name(row.path) for row in plain) == sorted(made)
    for row in rows:
        assert row.status in (None, "failed", "skipped", "duplicate")
        assert row.status is None or (row.reason_code in REASONS and str(row.reason).endswith("."))


def test_film_under_a_still_pictures_brand_is_left_to_the_decoder(
    evidence: Path, take_in: TakeIn, videos: list[bytes]
) -> None:
    branded = videos[0][:8] + b"heic" + videos[0][12:]
    (evidence / "IMG_1.heic").write_bytes(branded)
    photo = _box(b"ftyp", b"mif1\0\0\0\0mif1heic") + _box(b"meta", bytes(200)) + _box(b"mdat", bytes(4000))
    (evidence / "photo.heic").write_bytes(photo)
    raw = _box(b"ftyp", b"crx \0\0\0\1") + _box(b"moov", _track(1) + _track(1)) + _box(b"mdat", bytes(900))
    (evidence / "raw.cr3").write_bytes(raw)
    (evidence / "burst.heif").write_bytes(photo + _box(b"moov", _track(1) + _track(20)))
    (evidence / "deep.heic").write_bytes(photo + _box(b"moov", b"") * 20_000)
    nested = b"".join((8 * depth).to_bytes(4, "big") + b"moov" for depth in range(3000, 0, -1))
    (evidence / "nested.heic").write_bytes(photo + nested)
    with zipfile.ZipFile(evidence / "phone.zip", "w") as parcel:
        parcel.writestr("IMG_2.heic", branded + b"\0")
    rows = take_in()
    left = {path for path, row in rows.items() if row.status is None}
    films = {"IMG_1.heic", "burst.heif", "deep.heic", "nested.heic", "phone.zip!/IMG_2.heic"}
    assert left == films
    assert rows["photo.heic"].reason == "Not a video: a still image (HEIF, AVIF or camera raw)."
    assert rows["raw.cr3"].reason_code == "not_video"


def test_motion_jpeg_2000_is_left_to_the_decoder_and_its_still_is_not(
    evidence: Path, take_in: TakeIn
) -> None:
    signature = _box(b"jP  ", b"\r\n\x87\n")
    (evidence / "film.mj2").write_bytes(
        signature + _box(b"ftyp", b"mjp2\0\0\0\0mjp2") + _box(b"mdat", bytes(99)) + _box(b"moov", _track(25))
    )
    (evidence / "still.jp2").write_bytes(
        signature + _box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + _box(b"jp2h", bytes(40)) + _box(b"jp2c", bytes(99))
    )
    rows = take_in()
    assert rows["film.mj2"].status is None
    assert (rows["still.jp2"].status, rows["still.jp2"].reason_code) == ("skipped", "not_video")


def test_reading_of_a_file_of_holes_is_told_with_how_much_of_it_there_is(
    evidence: Path, tmp_path: Path
) -> None:
    """Holes cost no room, so a file may be of any size; whoever waits must see what for."""
    hollow = evidence / "disk.bin"
    with hollow.open("wb") as file:
        file.truncate(600 * 2**20)
        file.write(b"x" * 4096)
    heard: list[tuple[str, int, int, int]] = []
    tell = lambda *told: heard.append(told)  # noqa: E731
    (row,) = find_evidence(evidence, CaseFile(), tmp_path / "scratch", tell=tell)
    assert row.size == 600 * 2**20
    assert [(name, done, size) for name, done, size, _ in heard] == [
        ("disk.bin", done * 2**20, 600 * 2**20) for done in (256, 512)
    ]
    assert all(4096 <= stored < 2**20 for *_, stored in heard)


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def _track(samples: int) -> bytes:
    sizes = _box(b"stsz", bytes(4) + (500).to_bytes(4, "big") + samples.to_bytes(4, "big"))
    return _box(b"trak", _box(b"mdia", _box(b"minf", _box(b"stbl", sizes))))
