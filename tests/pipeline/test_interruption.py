"""Being asked to stop is never forgotten, wherever the signal meets the program."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


AMONG_IMPORTS = """
import os, signal, sys

met = sys.argv.pop(1)

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == met:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder)
from pipeline.cli.main import main
main()
"""


@pytest.mark.parametrize(
    ("module", "command"),
    [("typer", "--help"), ("pyarrow", "verify"), ("scipy", "analyze"), ("matplotlib", "report")],
)
def test_ctrl_c_in_the_first_second_is_one_sentence_and_the_status_of_every_other(
    module: str, command: str
) -> None:
    words = [sys.executable, "-c", AMONG_IMPORTS, module, command]
    run = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert run.stderr == "Interrupted before anything was begun.\n"
    assert run.returncode == 3


IMPATIENT = """
import os, signal, sys

class Wire:  # Ctrl-C when anything is written to it
    def write(self, text):
        os.kill(os.getpid(), signal.SIGINT)
        return sys.__stderr__.write(text)

    def flush(self):
        pass

from pipeline.cli.main import main
sys.argv[1:] = ["--version"]
sys.stdout = sys.stderr = Wire()
main()
"""


def test_another_ctrl_c_leaves_the_last_words_and_the_status_as_they_are() -> None:
    words = [sys.executable, "-c", IMPATIENT]
    run = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert "Interrupted. What is done is kept" in run.stderr
    assert "Traceback" not in run.stderr
    assert run.returncode == 3
