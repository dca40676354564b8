"""Being asked to stop is never forgotten, wherever the signal meets the program."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os, signal
from pipeline.interruption import listen, raise_if_asked

class Busy:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        for _ in range(1000):
            pass

listen()
raise_if_asked()
Busy()
print("the exception was lost", flush=True)
try:
    raise_if_asked()
except KeyboardInterrupt:
    print("but not the question")
"""


def test_signal_that_meets_a_destructor_is_not_lost() -> None:
    for name in ("SIGINT", "SIGTERM"):
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(name=name)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.stdout.splitlines() == ["the exception was lost", "but not the question"], run.stderr
