"""Ray is private to the run: loopback, token, nothing started in vain or left behind; it starts twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipeline.ray_session import BASE, PREFIX, _sweep, uninterrupted

SCRIPT = """
import os
import time
from pathlib import Path
from pipeline.ray_session import ray_session
import ray

def commands(folder):
    # command lines of everything that was started for the session in this folder
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\\0", b" ").decode())
        except OSError:
            continue
    return [command for command in found if str(folder) in command]

def where():
    return os.getcwd()

for _ in range(2):
    with ray_session(1, 80_000_000):
        folder = Path.cwd().parent
        assert folder.stat().st_mode & 0o777 == 0o700, oct(folder.stat().st_mode)
        assert (folder / "token").stat().st_mode & 0o077 == 0
        print(ray.get(ray.remote(where).remote()))
        started = commands(folder)
        assert sum("raylet/raylet" in command for command in started) == 1, started
        for needless in ("agent.py", "agent/main.py", "monitor.py", "dashboard.py"):
            assert not any(needless in command for command in started), needless
    assert not folder.exists()
    patience = time.monotonic() + 30
    while commands(folder):
        assert time.monotonic() < patience, commands(folder)
        time.sleep(0.1)
"""


def test_two_sessions_in_one_process_leave_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    places = done.stdout.split()
    assert len(places) == 2
    # Workers never start in the user's directory, which may be evidence.
    assert all(str(tmp_path) not in place for place in places)


NAMED = """
from pipeline.ray_session import ray_session
import ray

with ray_session(1, 80_000_000):
    print(ray.get(ray.remote(lambda: "started").remote()))
"""


def test_evidence_whose_name_is_not_utf_8_is_no_hindrance(tmp_path: Path) -> None:
    # Ray would write the command line, which names the evidence, into its table of jobs, as UTF-8.
    done = subprocess.run(
        [sys.executable, "-P", "-c", NAMED, "analyze", b"K\xf6ln"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "started\n", done.stderr[-2000:]


INTERRUPTED = """
import os
import signal
import sys
from pathlib import Path
from pipeline.interruption import listen
from pipeline.ray_session import BASE, PREFIX, ray_session

class Finder:
    # Ctrl-C when Ray's import asks for one of its own modules
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == sys.argv[1]:
            print(os.getcwd().startswith(f"{BASE}/{PREFIX}{os.getpid()}-"))
            os.kill(os.getpid(), signal.SIGINT)

listen()
sys.meta_path.insert(0, Finder)
here = os.getcwd()
try:
    with ray_session(1, 80_000_000):
        print("never")
except KeyboardInterrupt:
    left = list(BASE.glob(f"{PREFIX}{os.getpid()}-*"))
    print(os.getcwd() == here, left, "RAY_AUTH_TOKEN_PATH" in os.environ)
"""


@pytest.mark.parametrize("module", ["ray", "ray.exceptions", "ray.actor"])
def test_ctrl_c_while_ray_is_imported_leaves_nothing(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", INTERRUPTED, module], capture_output=True, text=True, check=False
    )
    assert done.stdout == "True\nTrue [] False\n", done.stderr[-2000:]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_while_ray_is_put_away_waits_and_is_not_lost(number: signal.Signals) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        os.kill(os.getpid(), number)
        done.append("put away")
    assert done == ["put away"]
    with pytest.raises(OSError, match="full"):  # what ended the run is told
        try:
            raise OSError("full")
        finally:
            with uninterrupted():
                os.kill(os.getpid(), number)


def test_session_folder_that_its_own_run_removes_meanwhile_is_no_hindrance() -> None:
    """Of two runs on one machine one ends while the other looks for folders left behind."""
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            for number in range(20):
                (BASE / f"{PREFIX}{os.getpid()}-{number}").mkdir()
            for number in range(20):
                (BASE / f"{PREFIX}{os.getpid()}-{number}").rmdir()

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        for _ in range(200):
            _sweep()
    finally:
        over.set()
        other.join()
