"""Help and refusals come at once, and what they show is right."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module

import pytest

from pipeline.cli.commands import COMMANDS
from pipeline.cli.main import main

#: Seconds of imports together; none of them is asked for by someone who reads help or mistyped a word.
HEAVY = {"ray", "torch", "onnx", "onnxruntime", "cv2", "av", "sklearn", "scipy", "matplotlib", "polars"}


def imported(*words: str) -> set[str]:
    """The heavy packages a process has imported when it leaves."""
    code = (
        "import sys\n"
        "from pipeline.cli.main import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "finally:\n"
        f"    print('\\nimported', *({HEAVY} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    _, told, names = done.stdout.rpartition("\nimported")
    assert told, done.stderr
    return set(names.split())


@pytest.mark.parametrize("words", [("--help",), ("--version",), (), ("analyse",), ("--colour",)])
def test_what_calls_no_command_imports_none(words: tuple[str, ...]) -> None:
    assert imported(*words) == set()


def test_command_that_needs_no_figures_and_no_model_waits_for_none() -> None:
    assert imported("verify", "--help") == set()
    assert imported("simulate", "--help") == set()


def helped(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as left:
        main([*words, "--help"])
    assert not left.value.code
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_list_says_of_a_command_what_its_own_help_says(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert COMMANDS[command] in " ".join(helped(capsys, monkeypatch, command).split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples_that_keep_their_lines_at_eighty_columns(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module(f"pipeline.cli.{command.replace('-', '_')}")
    assert f"driverprint {command} " in module.EXAMPLES
    shown = [line.strip() for line in helped(capsys, monkeypatch, command).splitlines()]
    assert [line for line in module.EXAMPLES.splitlines() if line.strip() not in shown] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_in_an_example_is_one_of_its_command(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module(f"pipeline.cli.{command.replace('-', '_')}")
    calls = re.findall(r"^  driverprint (\S+) ((?:.*\\\n)*.*)$", module.EXAMPLES, re.MULTILINE)
    assert calls
    for called, words in calls:
        known = helped(capsys, monkeypatch, called)
        for option in re.findall(r"(?<= )--?[a-z][a-z-]*", f" {words}"):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", known), (called, option)
