"""Every kind of bad input ends in one sentence that names the file and what to do."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pipeline.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    seen = capsys.readouterr()
    assert "Traceback" not in seen.err
    return int(left.value.code or 0), seen.err


def test_missing_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "analyze", tmp_path / "nowhere", "-o", tmp_path / "case")
    assert code == 2
    assert "nowhere" in said
    assert "not a folder" in said


def test_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    code, said = run(capsys, "analyze", tmp_path / "empty", "-o", tmp_path / "case")
    assert code == 2
    assert "empty" in said
    assert "holds videos" in said


def test_folder_without_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "a.txt").write_text("dear sir", encoding="utf-8")
    code, said = run(capsys, "analyze", folder, "-o", tmp_path / "case")
    assert code == 2
    assert "a.txt" in said
    assert "no video" in said


def test_folder_mistyped_at_first_does_not_ask_for_a_fresh_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("empty", "letters"):
        (tmp_path / name).mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear sir", encoding="utf-8")
    for name in ("empty", "letters", "empty"):
        code, said = run(capsys, "analyze", tmp_path / name, "-o", tmp_path / "case")
        assert code == 2
        assert "--fresh" not in said
        assert "name a folder that holds videos" in said
        assert {entry.name for entry in (tmp_path / "case").iterdir()} == {"audit.jsonl"}  # what was tried


def test_output_folder_that_is_not_a_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").write_bytes(b"x")
    code, said = run(capsys, "analyze", tmp_path / "evidence", "-o", tmp_path / "mine")
    assert code == 2
    assert "mine" in said
    assert (tmp_path / "mine" / "photo.jpg").exists()


@pytest.mark.parametrize("link", [False, True])
def test_case_in_the_evidence_is_refused_before_anything_is_written_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], link: bool
) -> None:
    seized = tmp_path / "seized"
    seized.mkdir()
    (tmp_path / "link").symlink_to(seized)
    out = tmp_path / "link" / "case" if link else seized / "case"
    code, said = run(capsys, "analyze", seized, "-o", out)
    assert code == 2
    assert f"The case folder {out} lies in the evidence folder {seized}" in said
    assert "name a case folder outside it with -o" in said
    assert not list(seized.iterdir())


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\x07\x12\x04test"])
def test_model_file_that_is_not_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "other.onnx").write_bytes(content)
    code, said = run(
        capsys, "analyze", tmp_path / "evidence", "-o", tmp_path / "case", "--model", tmp_path / "other.onnx"
    )
    assert code == 2
    assert "other.onnx" in said


def test_clip_length_the_model_was_not_made_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "evidence").mkdir()
    code, said = run(capsys, "analyze", tmp_path / "evidence", "-o", tmp_path / "c", "--clip-length", "32")
    assert code == 2
    assert "64" in said
    assert "32" in said


def test_report_on_a_folder_that_is_no_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("report", "verify"):
        code, said = run(capsys, command, tmp_path)
        assert code == 2
        assert "not a driverprint case" in said


def test_wrong_option_points_to_help(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "analyze", tmp_path, "--colour", "red")
    assert code == 2
    assert "--colour" in said
    assert "--help" in said


def test_case_toml_with_a_misspelt_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "case.toml").write_text('[case]\nnumbre = "17"\n', encoding="utf-8")
    code, said = run(capsys, "analyze", tmp_path / "evidence", "-o", tmp_path / "case")
    assert code == 2
    assert "numbre" in said
    assert "number" in said


HOSTILE = "\x1b[31mred\u202egpj\nline"


@pytest.mark.parametrize("place", ["folder", "file", "case.toml"])
def test_names_reach_the_terminal_as_escapes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    folder = tmp_path / (HOSTILE if place == "folder" else "evidence")
    folder.mkdir()
    if place == "file":
        (folder / HOSTILE).write_text("dear sir", encoding="utf-8")
    if place == "case.toml":
        with zipfile.ZipFile(folder / "a.zip", "w") as parcel:
            parcel.writestr("a.txt", "dear sir")
        toml = r'path = "a.zip!/\u001b[31mred\u202egpj\nline"'
        (folder / "case.toml").write_text(f"[[file]]\n{toml}\n", encoding="utf-8")
    code, said = run(capsys, "analyze", folder, "-o", tmp_path / "case")
    assert code == 2
    assert not set("\x1b\u202e") & set(said)
    if place != "case.toml":
        assert r"\x1b[31mred\u202egpj\nline" in said


def test_statements_that_came_with_the_evidence_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "case.toml").write_text('[case]\nnumber = "17"\n', encoding="utf-8")
    _, said = run(capsys, "analyze", tmp_path / "evidence", "-o", tmp_path / "case")
    assert f"The statements in {tmp_path / 'evidence' / 'case.toml'} are used." in said
    _, said = run(
        capsys, "analyze", tmp_path / "evidence", "-o", tmp_path / "case", "--case",
        tmp_path / "evidence" / "case.toml",
    )  # fmt: skip
    assert "The statements in" not in said


@pytest.mark.parametrize("command", ["verify", "report"])
def test_a_file_in_place_of_a_case_is_not_called_a_damaged_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "report.html").write_text("x", encoding="utf-8")
    code, said = run(capsys, command, tmp_path / "report.html")
    assert code == 2
    assert "report.html is not a driverprint case" in said
    assert "name a folder that 'driverprint analyze' has written" in said


def test_member_missing_from_its_archive_is_told_by_the_name_of_the_case_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "evidence").mkdir()
    with zipfile.ZipFile(tmp_path / "evidence" / "parcel.zip", "w") as parcel:
        parcel.writestr("a.txt", "no video")
    mine = tmp_path / "mine.toml"
    mine.write_text('[[file]]\npath = "parcel.zip!/b.mp4"\ntarget = "ben"\n', encoding="utf-8")
    _, said = run(capsys, "analyze", tmp_path / "evidence", "-o", tmp_path / "case", "--case", mine)
    assert "mine.toml speaks of parcel.zip!/b.mp4, which is not among the files found." in said


@pytest.mark.parametrize("address", ["10.0.0.1", "ray://10.0.0.1:10001", "local", "host:"])
def test_what_can_be_no_address_of_a_cluster_is_refused_before_anything_is_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    (tmp_path / "evidence").mkdir()
    code, said = run(capsys, "analyze", tmp_path / "evidence", "-o", tmp_path / "case", "--address", address)
    assert code == 2
    assert f"'{address}' is neither auto nor HOST:PORT, such as 10.0.0.1:6379." in said
    assert not (tmp_path / "case").exists()
