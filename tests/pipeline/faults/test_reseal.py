"""`report` and `purge` change a sealed case whole or not at all, whenever they are killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from pipeline.audit import read_audit
from pipeline.case_folder import CaseFolder
from pipeline.cli.main import main
from pipeline.verify import verify_case
from tests.pipeline.faults.conftest import Finished

#: Dies as the file of that name is about to be renamed into place.
KILLED = """
import os, signal, sys
from pipeline.cli.main import main
def hook(event, arguments):
    if event == "os.rename" and os.fspath(arguments[1]).endswith(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
main(sys.argv[2:])
"""
WORDS = {"report": (), "purge": ("--biometrics",)}


def kill(command: str, case: Path, name: str) -> None:
    words = [sys.executable, "-P", "-c", KILLED, name, command, str(case), *WORDS[command]]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == -9, done.stderr


def run(command: str, case: Path) -> int:
    with pytest.raises(SystemExit) as left:
        main([command, str(case), *WORDS[command]])
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("report", ".work/report/SHA256SUMS"),
        ("report", "copy/audit.jsonl"),
        ("report", "copy/SHA256SUMS"),
        ("purge", ".work/purge/report.html"),
        ("purge", "copy/embeddings/part-0.parquet"),
        ("purge", "copy/SHA256SUMS"),
    ],
)
def test_killed_command_is_finished_by_the_next(
    undisturbed: Finished, copied: Path, command: str, name: str
) -> None:
    log = (copied / "audit.jsonl").read_bytes()
    kill(command, copied, name)
    (problem,) = verify_case(CaseFolder(copied)).problems
    assert f"'driverprint {command}' was interrupted" in problem
    assert "run it again" in problem
    assert run(command, copied) == 0
    verdict = verify_case(CaseFolder(copied))
    assert verdict.problems == ()
    assert verdict.result_digest == undisturbed.digest
    assert not (copied / ".work").exists()
    assert (copied / "audit.jsonl").read_bytes().startswith(log)
    wanted = {"report": "report_built", "purge": "purged"}[command]
    assert wanted in [entry["event"] for entry in read_audit(copied) if entry["session"] > 1]
    if command == "purge":
        assert b"data:image/png" not in (copied / "report.html").read_bytes()
        assert len(pl.read_parquet(copied / "visuals")) == 0


@pytest.mark.parametrize("protected", [".", "embeddings"])
@pytest.mark.parametrize("command", ["report", "purge"])
def test_write_protected_case_is_left_as_it_is(
    copied: Path, capsys: pytest.CaptureFixture[str], command: str, protected: str
) -> None:
    folder = copied / protected
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}
    folder.chmod(0o555)
    assert run(command, copied) == 2
    assert folder.stat().st_mode & 0o777 == 0o555
    said = capsys.readouterr().err
    assert f"driverprint: {folder} is write-protected" in said
    assert f"chmod -R u+w {copied}" in said
    assert {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()} == before
    folder.chmod(0o755)
    assert run(command, copied) == 0


def test_interrupted_report_does_not_stand_in_the_way_of_a_purge(undisturbed: Finished, copied: Path) -> None:
    kill("report", copied, ".work/report/SHA256SUMS")
    assert run("purge", copied) == 0
    verdict = verify_case(CaseFolder(copied))
    assert (verdict.problems, verdict.result_digest) == ((), undisturbed.digest)


@pytest.mark.parametrize("name", [".work/report/SHA256SUMS", "copy/SHA256SUMS"])
@pytest.mark.parametrize("altered", ["scores.parquet", "audit.jsonl"])
def test_what_is_altered_in_an_interrupted_case_is_still_found(copied: Path, name: str, altered: str) -> None:
    kill("report", copied, name)
    text = (copied / altered).read_bytes()
    (copied / altered).write_bytes(text[:200] + bytes([text[200] ^ 1]) + text[201:])
    assert any(
        problem.startswith(f"{altered} was changed") for problem in verify_case(CaseFolder(copied)).problems
    )
    assert run("report", copied) == 2
    assert any(altered in problem for problem in verify_case(CaseFolder(copied)).problems)


def test_report_that_cannot_be_built_leaves_the_case_as_it_was(copied: Path) -> None:
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); {KILLED}"
    words = [sys.executable, "-P", "-c", limited, "nothing", "report", str(copied)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 2, done.stderr
    assert {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()} == before
