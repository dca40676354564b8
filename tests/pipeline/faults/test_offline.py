"""No socket leaves the machine, and nothing of a run stays on it but the case."""

from __future__ import annotations

import ipaddress
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.pipeline.faults.conftest import CONSOLE_SCRIPT, Finished, assert_holds, driverprint

DEAD_END = Path(__file__).with_name("dead_end.py")
LISTENING = "0A"


def in_dead_end(*words: str | Path) -> list[str]:
    """The command line that runs ``words`` in the dead end; skips where the kernel forbids one."""
    command = ["unshare", "--user", "--map-root-user", "--net", sys.executable, str(DEAD_END)]
    try:
        usable = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if usable.returncode:
        pytest.skip(f"no network namespace can be made here: {usable.stderr.strip()[-200:]}")
    return [*command, *map(str, words)]


def at_home(home: Path) -> dict[str, str]:
    """A user's environment: where a build machine sets CI, ONNX Runtime keeps quiet by itself."""
    return {"PATH": os.environ["PATH"], "HOME": str(home)}


def packets_sent(log: str) -> int:
    """Packets that left through the dead end."""
    return int(next(line for line in log.splitlines() if line.startswith("packets: ")).split()[1])


@dataclass
class Sockets:
    """Addresses seen while a run lasted: those listened on, and those of the other ends."""

    listening: set[str] = field(default_factory=set)
    remote: set[str] = field(default_factory=set)

    def look(self, pid: int) -> None:
        try:
            if Path(f"/proc/{pid}/ns/net").samefile("/proc/self/ns/net"):
                return  # it has not left our network yet
        except OSError:
            return
        for table in ("tcp", "tcp6", "udp", "udp6"):
            try:
                lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
            except (FileNotFoundError, ProcessLookupError, OSError):
                return
            for line in lines:
                _, local, remote, state, *_ = line.split()
                if state == LISTENING or (table.startswith("udp") and _zero(remote)):
                    self.listening.add(_address(local))
                elif table.startswith("tcp"):
                    self.remote.add(_address(remote))


def _address(text: str) -> str:
    raw = bytes.fromhex(text.split(":", maxsplit=1)[0])
    words = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
    found = ipaddress.ip_address(words)
    return str(getattr(found, "ipv4_mapped", None) or found)


def _zero(text: str) -> bool:
    return set(text.split(":", maxsplit=1)[0]) == {"0"}


def test_the_dead_end_counts_what_is_sent_to_it() -> None:
    """The proof below could fail: a packet sent outside is seen."""
    send = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))"
    done = subprocess.run(
        in_dead_end(sys.executable, "-c", send), capture_output=True, text=True, check=False
    )
    assert packets_sent(done.stderr) >= 1


def test_a_whole_run_sends_nothing_out_and_listens_on_loopback_only(
    undisturbed: Finished, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    command = in_dead_end(CONSOLE_SCRIPT, "analyze", undisturbed.evidence, "-o", case)
    seen = Sockets()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        while run.poll() is None:
            seen.look(run.pid)
            time.sleep(0.02)
        assert run.stderr is not None
        log = run.stderr.read()
    assert run.returncode == 1, log
    assert packets_sent(log) == 0
    assert len(seen.remote) >= 1, "Ray's own connections were not seen"
    assert len(seen.listening) >= 1, "Ray's own ports were not seen"
    assert all(ipaddress.ip_address(address).is_loopback for address in seen.listening), seen.listening
    assert all(
        ipaddress.ip_address(a).is_loopback or ipaddress.ip_address(a).is_unspecified for a in seen.remote
    ), seen.remote
    assert_holds(case, undisturbed.digest)


def test_token_and_sockets_are_private_and_gone_after_exit_and_after_a_kill(
    undisturbed: Finished, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    home = tmp_path / "home"
    home.mkdir()
    environment = at_home(home)
    command = [str(CONSOLE_SCRIPT), "analyze", str(undisturbed.evidence), "-o", str(case)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as run:
        folder = _wait_for_session(run)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "token").stat().st_mode & 0o777 == 0o600
        words = Path(f"/proc/{run.pid}/cmdline").read_bytes()
        assert (folder / "token").read_bytes() not in words
        os.kill(run.pid, signal.SIGKILL)
    assert folder.exists(), "a killed process cannot clean up; this test would prove nothing"
    again = driverprint("analyze", undisturbed.evidence, "-o", case, env=environment)
    assert again.returncode == 1, again.stderr
    assert not folder.exists()
    assert not (home / ".ray").exists()
    assert not list(home.rglob("*onnxruntime*")), "what ran here was written down for others"
    assert_holds(case, undisturbed.digest)


def _wait_for_session(run: subprocess.Popen[bytes]) -> Path:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and run.poll() is None:
        found = list(Path("/tmp").glob(f"driverprint-{run.pid}-*"))
        if found and (found[0] / "ray1").exists() and (found[0] / "token").stat().st_size:
            return found[0]
        time.sleep(0.02)
    raise AssertionError("Ray was never started")


def test_nobody_is_told_what_ran_here(tmp_path: Path) -> None:
    """ONNX Runtime would number the machine, and keep in the home folder what it sends its makers."""
    loads = {
        "ours": "from pipeline.embed import best_provider; best_provider()",
        "not ours": "import onnxruntime",
    }
    left = {}
    for name, code in loads.items():
        home = tmp_path / name
        home.mkdir()
        env = at_home(home) | {"TMPDIR": str(home)}  # it leaves a file there as well
        subprocess.run([sys.executable, "-c", code], env=env, check=True)
        left[name] = [path.name for path in home.rglob("*onnxruntime*")]
    assert left["not ours"], "it reports nothing by itself any more; this test would prove nothing"
    assert not left["ours"]
