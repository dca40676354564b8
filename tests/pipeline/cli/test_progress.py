"""What somebody who waits is told."""

from __future__ import annotations

import pytest

from pipeline.cli import progress
from pipeline.cli.progress import Steps


def test_log_tells_the_large_file_at_work_and_what_to_do_about_one_of_holes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    stage = Steps("Taking in", None)
    stage.reading("full.dd", 2**30, 2**32, 2**32)
    assert capsys.readouterr().err == "Taking in: full.dd, 1.0 of 4.0 GiB\n"
    for done in (2**30, 2**31):
        stage.reading("\x1b[2J[red].dd", done, 2**43, 2**20)
    said = capsys.readouterr().err
    assert "8,192.0 GiB long, of which 0.0 GiB lie on the disk" in said
    assert said.count("stop with Ctrl-C, take it out of the evidence folder") == 1
    assert "\x1b" not in said
    assert "\\x1b[2J[red].dd, 2.0 of 8,192.0 GiB" in said


def test_small_files_are_not_told_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Steps("Taking in", None)
    stage.reading("a.dd", 2**30, 2**32, 2**32)
    assert capsys.readouterr().err == ""
