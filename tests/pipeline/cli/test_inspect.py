"""`inspect` looks at one video as intake does, and at nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pipeline.cli.main import main
from tests.pipeline.decode.videos import scene, write_video


def test_inspect_follows_links_no_more_than_analyze_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_video(tmp_path / "real.mp4", scene(4))
    (tmp_path / "link.mp4").symlink_to("real.mp4")
    with pytest.raises(SystemExit) as left:
        main(["inspect", str(tmp_path / "link.mp4")])
    seen = capsys.readouterr()
    assert left.value.code == 2
    assert "link.mp4 is a link" in seen.err
    assert "name the file it leads to" in seen.err
    assert not seen.out, "it was decoded first"


def test_archive_is_called_one_and_left_to_analyze(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "parcel.zip", "w") as parcel:
        parcel.writestr("a.txt", "dear sir")
    with pytest.raises(SystemExit) as left:
        main(["inspect", str(tmp_path / "parcel.zip")])
    seen = capsys.readouterr()
    assert left.value.code == 2
    assert "parcel.zip is an archive (zip), not one video: give analyze the folder it lies in" in seen.err
    assert not seen.out


def test_facts_are_written_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_video(tmp_path / "film.mp4", scene(138))
    with pytest.raises(SystemExit):
        main(["inspect", str(tmp_path / "film.mp4")])
    facts = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert (facts["fps"], facts["duration"]) == ("25", "5.52")


def test_what_is_no_video_is_told_without_a_list_of_unknowns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.mp4").write_text("Dear examiner", encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main(["inspect", str(tmp_path / "letter.mp4")])
    seen = capsys.readouterr().out
    assert left.value.code == 1
    assert "unknown\n" not in seen
    assert "failed             not_video: " in seen
