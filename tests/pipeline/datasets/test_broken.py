"""Corpora as they come when something went wrong: `--check` names file and line, or refuses in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.main import main
from tests.pipeline.datasets.corpus import SPLITS, nvfair, touch
from tests.pipeline.datasets.test_readers import AVAPRINT


def check(capsys: pytest.CaptureFixture[str], dataset: Path, *words: str) -> tuple[int, str]:
    """Exit status and what was said."""
    with pytest.raises(SystemExit) as left:
        main(["benchmark", str(dataset), "-o", str(dataset / "run"), "--check", "--robustness", "0", *words])
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert not (dataset / "run").exists()
    return int(left.value.code or 0), said


def test_missing_split_file_is_named_and_the_released_split_stands_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (nvfair(tmp_path) / "train_val_test_splits.txt").unlink()
    code, said = check(capsys, tmp_path, "--split", "all")
    assert code == 0
    assert "train_val_test_splits.txt: is missing; the released split is used, which knows 4 of 4" in said


def test_unknown_generator_folder_is_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nvfair(tmp_path, "CREMA-D/tps-generatd/1001/1001--x--1003.mp4", "CREMA-D/tps-generatd/1001/b.mp4")
    code, said = check(capsys, tmp_path)
    assert code == 1
    assert "CREMA-D/tps-generatd: is neither originals nor <generator>-generated" in said
    assert "2 excluded" in said


def test_name_that_does_not_parse_is_left_out_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nvfair(
        tmp_path, "CREMA-D/tps-generated/1001/1001-1003.mp4", "CREMA-D/tps-generated/1001/1002--x--1003.mp4"
    )
    code, said = check(capsys, tmp_path)
    assert code == 1
    assert "tps-generated/1001/1001-1003.mp4: its name has no '--' between target and driver" in said
    assert "1002--x--1003.mp4: its name says target 1002 but it lies in folder 1001" in said
    assert "2 excluded" in said


def test_pair_file_that_names_absent_videos_is_named_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline.datasets.open_dataset import open_dataset
    from pipeline.datasets.pairs import read_pairs

    touch(tmp_path, *AVAPRINT)
    path = tmp_path / "evaluation_pairs_CREMA-D_GAGA.csv"
    path.write_text("enrolment_sample,test_sample,label\ngone.mp4,away.mp4,1\n", encoding="utf-8")
    pairs, problems = read_pairs(path, open_dataset(tmp_path))
    assert len(pairs) == 0
    assert (
        str(problems[0])
        == f"{path.name}, line 2: gone is not among the videos measured; the pair is left out."
    )
    code, said = check(capsys, tmp_path)
    assert code == 0
    assert f"pairs of {path.name}: need --multi-clip" in said


def test_empty_split_is_named_by_line_and_a_run_on_it_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nvfair(tmp_path)
    head, _, _ = SPLITS.partition("1001\n")
    (tmp_path / "train_val_test_splits.txt").write_text(head, encoding="utf-8")
    line = head.splitlines().index("identities in test set:") + 1
    code, said = check(capsys, tmp_path, "--split", "all")
    assert code == 0
    assert f"train_val_test_splits.txt, line {line}: the test split is empty." in said
    code, said = check(capsys, tmp_path)
    assert code == 2
    assert "has no video of split test" in said


def test_one_self_reenactment_a_target_leaves_every_target_out_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"S/x-generated/{t}/{t}--c--{d}.mp4" for t in "ab" for d in "ab"]
    touch(tmp_path, *names)
    (tmp_path / "train_val_test_splits.txt").write_text("identities in test set:\na\nb\n", encoding="utf-8")
    code, said = check(capsys, tmp_path)
    assert code == 0
    assert "2 targets would be left out" in said
    assert "a: 1 self-reenactments, at least 2 needed" in said


def test_table_rows_that_cannot_be_used_are_named_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    touch(tmp_path, "a.mp4")
    path = tmp_path / "labels.csv"
    path.write_text("path,target,driver,generator\na.mp4,a,a,x\nb.mp4,a,b,x\n", encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main(["benchmark", str(path), "-o", str(tmp_path / "run"), "--check", "--split", "all"])
    assert left.value.code == 1
    assert "labels.csv, line 3: b.mp4 is missing or cannot be read; left out." in capsys.readouterr().err


def test_names_of_a_corpus_do_not_act_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Corpora come from elsewhere; and what looks like rich's markup is a name like any other."""
    rows = [f"{name}.mp4,ann\x1b[2J,{driver},[/red]gaga" for name, driver in (("a", "Ann"), ("b", "ann"))]
    touch(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "labels.csv").write_text("\n".join(["path,target,driver,generator", *rows]), "utf-8")
    with pytest.raises(SystemExit) as left:
        main(["benchmark", f"{tmp_path}/labels.csv", "-o", f"{tmp_path}/run", "--check", "--split", "all"])
    said = capsys.readouterr().err
    assert left.value.code == 0, said
    assert "\x1b" not in said
    assert "ann\\x1b[2J: 0 self-reenactments" in said
    assert "[/red]gaga: 0 self, 2 cross" in said
