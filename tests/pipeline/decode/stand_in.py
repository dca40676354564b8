"""A decoding child that misbehaves on files whose name says how; on all others it is the real one.

Started by the fault tests in place of the real child, with the same protocol and the same limits.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

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


def flood() -> None:
    while True:
        write_all(OUT, pack({"kind": "frames", "count": 128}, bytes(128 * 128 * 128)))


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
    "liar": lie,
    "boaster": boast,
    "blind": lambda: write_all(OUT, pack({"kind": "portrait", "second": 0.0, "height": 0, "width": 5})),
}


def misbehave(path: str, *rest: object) -> object:
    MISDEEDS.get(Path(path).stem, lambda: None)()
    return real(path, *rest)  # type: ignore[arg-type]


child.decode_file = misbehave  # type: ignore[assignment]
OUT = os.dup(1)
child.serve()
