"""Disk full, output that cannot be written, permission lost, a second run: one sentence, then it goes on."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from pipeline.audit import check_audit
from tests.pipeline.faults.conftest import CONSOLE_SCRIPT, Finished, assert_holds, driverprint

# Whole runs, several a test, and races by nature: they belong to the soak.
pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

IN_SMALL_DISK = """
mount -t tmpfs -o mode=0700,size={size} none "$1" || exit 77
shift
"$@"
code=$?
[ $code = 2 ] || exit 99
mount -o remount,size=64m none "$DISK" || exit 77
"$@"
code=$?
cp -r "$DISK/case" "$KEPT"
exit $code
"""


def in_small_disk(size: str, disk: Path, kept: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``words`` on a disk of ``size``, then again on a larger one; the case is copied to ``kept``."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    try:
        usable = subprocess.run([*command, "mount -t tmpfs none /mnt"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if usable.returncode:
        pytest.skip("no file system can be mounted here without rights")
    script = IN_SMALL_DISK.format(size=size)
    return subprocess.run(
        [*command, script, "sh", str(disk), *map(str, words)],
        env={**os.environ, "DISK": str(disk), "KEPT": str(kept)},
        capture_output=True,
        text=True,
        check=False,
    )


def sentences(log: str) -> list[str]:
    """The error messages of a log."""
    assert "Traceback" not in log
    return [line for line in log.splitlines() if line.startswith("driverprint: ")]


@pytest.mark.parametrize("size", ["4k", "64k", "300k"])
def test_full_disk_is_told_in_a_sentence_and_the_run_completes_once_there_is_room(
    undisturbed: Finished, tmp_path: Path, size: str
) -> None:
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    done = in_small_disk(
        size, disk, kept, CONSOLE_SCRIPT, "analyze", undisturbed.evidence, "-o", disk / "case"
    )
    assert done.returncode == 1, done.stderr
    (said,) = sentences(done.stderr)
    assert str(disk) in said
    assert "No space left" in said
    assert "free space" in said
    assert_holds(kept, undisturbed.digest)


REDACTED_IN_SMALL_DISK = """
mount -t tmpfs -o size=64k none "$1" || exit 99
"$2" report "$3" --redact "$1/copy"
code=$?
find "$1/copy" -type f
exit $code
"""


def test_redacted_copy_that_found_no_room_names_its_folder_and_leaves_it_empty(
    undisturbed: Finished, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    words = ["sh", "-c", REDACTED_IN_SMALL_DISK, "sh", str(disk), str(CONSOLE_SCRIPT), str(undisturbed.case)]
    try:
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", *words],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if done.returncode not in (0, 2):
        pytest.skip("no file system can be mounted here without rights")
    assert done.returncode == 2
    (said,) = sentences(done.stderr)
    assert said.startswith(f"driverprint: {disk / 'copy'} (No space left on device)")
    assert done.stdout == "", "the same command again would be refused for what lies there"


@contextmanager
def _immutable(folder: Path) -> Iterator[None]:
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(0o700)


def as_nobody(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run without root's right to write anywhere; as it is for everyone else."""
    if os.getuid():
        return driverprint(*words)
    drop = (
        "import ctypes, os, sys; libc = ctypes.CDLL(None)\n"
        "for number in range(41): libc.prctl(24, number, 0, 0, 0)\n"  # PR_CAPBSET_DROP
        "libc.prctl(28, 0x2f, 0, 0, 0)\n"  # PR_SET_SECUREBITS: root is nobody special
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", drop, str(CONSOLE_SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_output_that_cannot_be_written_is_told_in_a_sentence(undisturbed: Finished, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    with _immutable(locked):
        done = as_nobody("analyze", undisturbed.evidence, "-o", locked / "case")
    assert done.returncode == 2
    (said,) = sentences(done.stderr)
    assert str(locked / "case") in said


def test_run_that_lost_its_permission_completes_when_it_has_it_back(
    undisturbed: Finished, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    run = _interrupted(undisturbed, case)
    assert run != 0
    with _immutable(case / ".work" / "shards"):
        done = as_nobody("analyze", undisturbed.evidence, "-o", case)
    assert done.returncode == 2, done.stderr
    (said,) = sentences(done.stderr)
    assert str(case) in said
    assert "Permission denied" in said
    assert driverprint("analyze", undisturbed.evidence, "-o", case).returncode == 1
    assert_holds(case, undisturbed.digest)


def _interrupted(undisturbed: Finished, case: Path, meanwhile: Callable[[], None] = lambda: None) -> int:
    """Kill a run when it has its first shard; its exit status."""
    command = [str(CONSOLE_SCRIPT), "analyze", str(undisturbed.evidence), "-o", str(case)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        while run.poll() is None and not list((case / ".work" / "shards").glob("*.arrow")):
            time.sleep(0.005)
        assert run.poll() is None
        run.send_signal(signal.SIGSTOP)  # so that it does not end meanwhile
        meanwhile()
        run.kill()
        return run.wait()


def test_terminated_run_says_that_it_was_interrupted_and_can_be_completed(
    undisturbed: Finished, tmp_path: Path
) -> None:
    """SIGTERM is what a shutdown sends; Ray has a handler of its own, which says something else."""
    case = tmp_path / "case"
    command = [str(CONSOLE_SCRIPT), "analyze", str(undisturbed.evidence), "-o", str(case)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        while run.poll() is None and not list((case / ".work" / "shards").glob("*.arrow")):
            time.sleep(0.005)
        run.terminate()
        assert run.stderr is not None
        log = run.stderr.read()
    assert run.returncode == 3, log
    assert "Traceback" not in log
    assert driverprint("analyze", undisturbed.evidence, "-o", case).returncode == 1
    assert_holds(case, undisturbed.digest)


def test_second_run_is_told_which_process_holds_the_case_and_harms_nothing(
    undisturbed: Finished, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    second: list[subprocess.CompletedProcess[str]] = []

    def start_another() -> None:
        holder = (case / ".work" / "process").read_text()
        second.append(driverprint("analyze", undisturbed.evidence, "-o", case))
        (said,) = sentences(second[0].stderr)
        assert f"process {holder}" in said

    _interrupted(undisturbed, case, start_another)
    assert second[0].returncode == 2
    assert driverprint("analyze", undisturbed.evidence, "-o", case).returncode == 1
    assert_holds(case, undisturbed.digest)


def test_clock_that_went_back_years_between_two_sessions_changes_nothing(
    undisturbed: Finished, tmp_path: Path
) -> None:
    """What the first session left is dated years ahead, as if the clock had been set back after it."""
    case = tmp_path / "case"
    _interrupted(undisturbed, case)
    later = time.time() + 10 * 365 * 86400
    for path in [case, *case.rglob("*")]:
        os.utime(path, (later, later))
    assert driverprint("analyze", undisturbed.evidence, "-o", case).returncode == 1
    assert_holds(case, undisturbed.digest)
    assert json.loads((case / "run.json").read_bytes())["duration_seconds"] >= 0
    assert check_audit(case) == []


def test_evidence_changed_during_the_run_is_named_everywhere(undisturbed: Finished, tmp_path: Path) -> None:
    evidence = shutil.copytree(undisturbed.evidence, tmp_path / "evidence")
    case = tmp_path / "case"
    times = (evidence / "q.mp4").stat()
    command = [str(CONSOLE_SCRIPT), "analyze", str(evidence), "-o", str(case), "--rehash"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        log_file = case / "audit.jsonl"
        while run.poll() is None and not (log_file.exists() and b'"processing"' in log_file.read_bytes()):
            time.sleep(0.002)
        # Stopped, so that it cannot come to an end before the change however slow this process is; the byte
        # is changed in place, so that no decoder of the run ever meets a file that is half written.
        run.send_signal(signal.SIGSTOP)
        assert not (case / "run.json").exists()
        with (evidence / "q.mp4").open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last[0] ^ 1]))
        os.utime(evidence / "q.mp4", ns=(times.st_atime_ns, times.st_mtime_ns))  # only the bytes tell
        run.send_signal(signal.SIGCONT)
        assert run.stderr is not None
        log = run.stderr.read()
    assert run.returncode == 1, log
    assert "changed: q.mp4" in log
    record = json.loads((case / "run.json").read_bytes())
    assert [change["path"] for change in record["changed"]] == ["q.mp4"]
    row = next(r for r in pl.read_parquet(case / "evidence.parquet").to_dicts() if r["path"] == "q.mp4")
    assert row["reason_code"] == "changed_since_intake"
    assert row["conflict"]
    assert row["evidence_id"] not in set(pl.read_parquet(case / "scores.parquet")["evidence_id"])
    assert driverprint("verify", case).returncode == 0


def test_evidence_disk_that_goes_away_ends_the_run_and_not_the_case(
    undisturbed: Finished, tmp_path: Path
) -> None:
    """Unplugged, or a share that is lost: every file left would fail, and a case of failures be sealed."""
    evidence = shutil.copytree(undisturbed.evidence, tmp_path / "evidence")
    case = tmp_path / "case"
    command = [str(CONSOLE_SCRIPT), "analyze", str(evidence), "-o", str(case)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        log_file = case / "audit.jsonl"
        while run.poll() is None and not (log_file.exists() and b'"processing"' in log_file.read_bytes()):
            time.sleep(0.002)
        evidence.rename(tmp_path / "away")
        assert run.stderr is not None
        log = run.stderr.read()
    assert run.returncode == 2, log
    (said,) = sentences(log)
    assert f"{evidence} is gone" in said
    (tmp_path / "away").rename(evidence)
    assert driverprint("analyze", evidence, "-o", case).returncode == 1
    assert_holds(case, undisturbed.digest)


def test_file_size_limit_is_told_in_a_sentence(undisturbed: Finished, tmp_path: Path) -> None:
    """RLIMIT_FSIZE: what a quota does where nothing can be mounted."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))

    case = tmp_path / "case"
    done = driverprint("analyze", undisturbed.evidence, "-o", case, preexec_fn=limited)
    assert done.returncode == 2, done.stderr
    (said,) = sentences(done.stderr)
    assert str(case) in said
    assert driverprint("analyze", undisturbed.evidence, "-o", case).returncode == 1
    assert_holds(case, undisturbed.digest)


def test_unpacked_member_is_gone_once_its_results_are_committed(
    undisturbed: Finished, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    command = [str(CONSOLE_SCRIPT), "analyze", str(undisturbed.evidence), "-o", str(case)]
    seen: set[str] = set()
    before: set[str] = set()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        while run.poll() is None:
            done = {path.stem for path in (case / ".work" / "shards").glob("*.arrow")}
            there = {path.name for path in (case / ".work" / "members").glob("*")}
            seen |= there
            # One file is committed after the other, and a copy is removed before the next commit: once
            # there is a newer shard, those of the look before must have lost their copies.
            if done > before:
                assert not before & there
                before = done
            time.sleep(0.002)
    assert run.returncode == 1
    assert len({name for name in seen if len(name) == 64}) == 1
