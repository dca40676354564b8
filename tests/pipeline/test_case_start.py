"""Nobody's files are overwritten, and nobody's results mixed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import case_start
from pipeline.audit import Audit, read_audit
from pipeline.case_folder import CaseFolder, clear_work
from pipeline.case_start import prepare_case, start_again
from pipeline.errors import UserError

PLAN = {"model_id": "m", "clip_length": 64}


def test_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    for fresh in (False, True):
        with pytest.raises(UserError, match=r"not a driverprint case.*-o"):
            prepare_case(CaseFolder(tmp_path), PLAN, fresh=fresh)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_unfinished_run_is_continued_with_the_same_settings_only(tmp_path: Path) -> None:
    case = CaseFolder(tmp_path / "case")
    assert prepare_case(case, PLAN, fresh=False) is False
    (case.shards / "a.arrow").touch()
    assert prepare_case(case, PLAN, fresh=False) is True
    with pytest.raises(UserError, match=r"other settings \(clip length 64, now 32\)"):
        prepare_case(case, {**PLAN, "clip_length": 32}, fresh=False)
    other = {**PLAN, "clip_length": 32}
    assert prepare_case(case, other, fresh=True) is False
    assert (case.shards / "a.arrow").exists()  # nothing is taken away before there is evidence to replace it
    Audit(case.work, "1.0").__enter__()
    start_again(case, other)
    assert not list(case.shards.iterdir())
    assert prepare_case(case, other, fresh=False) is True


@pytest.mark.parametrize("name", ["seized/one.mp4", "notes.txt", "clips/mine.mp4", "report-videos/x/y.mp4"])
def test_fresh_start_removes_only_what_this_program_wrote(tmp_path: Path, name: str) -> None:
    case = CaseFolder(tmp_path / "case")
    prepare_case(case, PLAN, fresh=False)
    for own in (
        "run.json",
        "evidence.parquet",
        "clips/part-0.parquet",
        "report.html",
        "report-videos/001.html",
    ):
        (case.root / own).parent.mkdir(exist_ok=True)
        (case.root / own).touch()
    prepare_case(case, PLAN, fresh=True)
    foreign = case.root / name
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_text("the only copy", encoding="utf-8")
    for step in (lambda: prepare_case(case, PLAN, fresh=True), lambda: start_again(case, PLAN)):
        with pytest.raises(UserError, match=f"holds {name.rsplit('/', 1)[0] if 'x/' in name else name[:6]}"):
            step()
    assert foreign.read_text(encoding="utf-8") == "the only copy"
    assert (case.root / "clips/part-0.parquet").exists()


def test_fresh_start_that_was_killed_leaves_nothing_of_the_old_case_to_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purge record of the old case would be taken for one of the new, and verifying it would fail."""
    case = CaseFolder(tmp_path / "case")
    prepare_case(case, PLAN, fresh=False)
    with Audit(case.root, "1.0"):
        pass
    old = ("purged.json", "report-videos/007.html", "clips/part-3.parquet", "report.html")
    for name in ("run.json", "SHA256SUMS", *old):
        (case.root / name).parent.mkdir(exist_ok=True)
        (case.root / name).touch()
    clear_work(case)
    prepare_case(case, PLAN, fresh=True)
    Audit(case.work, "1.0").__enter__()
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(case_start, "_empty", killed)
        start_again(case, PLAN)
    assert not case.is_sealed()
    assert [entry["event"] for entry in read_audit(case.root)].count("session_started") == 2
    assert prepare_case(case, PLAN, fresh=False) is False
    assert not [name for name in old if (case.root / name).exists()]


@pytest.mark.parametrize("fresh", [False, True])
def test_what_a_killed_run_had_half_unpacked_takes_no_room_from_the_next(tmp_path: Path, fresh: bool) -> None:
    case = CaseFolder(tmp_path / "case")
    prepare_case(case, PLAN, fresh=False)
    for name in ("tmphalf", "again/tmphalf"):
        (case.members / name).parent.mkdir(exist_ok=True)
        (case.members / name).write_bytes(b"half of a member")
    prepare_case(case, PLAN, fresh=fresh)
    assert not list(case.members.iterdir())


def killed(*_: object) -> None:
    raise KeyboardInterrupt
