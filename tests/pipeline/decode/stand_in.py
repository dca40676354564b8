"""A decoding child that misbehaves on files whose name says how; on all others it is the real one.

Started by the fault tests in place of the real child, with the same protocol and the same limits.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.append(sys.argv[1])

from pipeline.decode import child, session
from pipeline.decode.wire import pack, write_all

real = session.decode_file


def spin() -> None:
    while True:
        pass


def leak() -> None:
    hoard = []
    while True:
        hoard.append(bytearray(64 << 20))


HOARD: list[bytearray] = []


def hoard() -> None:
    """A leak that shows only later, in another file."""
    HOARD.append(bytearray(220 << 20))


def fail() -> None:
    raise RuntimeError("a fault of the library")


def chatter() -> None:
    """Native libraries print."""
    os.write(1, b"\x00\x00\x00\x05hello" * 100)
    os.write(2, b"warning\n" * 100)
    print("hello", flush=True)


def flood(kind: str = "frames", size: int = 128**3, **header: object) -> None:
    while True:
        write_all(OUT, pack({"kind": kind, **header}, bytes(size)))


def poster() -> None:
    """One portrait, larger than any."""
    write_all(OUT, pack({"kind": "portrait", "second": 0.0, "height": 1024, "width": 1024}, bytes(1024**2)))
    time.sleep(3600)


def lie() -> None:
    write_all(OUT, pack({"kind": "done", "facts": {}, "gaps": [], "reason_code": None, "reason": None}))


def boast() -> None:
    facts = {
        "width": 10**30,
        "height": 7,
        "fps": 25,
        "duration": float("nan"),
        "codec": [1],
        "container": "\udcff",
    }
    failed = {"kind": "failed", "reason_code": "unreadable", "reason": "\udcff", "facts": facts}
    write_all(OUT, pack(failed))


MISDEEDS: dict[str, Callable[[], object]] = {
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "exit": lambda: os._exit(0),
    "hang": lambda: time.sleep(3600),
    "spin": spin,
    "leak": leak,
    "hoard": hoard,
    "raise": fail,
    "chatter": chatter,
    "nonsense": lambda: write_all(OUT, b"\xff" * 4096),
    "flood": flood,
    "flood_of_seconds": lambda: flood("seconds", 4096),
    "flood_of_indices": lambda: flood("source_index", 4096),
    "flood_of_portraits": lambda: flood("portrait", 32 * 32, second=0.0, height=32, width=32),
    "poster": poster,
    "liar": lie,
    "boaster": boast,
}


def misbehave(path: str, request: Any, limits: Any, sink: session.Sink) -> object:
    MISDEEDS.get(Path(path).stem, lambda: None)()
    if Path(path).stem == "blind":  # its portraits have no row
        show = sink.portrait
        sink = replace(sink, portrait=lambda second, gray: show(second, gray[:0]))
    outcome = real(path, request, limits, sink)
    if Path(path).stem == "lapse":  # as of a camera that takes four pictures a minute, for a week
        outcome = replace(outcome, gaps=tuple((k, k) for k in range(1, limits.frames)))
    return outcome


child.decode_file = misbehave  # type: ignore[assignment]
OUT = os.dup(1)
child.serve()
