"""`--fresh` puts a new case in the place of the old one, and takes nothing away for less."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.audit import read_audit
from tests.pipeline.decode.videos import scene, write_video
from tests.pipeline.faults.conftest import Finished, assert_holds, driverprint, record_of


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_evidence_in_the_case_folder_is_refused_and_stays(copied: Path) -> None:
    seized = copied / "seized"
    seized.mkdir()
    write_video(seized / "only-copy.mp4", scene(70, seed=9))
    before = contents(copied)
    for evidence in (seized, copied):
        for words in ((), ("--fresh",)):
            refused = driverprint("analyze", evidence, "-o", copied, *words)
            assert refused.returncode == 2
            assert "lies in the case folder" in refused.stderr
    assert contents(copied) == before


def test_case_outlives_a_fresh_start_without_evidence(
    undisturbed: Finished, copied: Path, tmp_path: Path
) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear sir", encoding="utf-8")
    before = contents(copied)
    refused = driverprint("analyze", tmp_path / "letters", "-o", copied, "--fresh")
    assert refused.returncode == 2
    assert "no video" in refused.stderr
    assert contents(copied) == before
    assert_holds(copied, undisturbed.digest)


def test_fresh_start_replaces_the_case_and_its_log_goes_on(copied: Path, tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    write_video(tmp_path / "evidence" / "q.mp4", scene(70, seed=9))
    statement = tmp_path / "evidence" / "case.toml"
    statement.write_text('[case]\nnumber = "17"\n', encoding="utf-8")
    log = (copied / "audit.jsonl").read_bytes()
    (copied / "report-videos").mkdir()
    (copied / "report-videos" / "001.html").write_text("of the case before", encoding="utf-8")
    done = driverprint("analyze", tmp_path / "evidence", "-o", copied, "--fresh")
    assert done.returncode == 0, done.stderr
    record = record_of(copied)
    assert record["counts"]["processed"] == 1
    assert record["case_file"] == {
        "lies_in_evidence": True,
        "sha256": hashlib.sha256(statement.read_bytes()).hexdigest(),
    }
    assert not (copied / "report-videos").exists()
    assert (copied / "audit.jsonl").read_bytes().startswith(log)
    events = [entry["event"] for entry in read_audit(copied) if entry["session"] == 2]
    assert events[:2] == ["session_started", "taken_in"]
    assert driverprint("verify", copied).returncode == 0
