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
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from pipeline.decode.types import (
    PORTRAIT_SIDE,
    SIDE,
    Decoded,
    DecodeFailure,
    DecodeRequest,
    Encoding,
    Limits,
    Portrait,
    VideoFacts,
)
from pipeline.decode.wire import BrokenWireError, SilentWireError, read_message, send, widen
from pipeline.reasons import DECODE_CAVEATS, DECODE_FAILURES

ROOT: Final = Path(__file__).resolve().parents[2]
# -I: neither the working directory nor PYTHONPATH is searched for modules; the folder this very
# package lies in is appended last.
PROGRAM: Final = "import sys; sys.path.append(sys.argv[1]); from pipeline.decode.child import serve; serve()"
START_SECONDS: Final = 60.0
ENCODED_LIMIT: Final = 1 << 30  # bytes of a re-encoded file
TEXT_LIMIT: Final = 1000  # characters of a sentence
ARRAYS: Final = {"seconds": 8, "source_index": 4}  # bytes a frame
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

    def _ask(self, path: Path, header: dict[str, Any]) -> _Collected | DecodeFailure:
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

    def _ask_once(self, path: Path, header: dict[str, Any]) -> _Collected | DecodeFailure:
        limits = self.limits
        try:
            self._start()
        except (BrokenWireError, SilentWireError, OSError) as error:
            self.close()
            return DecodeFailure("decoder_crashed", f"The decoder's process could not be started ({error}).")
        assert self._child is not None and self._child.stdin is not None and self._child.stdout is not None
        self._served += 1
        give_up = time.monotonic() + limits.wall_seconds
        collected = _Collected(limits, header.get("request", {}).get("thumbnails", 0))
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


class _Collected:
    """The messages of one answer, bounded and checked: the child is not trusted."""

    def __init__(self, limits: Limits, portraits: int) -> None:
        """`portraits` is how many were asked for."""
        self._limits = limits
        self._wanted = portraits
        self._frames = bytearray()
        self._portraits: list[Portrait] = []
        self._arrays = {name: bytearray() for name in ARRAYS}
        self._end: dict[str, Any] = {}
        self.facts = VideoFacts()
        self.encoded = bytearray()

    def take(self, message: dict[str, Any], payload: bytes) -> bool | DecodeFailure | None:
        """One message; None while more must come. Raises ValueError, KeyError for nonsense."""
        kind = message["kind"]
        if kind == "frames":
            if len(self._frames) + len(payload) > self._limits.frames * SIDE * SIDE:
                raise ValueError("more frames than the limit")
            self._frames += payload
        elif kind in ARRAYS:
            if len(self._arrays[kind]) + len(payload) > self._limits.frames * ARRAYS[kind]:
                raise ValueError("more numbers than the limit of frames")
            self._arrays[kind] += payload
        elif kind == "encoded":
            if len(self.encoded) + len(payload) > ENCODED_LIMIT:
                raise ValueError("more bytes than the limit")
            self.encoded += payload
        elif kind == "portrait":
            if len(self._portraits) == self._wanted or len(payload) > PORTRAIT_SIDE * PORTRAIT_SIDE:
                raise ValueError("more portraits than asked for, or a larger one")
            gray = np.frombuffer(payload, np.uint8).reshape(int(message["height"]), int(message["width"]))
            self._portraits.append(Portrait(float(message["second"]), gray))
        elif kind == "failed":
            code = str(message["reason_code"])
            if code not in DECODE_FAILURES:
                raise ValueError("unknown reason code")
            return DecodeFailure(code, _text(message["reason"]), _facts(message.get("facts") or {}))
        elif kind in ("facts", "done"):
            self.facts = _facts(message["facts"])
            self._end = message
            return True
        elif kind != "alive":
            raise ValueError("unknown message")
        return None

    def decoded(self, request: DecodeRequest) -> Decoded:
        """The whole answer. Raises ValueError, KeyError, TypeError when its parts do not fit together."""
        frames = np.frombuffer(self._frames, np.uint8).reshape(-1, SIDE, SIDE)
        seconds = np.frombuffer(bytes(self._arrays["seconds"]), np.float64)
        index = np.frombuffer(bytes(self._arrays["source_index"]), np.int32)
        code = self._end["reason_code"]
        if not (len(frames) == len(seconds) == len(index) >= 1) or (code and code not in DECODE_CAVEATS):
            raise ValueError("the parts of the answer do not fit")
        gaps = tuple((int(a), int(b)) for a, b in self._end["gaps"])
        before, behind = (int(count) for count in self._end["left_out"])
        if min(before, behind) < 0:
            raise ValueError("fewer frames left out than none")
        return Decoded(
            frames,
            seconds,
            index,
            gaps,
            request.fps,
            self.facts,
            tuple(self._portraits),
            code,
            _text(self._end["reason"]) if code else None,
            (before, behind),
        )


def _facts(values: dict[str, Any]) -> VideoFacts:
    return VideoFacts(**{f.name: _believed(values.get(f.name), str(f.type)) for f in fields(VideoFacts)})


def _believed(value: Any, kind: str) -> Any:
    """A fact if it is of its ``kind`` and a table can hold it: files and rogue children say anything."""
    if kind == "str | None" and isinstance(value, str):
        return _text(value)
    if kind == "bool | None" and isinstance(value, bool):
        return value
    if kind == "int | None" and type(value) is int and abs(value) < 2**31:
        return value
    if kind == "float | None" and type(value) in (int, float) and abs(value) < 2**63:
        return float(value)
    return None


def _text(value: object) -> str:
    """What the child says in words, without the lone surrogates of undecodable names."""
    return str(value)[:TEXT_LIMIT].encode("utf-8", "backslashreplace").decode()


def looks_like_video(path: Path, decoder: GuardedDecoder) -> str | None:
    """Container name if the content is a video that can be opened, else None; probed in the child."""
    facts = decoder.probe(path)
    return facts.container if isinstance(facts, VideoFacts) else None
