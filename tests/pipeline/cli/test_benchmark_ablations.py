"""Every system of the paper's tables: which are needed, trained when there is time, reused when there."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

from model.frame_store import FrameStore, write_frame_store
from model.metadata import read_metadata
from model.system import System
from model.training.config import TrainConfig
from pipeline.cli.benchmark_ablations import (
    Trained,
    is_there,
    system_of,
    systems_of_the_tables,
    train_missing,
)
from pipeline.cli.main import main
from pipeline.errors import UserError
from reports.paper_figures import SYSTEMS
from tests.model.training.corpus import videos
from tests.pipeline.frames.corpus import video_corpus

SHORT = TrainConfig(
    drivers_per_batch=2, videos_per_driver=2, epochs=2, steps_per_epoch=2, warmup_epochs=1, validate_every=1
)
STATIC = Trained(System(condition="STATIC", clip_length=8))
ON_TPS = Trained(System(condition="PIXEL_DIFF", clip_length=8), ("tps",))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return write_frame_store(videos(repeats=4), tmp_path_factory.mktemp("ablations") / "frames")


def no_frames() -> FrameStore:
    raise AssertionError("what is trained already needs no frames")


def test_every_cell_of_the_papers_tables_has_a_system() -> None:
    found = systems_of_the_tables(["facevid2vid", "lia", "tps"], 64)
    whole = {
        (one.system.backbone, one.system.condition, one.system.clip_length)
        for one in found
        if one.generators is None
    }
    assert set(SYSTEMS) <= whole
    single = {(one.system.condition, one.generators) for one in found if one.generators}
    assert single == {
        (condition, (generator,))
        for condition in ("FEAT_DIFF", "PIXEL_DIFF")
        for generator in ("facevid2vid", "lia", "tps")
    }
    assert len({one.name for one in found}) == len(found) == 4 + 3 + 6 + 8


def test_systems_that_say_most_come_first_at_the_clip_length_of_the_schedule() -> None:
    found = [str(one.system) for one in systems_of_the_tables(["tps"], 32)]
    conditions = [f"F5C:{condition}:32" for condition in ("FEAT_DIFF", "PIXEL_DIFF", "RAW_FEAT", "STATIC")]
    resnets = [
        f"{backbone}:{condition}:32"
        for condition in ("FEAT_DIFF", "PIXEL_DIFF")
        for backbone in ("ResNet18-published", "ResNet18-fair")
    ]
    assert found[:11] == [*conditions, *resnets, *(f"F5C:FEAT_DIFF:{frames}" for frames in (16, 64, 128))]
    assert len(set(found)) == len(found)


def test_system_is_trained_exported_and_then_reused(frames: FrameStore, tmp_path: Path) -> None:
    wanted = [STATIC, ON_TPS]
    files, without = train_missing(wanted, tmp_path, SHORT, lambda: frames, math.inf)
    assert (without, [path.stem for path in files]) == ([], [one.name for one in wanted])
    present = {system_of(read_metadata(path)) for path in files}
    assert all(is_there(one, present) for one in wanted)
    assert not is_there(Trained(ON_TPS.system), present)  # trained on one generator, it fills no other cell
    before = [path.stat().st_mtime_ns for path in files]
    again, _ = train_missing(wanted, tmp_path, SHORT, no_frames, math.inf)
    assert [path.stat().st_mtime_ns for path in again] == before


def test_when_the_time_is_up_the_rest_waits_and_the_next_sitting_goes_on(
    frames: FrameStore, tmp_path: Path
) -> None:
    files, without = train_missing([STATIC], tmp_path, SHORT, no_frames, time.monotonic() - 1)
    assert (files, without) == ([], [f"{STATIC.name}: its time has not come."])
    soon = time.monotonic() + 0.01  # over after the first step
    files, without = train_missing([STATIC], tmp_path, SHORT, lambda: frames, soon)
    assert (files, without) == (
        [],
        [f"{STATIC.name}: its training is begun; the same command goes on with it."],
    )
    files, without = train_missing([STATIC], tmp_path, SHORT, lambda: frames, math.inf)
    assert (without, len(files)) == ([], 1)


def test_folder_trained_by_another_schedule_is_refused(frames: FrameStore, tmp_path: Path) -> None:
    train_missing([STATIC], tmp_path, SHORT, lambda: frames, time.monotonic() + 0.01)
    other = TrainConfig()
    with pytest.raises(UserError, match="was trained by another schedule"):
        train_missing([STATIC], tmp_path, other, no_frames, math.inf)


def test_system_that_cannot_be_trained_is_named_and_the_others_go_on(
    frames: FrameStore, tmp_path: Path
) -> None:
    absent = Trained(STATIC.system, ("mesh",))
    files, without = train_missing([absent, STATIC], tmp_path, SHORT, lambda: frames, math.inf)
    assert [path.stem for path in files] == [STATIC.name]
    (why,) = without
    assert why.startswith(absent.name) and "at least 2 drivers" in why


def test_tables_stand_with_cells_not_measured_where_nothing_was_trained(
    frames: FrameStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (model,), _ = train_missing([STATIC], tmp_path / "own", SHORT, lambda: frames, math.inf)
    corpus = video_corpus(tmp_path / "corpus")
    words = ["benchmark", str(corpus), "-o", str(tmp_path / "run"), "--ablations", "--hours", "0"]
    with pytest.raises(SystemExit) as left:
        main([*words, "--model", str(model), "--robustness", "0"])
    said = capsys.readouterr().err
    assert not left.value.code, said
    html = (tmp_path / "run" / "benchmark.html").read_text("utf-8")
    for number in ("III", "IV", "V", "VI", "VII", "VIII"):
        assert f"Table {number}." in html
    assert "not measured" in html
    assert "not trained: F5C-FEAT_DIFF-64: its time has not come." in html
    assert "not trained: F5C-FEAT_DIFF-64-on-tps" in html


def test_training_on_a_cluster_is_refused_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = video_corpus(tmp_path / "corpus", frames=2, clips=1)
    words = ["benchmark", str(corpus), "-o", str(tmp_path / "run"), "--ablations", "--address", "auto"]
    with pytest.raises(SystemExit) as left:
        main([*words, "--split", "all"])
    assert left.value.code == 2
    assert "run it without --address until every system is trained" in capsys.readouterr().err
    assert not (tmp_path / "run" / "ablations" / "frames").exists()


def test_what_labels_alone_forbid_to_train_is_refused_before_anything_is_decoded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Decoding the paper's corpus takes days."""
    corpus = video_corpus(tmp_path / "corpus", frames=2, clips=1)
    text = "identities in train set:\na\nidentities in validation set:\nc\nf\nidentities in test set:\nd\ne\n"
    (corpus / "train_val_test_splits.txt").write_text(text, encoding="utf-8")
    words = ["benchmark", str(corpus), "-o", str(tmp_path / "run"), "--ablations", "--preset", "brief"]
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    assert (
        "--ablations can train nothing: training needs at least 2 drivers, the training split has 1" in said
    )
    assert not (tmp_path / "run").exists()


def test_system_that_labels_alone_forbid_to_train_is_named_and_nothing_is_decoded_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A validation target has one self-reenactment by each generator, two by both."""
    corpus = video_corpus(tmp_path / "corpus", frames=2, clips=1)
    words = ["benchmark", str(corpus), "-o", str(tmp_path / "run"), "--ablations", "--check"]
    with pytest.raises(SystemExit) as left:
        main(words)
    said = " ".join(capsys.readouterr().err.split())
    assert not left.value.code, said
    assert "to be trained first: F5C-FEAT_DIFF-64" in said
    assert "cannot be trained: F5C-FEAT_DIFF-64-on-tps: the validation split has no target" in said
