"""The guard around decoding: one child process, replaced whenever it misbehaves.

Seized files are hostile and damaged; native decoders hang, crash and swallow memory. Whatever a
file does to the child costs that one file, as a `DecodeFailure`, and never raises here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from pipeline.decode.collected import Collected
from pipeline.decode.types import Decoded, DecodeFailure, DecodeRequest, Encoding, Limits, VideoFacts
from pipeline.decode.wire import BrokenWireError, SilentWireError, read_message, send, widen

ROOT: Final = Path(__file__).resolve().parents[2]
# -I: neither the working directory nor PYTHONPATH is searched for modules; the folder this very
# package lies in is appended last.
PROGRAM: Final = "import sys; sys.path.append(sys.argv[1]); from pipeline.decode.child import serve; serve()"
START_SECONDS: Final = 60.0
FILES_PER_CHILD: Final = 500  # then a fresh one takes over, so that small leaks do not add up
# What an earlier file may have prepared in the same child. A hang is not among them: trying it again
# would cost the time limit twice.
NOT_SURELY_ITS_OWN: Final = ("decoder_crashed", "over_memory")


class GuardedDecoder:
    """Decodes files in a child process with limits; reused from file to file.

    >>> with GuardedDecoder() as decoder:
    ...     decoded = decoder.decode(Path("a.mp4"), DecodeRequest())
    """

    def __init__(self, limits: Limits | None = None, *, command: list[str] | None = None) -> None:
        """`command` replaces the child's command line: the fault tests put stand-ins there."""
        self.limits = limits or Limits()
        self._command = command or [sys.executable, "-I", "-c", PROGRAM, str(ROOT)]
        self._child: subprocess.Popen[bytes] | None = None
        self._in_force: dict[str, str] = {}
        self.started = 0  # children started so far
        self._served = 0  # files the present child was asked about

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def in_force(self) -> dict[str, str]:
        """Which guards are in force, e.g. {"memory": "at most 4294967296", "network": ...}."""
        if not self._in_force:
            with contextlib.suppress(BrokenWireError, SilentWireError, OSError):
                self._start()
        return dict(self._in_force)

    def close(self) -> None:
        """End the child. The decoder may be used again; it then starts another."""
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        child.kill()
        child.wait()

    def probe(self, path: Path) -> VideoFacts | DecodeFailure:
        """What the container says about its video, without decoding it. Never raises for a bad file."""
        answer = self._ask(path, {"kind": "probe"})
        return answer if isinstance(answer, DecodeFailure) else answer.facts

    def decode(self, path: Path, request: DecodeRequest) -> Decoded | DecodeFailure:
        """Frames and facts of one file. Never raises for a bad file."""
        answer = self._ask(path, {"kind": "decode", "request": asdict(request)})
        if isinstance(answer, DecodeFailure):
            return answer
        try:
            return answer.decoded(request)
        except (ValueError, KeyError, TypeError):
            self.close()
            return DecodeFailure("decoder_crashed", "The decoder's process answered with nonsense.")

    def reencode(self, path: Path, encoding: Encoding) -> bytes | DecodeFailure:
        """The file's video encoded once more, as the bytes of an MP4. Never raises for a bad file."""
        answer = self._ask(path, {"kind": "reencode", "encoding": asdict(encoding)})
        return answer if isinstance(answer, DecodeFailure) else bytes(answer.encoded)

    def _ask(self, path: Path, header: dict[str, Any]) -> Collected | DecodeFailure:
        """The child's answer; a failure an earlier file may have caused is checked in a fresh child."""
        if self._served >= FILES_PER_CHILD:
            self.close()
        answer = self._ask_once(path, header)
        if isinstance(answer, DecodeFailure) and answer.reason_code in NOT_SURELY_ITS_OWN:
            shared = self._served > 1
            self.close()
            if shared:
                answer = self._ask_once(path, header)
        return answer

    def _ask_once(self, path: Path, header: dict[str, Any]) -> Collected | DecodeFailure:
        limits = self.limits
        try:
            self._start()
        except (BrokenWireError, SilentWireError, OSError) as error:
            self.close()
            return DecodeFailure("decoder_crashed", f"The decoder's process could not be started ({error}).")
        assert self._child is not None and self._child.stdin is not None and self._child.stdout is not None
        self._served += 1
        give_up = time.monotonic() + limits.wall_seconds
        collected = Collected(limits, header.get("request", {}).get("thumbnails", 0))
        try:
            send(self._child.stdin.fileno(), {**header, "path": str(path.absolute())})
            while True:
                deadline = min(give_up, time.monotonic() + limits.stall_seconds)
                message, payload = read_message(self._child.stdout.fileno(), deadline)
                end = collected.take(message, payload)
                if end is not None:
                    return end if isinstance(end, DecodeFailure) else collected
                if time.monotonic() > give_up:
                    raise SilentWireError
        except SilentWireError:
            self.close()
            return DecodeFailure(
                "timed_out",
                f"Decoding stood still for {limits.stall_seconds:g} s or lasted {limits.wall_seconds:g} s.",
            )
        except (BrokenWireError, ValueError, KeyError, TypeError):
            return self._post_mortem()

    def _post_mortem(self) -> DecodeFailure:
        """Why the child died, from its exit status; the child is replaced at the next file."""
        assert self._child is not None
        child = self._child
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(2)
        status = child.returncode
        self.close()
        if status == -signal.SIGXCPU:
            return DecodeFailure(
                "timed_out", f"Decoding used more than {self.limits.cpu_seconds} s of processor time."
            )
        if status == -signal.SIGKILL:
            return DecodeFailure(
                "over_memory", "The system ended the decoder's process, most likely for memory."
            )
        if status is not None and status < 0:
            name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
            return DecodeFailure("decoder_crashed", f"The decoder's process died of {name}.")
        return DecodeFailure("decoder_crashed", "The decoder's process ended without an answer.")

    def _start(self) -> None:
        """A living child that said it is ready."""
        if self._child is not None and self._child.poll() is None:
            return
        self.close()
        environment = {
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "OPENBLAS_NUM_THREADS": "1",  # its buffers would eat the address space
            "OMP_NUM_THREADS": "1",
        }
        if "LD_LIBRARY_PATH" in os.environ:
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        self._child = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=environment,
        )
        self.started += 1
        self._served = 0
        assert self._child.stdin is not None and self._child.stdout is not None
        widen(self._child.stdout.fileno())
        send(self._child.stdin.fileno(), {"kind": "limits", "limits": asdict(self.limits)})
        message, _ = read_message(self._child.stdout.fileno(), time.monotonic() + START_SECONDS)
        self._in_force = {str(k): str(v) for k, v in message.get("in_force", {}).items()}
        self._in_force["processor_time"] = f"at most {self.limits.cpu_seconds} s a file"
        self._in_force["wall_clock"] = f"at most {self.limits.wall_seconds:g} s a file"
