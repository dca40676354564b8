"""A benchmark's folder is taken up again wherever a kill left it, and nobody else's is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.benchmark.run_folder import RunFolder
from pipeline.custody import UNFINISHED_PREFIX
from pipeline.errors import UserError
from pipeline.frames.store import finished_store

PLAN = {"sizes_sha256": "0"}


def test_folder_that_a_kill_left_before_its_plan_was_written_is_begun(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    for folder in (run.root, tmp_path / "store"):
        folder.mkdir()
        (folder / f"{UNFINISHED_PREFIX}x").write_text('{"si')
    run.prepare(PLAN)
    assert sorted(path.name for path in run.root.iterdir()) == ["models", "plan.json", "videos"]
    assert not finished_store(tmp_path / "store", PLAN)  # nor a reason to refuse it


def test_folder_that_a_kill_left_with_nothing_but_its_plan_is_continued(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.prepare(PLAN)
    for name in ("models", "videos"):
        (run.root / name).rmdir()
    run.prepare(PLAN)
    run.commit(0, [], {})
    assert not len(run.read_videos())


def test_folder_with_anything_else_in_it_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    for name in (f"{UNFINISHED_PREFIX}x", "letter.txt"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match="exists and is not a benchmark"):
        RunFolder(tmp_path).prepare(PLAN)
    assert len(list(tmp_path.iterdir())) == 2
