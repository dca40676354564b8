"""SIGKILL at random times over one case, then completion."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np

from pipeline.audit import read_audit
from tests.pipeline.faults.conftest import CONSOLE_SCRIPT, Finished, assert_holds, driverprint


def shards_of(case: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every committed shard: another write would change them."""
    found = {}
    for path in (case / ".work" / "shards").glob("*.parquet"):
        state = path.stat()
        found[path.name] = (state.st_ino, state.st_mtime_ns)
    return found


def attack(undisturbed: Finished, case: Path, kills: int, seed: int = 0) -> list[float]:
    """Kill ``kills`` runs over one case and complete it; the times after which each was killed, in s.

    Half of the kills wait for the first shard of their session, so that they fall into the work and not
    only into the start of the program, however slow the machine is.
    """
    random = np.random.default_rng(seed)
    length = float(undisturbed.record["duration_seconds"])
    killed: list[float] = []
    committed: dict[str, tuple[int, int]] = {}
    while len(killed) < kills:
        with subprocess.Popen(
            [str(CONSOLE_SCRIPT), "analyze", str(undisturbed.evidence), "-o", str(case)],
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as run:
            began = time.monotonic()
            if len(killed) % 2:
                while run.poll() is None and len(shards_of(case)) <= len(committed):
                    time.sleep(0.005)
                time.sleep(float(random.uniform(0, 0.5)))
            else:
                time.sleep(float(random.uniform(0.0, 1.1)) * length)
            if run.poll() is None:
                os.kill(run.pid, signal.SIGKILL)
                run.wait()
                killed.append(round(time.monotonic() - began, 2))
        if (case / "SHA256SUMS").exists():
            # It came to its end before it could be killed: it must be right; then begin again.
            assert driverprint("analyze", undisturbed.evidence, "-o", case).returncode == 1
            assert_holds(case, undisturbed.digest)
            case = case.with_name(f"{case.name}+")
            committed = {}
            continue
        now = shards_of(case)
        assert committed.items() <= now.items(), "a committed file was processed again"
        committed = now
    done = driverprint("analyze", undisturbed.evidence, "-o", case)
    assert done.returncode == 1, done.stderr
    assert_holds(case, undisturbed.digest)
    sessions = [entry for entry in read_audit(case) if entry["event"] == "session_started"]
    assert 1 <= len(sessions) <= kills + 1
    return killed
