"""A real case, analysed once for all tests that look at it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real_case import build_real_case


@dataclass(frozen=True)
class Run:
    """One finished `driverprint analyze`."""

    evidence: Path
    case: Path
    pid: int
    code: int
    log: str


def command(*words: str | Path) -> list[str]:
    """The command as a user types it."""
    return [sys.executable, "-P", "-m", "pipeline", *map(str, words)]


def driverprint(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, in a process of its own."""
    return subprocess.run(command(*words), cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def real_evidence(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> Path:
    if not (footage / "WolfgangLanger_Pexels.mp4").exists():
        pytest.skip("real footage could not be fetched")
    return build_real_case(tmp_path_factory.mktemp("real") / "evidence")


@pytest.fixture(scope="session")
def real_run(real_evidence: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    case = tmp_path_factory.mktemp("case") / "case"
    words = command("analyze", real_evidence, "-o", case)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        log, _ = run.communicate()
    return Run(real_evidence, case, run.pid, run.returncode, log)
