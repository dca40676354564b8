"""A finished case answers the question it was asked, and no other is taken for answered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.question import changed_evidence
from tests.pipeline.faults.conftest import Finished, record_of


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return int(left.value.code or 0), capsys.readouterr().err


def test_same_question_has_its_answer_already(
    undisturbed: Finished, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "analyze", undisturbed.evidence, "-o", copied)
    assert code == 1  # the letter, as at the first time
    assert "is a finished case" in said
    assert "was not read again" in said


def test_another_question_is_refused_by_what_differs(
    undisturbed: Finished, copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    statement = tmp_path / "statement.toml"
    statement.write_text('[case]\nnumber = "17"\n', encoding="utf-8")
    sums = (copied / "SHA256SUMS").read_bytes()
    for words, what in (
        ((undisturbed.evidence, "--stride", "3"), "stride 64, now 3"),
        ((undisturbed.evidence, "--case", statement), "case file none, now "),
        ((other,), f"evidence folder {undisturbed.evidence}, now {other}"),
    ):
        code, said = run(capsys, "analyze", *words, "-o", copied)
        assert code == 2
        assert what in said
        assert said.count("now") == 1, "only what differs is named"
    model = record_of(copied)["model"]["model_id"]
    question = json.loads((copied / "question.json").read_bytes())
    (copied / "question.json").write_text(json.dumps({**question, "model_id": "0" * 64}), encoding="utf-8")
    code, said = run(capsys, "analyze", undisturbed.evidence, "-o", copied)
    assert code == 2
    assert f"model {'0' * 12}, now {model[:12]}" in said
    assert (copied / "SHA256SUMS").read_bytes() == sums


def test_evidence_that_is_no_longer_what_it_was_is_noticed(
    undisturbed: Finished, copied: Path, tmp_path: Path
) -> None:
    evidence = shutil.copytree(undisturbed.evidence, tmp_path / "evidence")
    assert changed_evidence(copied, evidence) == ""
    (evidence / "deeper").mkdir()
    (evidence / "deeper" / "new.mp4").write_bytes(b"x")
    assert changed_evidence(copied, evidence) == "1 new: deeper/new.mp4"
    (evidence / "deeper" / "new.mp4").unlink()
    (evidence / "letter.mp4").write_text("Dear examiner, I have changed my mind.", encoding="utf-8")
    assert changed_evidence(copied, evidence) == "1 written to: letter.mp4"
    shutil.copy2(undisturbed.evidence / "letter.mp4", evidence / "letter.mp4")
    shutil.rmtree(evidence / "known")
    assert changed_evidence(copied, evidence) == "4 gone: known/ann/a.mp4, …"


def test_case_that_lies_in_its_evidence_is_no_change_of_it(undisturbed: Finished, tmp_path: Path) -> None:
    evidence = shutil.copytree(undisturbed.evidence, tmp_path / "evidence")
    case = shutil.copytree(undisturbed.case, evidence / "case")
    assert changed_evidence(case, evidence) == ""
