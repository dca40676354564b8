"""Nothing that lies in the evidence is ever imported, whatever it is called."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.faults.conftest import Finished, assert_holds, driverprint, mark_of


@pytest.fixture
def mark(small_evidence: Path) -> Iterator[Path]:
    """Where an imported trap leaves its mark; absent before and after each test."""
    path = mark_of(small_evidence)
    assert not path.exists()
    yield path
    path.unlink(missing_ok=True)


def test_a_trap_would_be_noticed(small_evidence: Path, mark: Path) -> None:
    """Python itself does import from a working directory: the traps are armed."""
    subprocess.run([sys.executable, "-c", "import polars"], cwd=small_evidence, check=False)
    assert mark.exists()


def test_analyze_inside_the_evidence_folder_imports_nothing_from_it(
    undisturbed: Finished, mark: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    done = driverprint("analyze", ".", "-o", case, cwd=undisturbed.evidence)
    assert done.returncode == 1, done.stderr
    assert driverprint("verify", case, cwd=undisturbed.evidence).returncode == 0
    assert driverprint("report", case, cwd=undisturbed.evidence).returncode == 0
    assert not mark.exists()
    assert_holds(case, undisturbed.digest)


def test_python_dash_m_imports_nothing_beside_the_videos(
    small_evidence: Path, mark: Path, tmp_path: Path
) -> None:
    """`python -m pipeline` finds a folder `pipeline` in the working directory, and modules Python loads to
    look for it, before any line of ours runs; that is why the command is `driverprint`."""
    folder = shutil.copytree(small_evidence, tmp_path / "evidence")
    shutil.rmtree(folder / "pipeline")
    for name in ("sitecustomize.py", "usercustomize.py", "typing.py", "random.py", "json.py"):
        (folder / name).unlink()
    command = [sys.executable, "-m", "pipeline", "inspect", "q.mp4"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not mark.exists()
