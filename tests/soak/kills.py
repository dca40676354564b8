"""SIGKILL at random times over one case, then completion."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np

from pipeline.audit import read_audit
from tests.pipeline.decode.videos import scene, write_video
from tests.pipeline.faults.conftest import CONSOLE_SCRIPT, Finished, assert_holds, driverprint, record_of

LAST = ("evidence.parquet", "run.json", "report.html")  # written in this order once all files are done


def many_files(folder: Path, count: int) -> Finished:
    """A case of ``count`` tiny videos and a file that fails, analysed undisturbed."""
    evidence = folder / "evidence"
    evidence.mkdir(parents=True)
    for seed in range(count):
        write_video(evidence / f"{seed:03}.mp4", scene(66, 64, 64, seed=seed))
    (evidence / "letter.mp4").write_text("no video", encoding="utf-8")
    done = driverprint("analyze", evidence, "-o", folder / "undisturbed")
    assert done.returncode == 1, done.stderr
    return Finished(evidence, folder / "undisturbed", record_of(folder / "undisturbed"))


def state_of(paths: list[Path]) -> dict[str, tuple[int, int]]:
    """Inode and time of the files that exist: another write would change them."""
    found = {}
    for path in paths:
        try:
            state = path.stat()
        except FileNotFoundError:  # the run ends and tidies up
            continue
        found[path.name] = (state.st_ino, state.st_mtime_ns)
    return found


def shards_of(case: Path) -> dict[str, tuple[int, int]]:
    """The committed shards of an unfinished case."""
    return state_of(list((case / ".work" / "shards").glob("*.arrow")))


def attack(undisturbed: Finished, case: Path, kills: int, seed: int = 0) -> tuple[list[float], int]:
    """Kill ``kills`` runs over one case and complete it.

    The first kills fall anywhere in the program's start, or within a quarter of a second of the next commit,
    by turns; the last three as the tables, the record and the report are written. Returns the time of each
    kill in s after the start, and how often a run came to its end first, so that a new case was begun.
    """
    random = np.random.default_rng(seed)
    killed: list[float] = []
    finished = 0
    committed: dict[str, tuple[int, int]] = {}
    while len(killed) < kills:
        command = [str(CONSOLE_SCRIPT), "analyze", str(undisturbed.evidence), "-o", str(case)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
            began = time.monotonic()
            left = kills - len(killed)
            if left <= len(LAST):
                last = [case / LAST[-left]]
                before = state_of(last)
                while run.poll() is None and state_of(last) == before:
                    time.sleep(0.002)
            elif left % 2 == 0:
                while run.poll() is None and shards_of(case).keys() <= committed.keys():
                    time.sleep(0.005)
                time.sleep(float(random.uniform(0, 0.25)))
            else:
                time.sleep(float(random.uniform(0, 8)))
            if run.poll() is None:
                run.kill()
                run.wait()
                killed.append(round(time.monotonic() - began, 2))
        if (case / "SHA256SUMS").exists():
            assert driverprint("analyze", undisturbed.evidence, "-o", case).returncode == 1
            assert_holds(case, undisturbed.digest)
            finished += 1
            case, committed = case.with_name(f"{case.name}+"), {}
            continue
        now = shards_of(case)
        assert committed.items() <= now.items(), "a committed file was processed again"
        committed = now
    done = driverprint("analyze", undisturbed.evidence, "-o", case)
    assert done.returncode == 1, done.stderr
    assert_holds(case, undisturbed.digest)
    sessions = [entry for entry in read_audit(case) if entry["event"] == "session_started"]
    assert 1 <= len(sessions) <= kills + 1
    return killed, finished
