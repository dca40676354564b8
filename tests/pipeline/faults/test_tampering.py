"""Whatever was done to a case, `verify` says what it found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.main import main
from tests.pipeline.faults.conftest import Finished, assert_holds
from tests.pipeline.faults.test_disk import as_nobody


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    said = capsys.readouterr().err
    assert "Internal error" not in said
    return int(left.value.code or 0), said


@pytest.mark.parametrize("text", ["{}", "[]", "null", "no JSON", '{"counts": 3}', "[" * 100_000])
def test_record_replaced_by_another_is_found(
    copied: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (copied / "run.json").write_text(text, encoding="utf-8")
    code, said = run(capsys, "verify", copied)
    assert code == 1
    assert "run.json was changed after the case was sealed" in said
    assert "run.json is not a record of this tool" in said
    for words in (("report", copied), ("purge", copied, "--biometrics")):
        code, said = run(capsys, *words)
        assert code == 2
        assert "run.json" in said


@pytest.mark.parametrize("name", ["audit.jsonl", "calibration.parquet"])
def test_case_of_an_older_version_is_not_called_altered(
    copied: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Versions before had no such file, so the checksums of their cases do not tell of it."""
    (copied / name).unlink()
    sums = copied / "SHA256SUMS"
    lines = sums.read_bytes().splitlines(keepends=True)
    sums.write_bytes(b"".join(line for line in lines if not line.endswith(name.encode() + b"\n")))
    for words in (("verify", copied), ("report", copied), ("purge", copied, "--biometrics")):
        code, said = run(capsys, *words)
        assert code == (1 if words[0] == "verify" else 2)
        assert f"{name} is missing and was not there when the case was sealed" in said
        assert "older version of driverprint" in said
        assert "analyse the evidence again into a new folder" in said
        assert "altered" not in said


@pytest.mark.parametrize("name", ["audit.jsonl", "calibration.parquet"])
def test_file_that_was_removed_is_not_put_down_to_an_older_version(
    copied: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (copied / name).unlink()
    code, said = run(capsys, "verify", copied)
    assert code == 1
    assert f"{name} is missing." in said
    assert "older version" not in said


def test_record_that_was_removed_is_found(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copied / "run.json").unlink()
    code, said = run(capsys, "verify", copied)
    assert code == 1
    assert "run.json is missing" in said
    assert said.count("does not hold") == 1, "it is not called no record of this tool as well"


def test_record_that_cannot_be_read_is_not_called_another_tools(copied: Path) -> None:
    (copied / "run.json").chmod(0)
    checked = as_nobody("verify", copied)
    assert checked.returncode == 1
    assert checked.stderr == "does not hold: run.json cannot be read (Permission denied).\n"


def test_finished_case_with_a_broken_record_is_refused_in_a_sentence(
    undisturbed: Finished, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / "run.json").write_text("{}", encoding="utf-8")
    code, said = run(capsys, "analyze", undisturbed.evidence, "-o", copied)
    assert code == 2
    assert "run.json is not a record of this tool" in said


def test_redacted_report_is_not_written_into_the_sealed_case(
    undisturbed: Finished, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor, by that, is a case left behind that no more verifies."""
    for out in (copied / "for-print", copied / "clips" / "deeper"):
        code, said = run(capsys, "report", copied, "--redact", out)
        assert code == 2
        assert f"{out} lies in the sealed case: name a folder outside it" in said
    assert_holds(copied, undisturbed.digest)


@pytest.mark.parametrize("name", ["audit.jsonl", "purged.json"])
def test_nesting_without_end_is_found_like_any_other_change(
    copied: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (copied / name).write_text("[" * 100_000 + "\n", encoding="utf-8")
    code, said = run(capsys, "verify", copied)
    assert code == 1
    assert f"{name} was" in said
