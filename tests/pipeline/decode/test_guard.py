"""The guard, attacked: whatever a file does to the child costs that file only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.decode.guard import ROOT, GuardedDecoder
from pipeline.decode.types import Decoded, DecodeFailure, DecodeRequest, Limits
from tests.pipeline.decode.videos import scene, write_video

STAND_IN = [sys.executable, "-I", str(Path(__file__).with_name("stand_in.py")), str(ROOT)]
TIGHT = Limits(memory=768 << 20, cpu_seconds=2, stall_seconds=6.0, wall_seconds=20.0, frames=500)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("segfault", "decoder_crashed"),
        ("abort", "decoder_crashed"),
        ("exit", "decoder_crashed"),
        ("nonsense", "decoder_crashed"),
        ("flood", "decoder_crashed"),
        ("flood_of_seconds", "decoder_crashed"),
        ("flood_of_indices", "decoder_crashed"),
        ("flood_of_portraits", "decoder_crashed"),
        ("poster", "decoder_crashed"),
        ("liar", "decoder_crashed"),
        ("hang", "timed_out"),
        ("spin", "timed_out"),
        ("leak", "over_memory"),
        ("raise", "unreadable"),
    ],
)
def test_poison_costs_its_own_row_and_no_neighbour(
    tmp_path: Path, decode: Callable[..., Decoded], name: str, code: str
) -> None:
    good = write_video(tmp_path / "good.mp4", scene(30))
    poison = tmp_path / f"{name}.mp4"
    poison.write_bytes(good.read_bytes())
    expected = decode(good)
    with GuardedDecoder(TIGHT, command=STAND_IN) as decoder:
        before = decoder.decode(good, DecodeRequest())
        began = time.monotonic()
        failure = decoder.decode(poison, DecodeRequest())
        assert time.monotonic() - began < 25
        after = decoder.decode(good, DecodeRequest())
        assert isinstance(failure, DecodeFailure)
        assert failure.reason_code == code, failure.reason
        for neighbour in (before, after):
            assert isinstance(neighbour, Decoded)
            assert neighbour.frames.tobytes() == expected.frames.tobytes()
            assert neighbour.facts == expected.facts


def test_prints_of_native_libraries_do_not_disturb_the_answer(
    tmp_path: Path, decode: Callable[..., Decoded]
) -> None:
    good = write_video(tmp_path / "good.mp4", scene(30))
    loud = tmp_path / "chatter.mp4"
    loud.write_bytes(good.read_bytes())
    with GuardedDecoder(TIGHT, command=STAND_IN) as decoder:
        answer = decoder.decode(loud, DecodeRequest())
        assert isinstance(answer, Decoded)
        assert answer.frames.tobytes() == decode(good).frames.tobytes()
        assert decoder.started == 1


def test_one_child_serves_many_files_and_its_processor_time_counts_per_file(tmp_path: Path) -> None:
    good = write_video(tmp_path / "good.mp4", scene(200, 270, 480))
    with GuardedDecoder(Limits(cpu_seconds=1)) as decoder:
        spent = 0.0
        while spent < 2.0:  # in all more than one file may use
            began = time.monotonic()
            assert isinstance(decoder.decode(good, DecodeRequest()), Decoded)
            spent += time.monotonic() - began
        assert decoder.started == 1


def test_video_with_a_gap_before_every_frame_is_handed_over(tmp_path: Path) -> None:
    """It is no crash of the decoder that there is much to say of its gaps."""
    path = write_video(tmp_path / "lapse.mp4", scene(5))
    with GuardedDecoder(command=STAND_IN) as decoder:
        answer = decoder.decode(path, DecodeRequest())
    assert isinstance(answer, Decoded)
    assert answer.gaps == tuple((k, k) for k in range(1, decoder.limits.frames))


def test_child_that_was_killed_between_files_is_replaced(tmp_path: Path) -> None:
    good = write_video(tmp_path / "good.mp4", scene(5))
    with GuardedDecoder(command=STAND_IN) as decoder:
        assert isinstance(decoder.decode(good, DecodeRequest()), Decoded)
        assert decoder._child is not None
        decoder._child.kill()
        decoder._child.wait()
        assert isinstance(decoder.decode(good, DecodeRequest()), Decoded)
        assert decoder.started == 2


def test_child_that_cannot_start_is_a_reason_not_an_exception(tmp_path: Path) -> None:
    good = write_video(tmp_path / "good.mp4", scene(5))
    with GuardedDecoder(command=["/nonexistent/python"]) as decoder:
        failure = decoder.decode(good, DecodeRequest())
        assert isinstance(failure, DecodeFailure)
        assert failure.reason_code == "decoder_crashed"
        assert decoder.in_force == {}


def test_leak_of_one_file_is_not_laid_at_the_door_of_the_next(tmp_path: Path) -> None:
    good = write_video(tmp_path / "good.mp4", scene(5))
    leaky = tmp_path / "hoard.mp4"
    leaky.write_bytes(good.read_bytes())
    with GuardedDecoder(TIGHT, command=STAND_IN) as decoder:
        answers = [decoder.decode(path, DecodeRequest()) for path in (leaky, good) * 6]
        assert all(isinstance(answer, Decoded) for answer in answers)
        assert 1 < decoder.started < 12


@pytest.mark.parametrize("busy", [False, True])
def test_child_ends_with_its_parent_even_while_it_hangs(tmp_path: Path, busy: bool) -> None:
    hang = write_video(tmp_path / "a.mp4", scene(5)).rename(tmp_path / "hang.mp4")
    program = (
        "import sys, os, threading, time; sys.path.append(sys.argv[1]);"
        "from pathlib import Path;"
        "from pipeline.decode.guard import GuardedDecoder;"
        "from pipeline.decode.types import DecodeRequest;"
        "d = GuardedDecoder(command=sys.argv[3:]); d.in_force;"
        "threading.Timer(1.0, lambda: (print(d._child.pid, flush=True), os._exit(1))).start();"
        f"d.decode(Path(sys.argv[2]), DecodeRequest()) if {busy} else time.sleep(60)"
    )
    command = [sys.executable, "-I", "-c", program, str(ROOT), str(hang), *STAND_IN]
    child = int(subprocess.run(command, capture_output=True, check=False).stdout)
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the child outlived its parent")


CONFINED = """
import sys
sys.path.append(sys.argv[1])
import os, socket, subprocess, resource
from pipeline.decode.confine import confine
from pipeline.decode.types import Limits
folder = sys.argv[2]
state = confine(Limits())
def refused(name, action):
    try:
        action()
    except OSError as error:
        print(name, "refused")
    else:
        print(name, "allowed")
refused("socket", lambda: socket.socket())
refused("connect", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3])), 2))
refused("program", lambda: os.execv("/bin/true", ["true"]))
refused("fork", lambda: os.fork() or os._exit(0))
refused("files", lambda: [os.open("/dev/null", os.O_RDONLY) for _ in range(100)])
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
refused("write", lambda: os.write(os.open(folder + "/written", os.O_WRONLY | os.O_CREAT), b"x"))
import threading
threads = []
worker = threading.Thread(target=threads.append, args=(1,))
worker.start()
worker.join()
print("threads run" if threads else "threads allowed not")
try:
    hoard = bytearray(8 << 30)
    print("memory allowed")
except MemoryError:
    print("memory refused")
print(sorted(name for name, text in state.items() if "not in force" in text))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kernel guards are Linux's")
def test_confined_process_reaches_no_network_starts_no_program_writes_no_file(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        arguments = [str(ROOT), str(tmp_path), str(server.getsockname()[1])]
        run = subprocess.run(
            [sys.executable, "-I", "-c", CONFINED, *arguments], capture_output=True, text=True, check=False
        )
    lines = run.stdout.splitlines()
    if "[]" not in lines[-1]:
        pytest.skip(f"this kernel does not allow {lines[-1]}")
    assert [line for line in lines if line.endswith("allowed")] == []
    assert "threads run" in lines  # decoders may have some
    assert len([line for line in lines if line.endswith("refused")]) == 7
    assert not (tmp_path / "written").exists() or (tmp_path / "written").stat().st_size == 0


def test_guards_in_force_are_told(guarded: GuardedDecoder) -> None:
    in_force = guarded.in_force
    assert {"memory", "core", "open_files", "network", "system_calls", "processor_time"} <= in_force.keys()
    assert in_force["memory"] == f"at most {Limits().memory}"


def test_nothing_is_imported_from_the_working_directory(tmp_path: Path) -> None:
    for name in ("av", "numpy", "json", "pipeline", "cv2"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'a').write({name!r})\n")
    good = write_video(tmp_path / "good.mp4", scene(5))
    program = (
        "import sys; sys.path.append(sys.argv[1]); from pathlib import Path;"
        "from pipeline.decode.guard import GuardedDecoder;"
        "from pipeline.decode.types import DecodeRequest;"
        "d = GuardedDecoder(); print(type(d.decode(Path(sys.argv[2]), DecodeRequest())).__name__); d.close()"
    )
    out = subprocess.run(
        [sys.executable, "-I", "-c", program, str(ROOT), str(good)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.stdout.strip() == "Decoded", out.stderr
    assert not (tmp_path / "marker").exists()
