"""Members of 7z archives and disk images, read in a confined child so that no file can harm the run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from io import FileIO
from pathlib import Path
from typing import Any, Final

from pipeline.decode.wire import BrokenWireError, SilentWireError, read_message, write_all
from pipeline.intake.child import DATA, NEXT, PIECE
from pipeline.intake.limits import MAX_NAME, Watch
from pipeline.intake.members import DamagedError, EncryptedError, Member, Members, Refusal
from pipeline.intake.reading import utc
from pipeline.reasons import INTAKE

ROOT: Final = Path(__file__).resolve().parents[2]
# -I: nothing is imported from the working directory or the environment; the folder this package lies in
# is appended last.
PROGRAM: Final = "import sys; sys.path.append(sys.argv[1]); from pipeline.intake.child import serve; serve()"
START_SECONDS: Final = 120.0
# For one answer. Skipping a member of a 7z archive unpacks it, and a member may be large.
ANSWER_SECONDS: Final = 1800.0


def guarded_members(file: FileIO, kind: str, path: Path, watch: Watch) -> Members:
    """Yield the members of a 7z archive or disk image that lies open as ``file``, with its place ``path``.

    Raises DamagedError when it cannot be read any further, whatever happened to the child, and TooSlowError.
    """
    command = [sys.executable, "-I", "-c", PROGRAM, str(ROOT), kind, str(file.fileno()), str(path.absolute())]
    environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=[file.fileno()],
        bufsize=0,
        cwd="/",
        env=environment,
    )
    talk = _Talk(child, watch)
    try:
        talk.listen(START_SECONDS)
        while True:
            header, _ = talk.ask(NEXT)
            if header["kind"] == "end":
                return
            if header["kind"] == "rest":
                kind_of_error = EncryptedError if header["encrypted"] else DamagedError
                raise kind_of_error(str(header["why"]))
            yield _member(header, talk)
    except (BrokenWireError, SilentWireError, KeyError, ValueError, TypeError):
        raise DamagedError(talk.post_mortem()) from None
    finally:
        talk.close()


class _Talk:
    """The conversation with one child, which is not trusted."""

    def __init__(self, child: subprocess.Popen[bytes], watch: Watch) -> None:
        self._child, self._watch = child, watch

    def ask(self, command: bytes) -> tuple[dict[str, Any], bytes]:
        """One answer. Raises BrokenWireError, SilentWireError, TooSlowError."""
        assert self._child.stdin is not None
        write_all(self._child.stdin.fileno(), command)
        try:
            return self.listen(min(ANSWER_SECONDS, self._watch.left()))
        except SilentWireError:
            self._watch.left()  # says so where it is the archive's time that ended
            raise

    def listen(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        """The child's next message. Raises BrokenWireError, SilentWireError."""
        assert self._child.stdout is not None
        return read_message(self._child.stdout.fileno(), time.monotonic() + seconds)

    def close(self) -> None:
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._child.kill()
        self._child.wait()

    def post_mortem(self) -> str:
        """What became of a child that does not answer as it should."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(2)
        status = self._child.returncode
        if status is None:
            return "its reader stood still or spoke nonsense"
        if status == -signal.SIGXCPU:
            return "its reader used more processor time than the limit"
        if status < 0:
            name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
            return f"its reader died of {name}"
        return "its reader ended without an answer"


def _member(header: dict[str, Any], talk: _Talk) -> Member:
    """Raises KeyError, ValueError, TypeError for nonsense."""
    refusal = None
    if header["refusal"] is not None:
        code, sentence, status = map(str, header["refusal"])
        if code not in INTAKE or status not in ("failed", "skipped"):
            raise ValueError(code)
        refusal = Refusal(code, sentence, status)
    modified = header["modified"]
    name = bytes.fromhex(header["name"])
    if len(name) > MAX_NAME + 1:
        raise ValueError("a name")
    return Member(
        name,
        max(0, min(int(header["size"]), 2**63 - 1)),
        None if modified is None else utc(float(modified)),
        _Content(talk) if header["holds"] and refusal is None else None,
        refusal,
        chunk=PIECE,
    )


class _Content:
    """A member's bytes, asked for one piece at a time; reading raises OSError for damage."""

    def __init__(self, talk: _Talk) -> None:
        self._talk = talk

    def read(self, _size: int, /) -> bytes:
        """The next piece, at most PIECE bytes."""
        try:
            header, payload = self._talk.ask(DATA)
        except (BrokenWireError, SilentWireError):
            raise OSError(self._talk.post_mortem()) from None
        if header.get("kind") != "data" or len(payload) > PIECE:
            raise OSError(str(header.get("why", "its reader spoke nonsense")))
        return payload
