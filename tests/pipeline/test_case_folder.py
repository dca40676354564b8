"""A case is private, and two runs never share it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.case_folder import CaseFolder, locked
from pipeline.case_start import prepare_case
from pipeline.errors import UserError


def test_case_is_private(tmp_path: Path) -> None:
    case = CaseFolder(tmp_path / "case")
    prepare_case(case, {}, fresh=False)
    assert case.root.stat().st_mode & 0o777 == 0o700
    assert case.shards.stat().st_mode & 0o777 == 0o700


def test_unfinished_case_is_not_said_to_be_none(tmp_path: Path) -> None:
    case = CaseFolder(tmp_path / "case")
    prepare_case(case, {}, fresh=False)
    with pytest.raises(UserError, match="case is unfinished: run the same 'driverprint analyze' again"):
        case.read_record()


def test_holder_that_left_no_number_is_called_another_process(tmp_path: Path) -> None:
    case = CaseFolder(tmp_path / "case")
    with locked(case), pytest.raises(UserError, match="written by another process"), locked(case):
        pass


def test_second_process_is_told_who_holds_the_case(tmp_path: Path) -> None:
    case = CaseFolder(tmp_path / "case")
    script = (
        "import sys, time; from pathlib import Path\n"
        "from pipeline.case_folder import CaseFolder, locked\n"
        "from pipeline.case_start import prepare_case\n"
        "case = CaseFolder(Path(sys.argv[1]))\n"
        "with locked(case):\n"
        "    prepare_case(case, {}, fresh=False); print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(case.root)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match=f"process {holder.pid}"), locked(case):
            pass
        holder.kill()
    with locked(case):
        pass
