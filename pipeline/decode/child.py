"""The decoding child: reads requests on stdin, answers in frames on what was stdout.

Started by `pipeline.decode.guard`, never by hand. It imports what it needs, gives up its rights
(`pipeline.decode.confine`), says hello, and decodes one file after the other.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import asdict
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from pipeline.decode.confine import arm_cpu, confine
from pipeline.decode.container import RefusedError
from pipeline.decode.passage import Sink
from pipeline.decode.reencode import reencode
from pipeline.decode.session import decode_file, probe_file
from pipeline.decode.types import SIDE, DecodeRequest, Encoding, Limits
from pipeline.decode.wire import BrokenWireError, read_message, send

CHUNK: Final = 128  # frames a message, 2 MiB
HEARTBEAT: Final = 1.0  # s
PIECE: Final = 1 << 22  # bytes of an encoded file a message


class Answer:
    """Collects frames into messages and writes them."""

    def __init__(self, descriptor: int) -> None:
        self._out = descriptor
        self._chunk = np.empty((CHUNK, SIDE, SIDE), np.uint8)
        self._filled = 0
        self._spoke = time.monotonic()

    def frame(self, picture: NDArray[np.uint8], times: int) -> None:
        for _ in range(times):
            self._chunk[self._filled] = picture
            self._filled += 1
            if self._filled == CHUNK:
                self.flush()

    def flush(self) -> None:
        if self._filled:
            self.say({"kind": "frames", "count": self._filled}, self._chunk[: self._filled].reshape(-1).data)
            self._filled = 0

    def portrait(self, second: float, gray: NDArray[np.uint8]) -> None:
        height, width = gray.shape
        self.say({"kind": "portrait", "second": second, "height": height, "width": width}, gray.tobytes())

    def alive(self) -> None:
        if time.monotonic() - self._spoke > HEARTBEAT:
            self.say({"kind": "alive"})

    def say(self, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
        self._spoke = time.monotonic()
        send(self._out, header, payload)


def answer_request(header: dict[str, Any], limits: Limits, out: int) -> None:
    """Do what one request asks; every exception becomes a `failed` message."""
    answer = Answer(out)
    try:
        if header["kind"] == "probe":
            answer.say({"kind": "facts", "facts": asdict(probe_file(header["path"], limits))})
            return
        if header["kind"] == "reencode":
            encoded = reencode(header["path"], Encoding(**header["encoding"]), limits)
            for start in range(0, len(encoded), PIECE):
                answer.say({"kind": "encoded"}, encoded[start : start + PIECE])
            answer.say({"kind": "facts", "facts": {}})
            return
        wanted = dict(header["request"])
        wanted["crop"] = tuple(wanted["crop"]) if wanted["crop"] else None
        sink = Sink(answer.frame, answer.portrait, answer.alive)
        outcome = decode_file(header["path"], DecodeRequest(**wanted), limits, sink)
        answer.flush()
        arrays: dict[str, NDArray[Any]] = {
            "seconds": outcome.seconds,
            "source_index": outcome.source_index,
            "gaps": np.asarray(outcome.gaps, np.int32),  # of a video in pieces more than a header holds
        }
        for name, values in arrays.items():
            answer.say({"kind": name}, values.tobytes())
        answer.say(
            {
                "kind": "done",
                "facts": asdict(outcome.facts),
                "reason_code": outcome.reason_code,
                "reason": outcome.reason,
                "left_out": outcome.left_out,
            }
        )
    except BrokenWireError:
        raise
    except RefusedError as refusal:
        answer.say(
            {
                "kind": "failed",
                "reason_code": refusal.code,
                "reason": refusal.sentence,
                "facts": asdict(refusal.facts),
            }
        )
    except MemoryError:
        answer.say(_failed("over_memory", "Decoding needs more memory than the limit."))
    except Exception as error:
        # A fault of the decoding library on this one file; the next file must not suffer from it.
        answer.say(_failed("unreadable", f"The decoder gave the file up ({type(error).__name__}: {error})."))


def _failed(code: str, sentence: str) -> dict[str, Any]:
    return {"kind": "failed", "reason_code": code, "reason": sentence, "facts": {}}


def serve() -> None:
    """Speak the protocol until stdin ends. Prints of native libraries go nowhere."""
    out = os.dup(1)
    requests = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    # Printed nowhere, but counted: see pipeline.decode.sources.
    av.logging.set_level(av.logging.PANIC)
    try:
        header, _ = read_message(requests)
        limits = Limits(**header["limits"])
        if header.get("decord"):
            import decord  # noqa: F401  (its libraries must be loaded before the rights are gone)
        send(out, {"kind": "ready", "in_force": confine(limits)})
        while True:
            header, _ = read_message(requests)
            arm_cpu(limits)
            answer_request(header, limits, out)
    except BrokenWireError:
        sys.exit(0)  # the parent is gone or done


if __name__ == "__main__":
    serve()
