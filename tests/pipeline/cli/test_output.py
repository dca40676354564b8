"""The exit status and the sentences stay true where nobody reads them, or nothing can be written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import typer

from pipeline.cli.main import _trouble, _wrong_argument, main
from reports.page import write_page
from tests.pipeline.cli.conftest import command
from tests.pipeline.decode.videos import scene, write_video

INTERRUPTED = 3  # README: 1 says that files failed, which is another matter


def _nobody_reads() -> int:
    """The writing end of a pipe that is closed at the other."""
    read, write = os.pipe()
    os.close(read)
    return write


def test_reader_that_went_away_is_no_failed_file() -> None:
    pipe = _nobody_reads()
    done = subprocess.run(command("--help"), stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    os.close(pipe)
    assert (done.returncode, done.stderr) == (INTERRUPTED, "")


def test_refusal_that_nobody_reads_is_still_a_refusal(tmp_path: Path) -> None:
    pipe = _nobody_reads()
    words = command("analyze", tmp_path / "nowhere", "-o", tmp_path / "case")
    done = subprocess.run(words, stderr=pipe, check=False)
    os.close(pipe)
    assert done.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_found_no_room_is_named() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("--version"), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith(
        "driverprint: What this command prints or writes (No space left on device): "
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_refusal_that_finds_no_room_is_still_a_refusal(tmp_path: Path) -> None:
    words = command("analyze", tmp_path / "nowhere", "-o", tmp_path / "case")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, stderr=full, check=False)
    assert done.returncode == 2


def test_report_that_found_no_room_is_named(tmp_path: Path) -> None:
    (tmp_path / "report.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as failed:
        write_page(tmp_path / "report.html", "x" * 100_000)
    assert failed.value.filename == str(tmp_path / "report.html")


def _said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    return capsys.readouterr().err


def test_wrong_argument_names_the_help_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert _said(capsys, "analyze", "seized").endswith("'--out'. Try 'driverprint analyze --help'.\n")
    assert _said(capsys, "analyse").endswith("'analyze'? Try 'driverprint --help'.\n")
    assert _said(capsys, "analyze", "x", "-o", "y", "--stride", "0").endswith(
        "or equal to 1. Try 'driverprint analyze --help'.\n"
    )


def test_unreadable_path_asks_for_permissions_instead_of_the_help() -> None:
    error = typer.BadParameter("path 'evidence' is not readable.")  # root, as whom tests may run, reads all
    assert _wrong_argument(error) == (
        "Invalid value: path 'evidence' is not readable: check its permissions, and those of the folders it "
        "lies in."
    )


def test_name_in_letters_the_terminal_lacks_is_spelt_out(tmp_path: Path) -> None:
    write_video(tmp_path / "\u6570.mp4", scene(4))
    latin = os.environ | {"PYTHONIOENCODING": "latin-1"}
    for words, shown in (
        (("inspect", tmp_path / "\u6570.mp4"), rb"file               \u6570.mp4"),
        (("train", "--help"), "Drivers × videos".encode("latin-1")),
    ):
        done = subprocess.run(command(*words), env=latin, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert shown in done.stdout


def test_no_word_at_all_shows_the_help_and_complains_of_nothing() -> None:
    done = subprocess.run(command(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Commands" in done.stdout
    assert done.stderr == ""


def test_folder_that_is_not_there_is_to_be_made() -> None:
    assert _trouble(FileNotFoundError(2, "No such file or directory", "gone/x.json")) == (
        "gone/x.json (No such file or directory): make the folder it lies in and run the same command again, "
        "what is done is kept."
    )
