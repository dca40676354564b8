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
    code: int
    log: str


def driverprint(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, in a process of its own."""
    command = [sys.executable, "-P", "-m", "pipeline", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def real_evidence(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> Path:
    if not (footage / "WolfgangLanger_Pexels.mp4").exists():
        pytest.skip("real footage could not be fetched")
    return build_real_case(tmp_path_factory.mktemp("real") / "evidence")


@pytest.fixture(scope="session")
def real_run(real_evidence: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    case = tmp_path_factory.mktemp("case") / "case"
    done = driverprint("analyze", real_evidence, "-o", case)
    return Run(real_evidence, case, done.returncode, done.stdout + done.stderr)
