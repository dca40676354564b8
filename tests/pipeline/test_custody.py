"""A case folder is private, written whole, and anyone can check it with sha256sum."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.custody import (
    check_sums,
    make_private_folder,
    remove_unfinished,
    write_atomically,
    write_sums,
    written_atomically,
)
from pipeline.errors import UserError

NAMES = [
    b"plain.txt",
    b"with space and 'quotes\".txt",
    b"two\nlines",
    b"carriage\rreturn",
    b"back\\slash",
    b"\\n literally",
    b"*star",
    b"-rf",
    b"-",
    b" leading space",
    b"not utf-8 \xff",
    "\u202eright to left".encode(),
    b"x" * 255,
    b"folder/deeper/file",
    b"folder/SHA256SUMS",
]


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    for name in NAMES:
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content of " + name)
    write_sums(folder)
    return folder


def sha256sum(folder: Path) -> subprocess.CompletedProcess[bytes]:
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not installed")
    return subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, capture_output=True, check=False
    )


def test_coreutils_checks_every_file(case: Path) -> None:
    done = sha256sum(case)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b": OK\n") == len(NAMES)


def test_our_own_check_agrees_and_reads_what_coreutils_writes(case: Path) -> None:
    assert check_sums(case) == []
    if shutil.which("sha256sum") is not None:
        names = [name if name != b"-" else b"./-" for name in sorted(NAMES)]
        theirs = subprocess.run(["sha256sum", "-b", "--", *names], cwd=case, capture_output=True, check=True)
        assert theirs.stdout == (case / "SHA256SUMS").read_bytes()


def test_changed_missing_and_added_files_are_named(case: Path) -> None:
    (case / "plain.txt").write_text("altered")
    (case / "-rf").unlink()
    (case / "new.txt").write_text("x")
    (case / "link").symlink_to("plain.txt")
    problems = check_sums(case)
    assert sha256sum(case).returncode != 0
    assert len(problems) == 4
    for name, what in (
        ("plain.txt", "changed"),
        ("-rf", "missing"),
        ("new.txt", "added"),
        ("link", "is a link"),
    ):
        assert any(problem.startswith(name) and what in problem for problem in problems)


def test_altered_or_absent_sums_are_named(case: Path) -> None:
    sums = case / "SHA256SUMS"
    lines = sums.read_bytes().splitlines(keepends=True)
    sums.write_bytes(b"".join(lines) + b"nonsense\n" + lines[0])
    assert [problem[:7] for problem in check_sums(case)] == ["Line 16", " leadin"]
    sums.unlink()
    (problem,) = check_sums(case)
    assert "never sealed" in problem


def test_sums_cannot_point_out_of_the_case(case: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    line = (case / "SHA256SUMS").read_bytes().splitlines()[0]
    with (case / "SHA256SUMS").open("ab") as sums:
        sums.write(line[:66] + b"../outside\n")
    assert check_sums(case) == ["../outside is missing."]


SAFE = st.binary(min_size=1, max_size=20).filter(
    lambda b: not set(b) & set(b"/\0") and b not in (b".", b"..")
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(SAFE, max_size=5))
def test_any_names_are_checked_by_coreutils(
    tmp_path_factory: pytest.TempPathFactory, names: set[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    for name in names | {b"one"}:
        (folder / os.fsdecode(name)).write_bytes(name)
    write_sums(folder)
    assert check_sums(folder) == []
    done = sha256sum(folder)
    assert done.returncode == 0, done.stderr


def test_files_and_folders_are_for_the_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_private_folder(tmp_path / "a" / "b")
        write_atomically(tmp_path / "a" / "b" / "file", b"x")
        (tmp_path / "open").mkdir(mode=0o777)
        make_private_folder(tmp_path / "open")
    finally:
        os.umask(before)
    for folder in ("a/b", "open"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a/b/file").stat().st_mode) == 0o600


def test_private_folder_takes_rights_of_others_and_gives_the_owner_none_back(tmp_path: Path) -> None:
    protected = tmp_path / "protected"
    protected.mkdir()
    protected.chmod(0o555)
    make_private_folder(protected)
    assert stat.S_IMODE(protected.stat().st_mode) == 0o500


def test_private_folder_where_a_file_stands(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "file/below"):
        with pytest.raises(UserError, match="file"):
            make_private_folder(tmp_path / name)


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "table", b"old")
    with pytest.raises(RuntimeError), written_atomically(tmp_path / "table") as unfinished:
        unfinished.write_bytes(b"ne")
        raise RuntimeError
    assert (tmp_path / "table").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_write_into_a_folder_that_is_not_there_names_the_file_and_no_other(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        write_atomically(tmp_path / "missing" / "x.jsonld", b"x")
    assert error.value.filename == str(tmp_path / "missing" / "x.jsonld")


def test_killed_write_leaves_the_old_file_and_its_leftover_can_be_cleared(tmp_path: Path) -> None:
    write_atomically(tmp_path / "table", b"old")
    code = (
        "import os, sys; from pathlib import Path; from pipeline.custody import written_atomically\n"
        "with written_atomically(Path(sys.argv[1])) as path:\n"
        "    path.write_bytes(b'ne'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "table")], check=False)
    assert done.returncode == -9
    assert (tmp_path / "table").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["table"]
