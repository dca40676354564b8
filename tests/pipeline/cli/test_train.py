"""From a labelled corpus to a model file that analyze takes, with two commands."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from model.frame_store import FrameStore
from model.metadata import read_metadata
from pipeline.cli.export import VALIDATED_FOR
from pipeline.cli.main import main
from pipeline.embed import EmbeddingSession
from pipeline.simulate.truth import TABLE
from tests.pipeline.datasets.corpus import touch
from tests.pipeline.frames.corpus import video_corpus

SMALL = ("--preset", "small", "--epochs", "2", "--steps", "2", "--batch", "2x2", "--clip-length", "16")


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    seen = capsys.readouterr()
    assert "Traceback" not in seen.err
    return int(left.value.code or 0), seen.err


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video_corpus(tmp_path_factory.mktemp("train") / "corpus")


@pytest.fixture(scope="module")
def frames(corpus: Path) -> Path:
    """A run of one step leaves the decoded corpus behind."""
    out = corpus.parent / "first"
    with pytest.raises(SystemExit) as left:
        main(["train", str(corpus), "-o", str(out), *SMALL, "--epochs", "1", "--steps", "1"])
    assert not left.value.code
    return corpus.parent / "first.frames"


def test_corpus_is_decoded_once_and_only_what_training_needs(
    corpus: Path, frames: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = FrameStore(frames)
    assert {label.split for label in store.labels} == {"train", "validation"}
    assert len(store.labels) == 32
    before = (frames / "store.json").stat().st_mtime_ns
    code, said = run(
        capsys, "train", corpus, "-o", corpus.parent / "first", *SMALL, "--epochs", "1", "--steps", "1"
    )
    assert code == 0
    assert "Decoding" not in said
    assert (frames / "store.json").stat().st_mtime_ns == before


def test_trained_run_becomes_a_model_file(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "train", frames, "-o", tmp_path / "run", *SMALL)
    assert code == 0
    assert "best validation AUC" in said
    assert "% of the time spent waiting for data" in said
    steps = list(csv.DictReader((tmp_path / "run" / "steps.csv").open(encoding="utf-8")))
    assert [int(row["step"]) for row in steps] == [1, 2, 3, 4]
    code, said = run(capsys, "export", tmp_path / "run", "-o", tmp_path / "model.onnx")
    assert code == 0, said
    assert "torchvision" not in said
    metadata = read_metadata(tmp_path / "model.onnx")
    assert (metadata.model_name, metadata.clip_length, metadata.fps) == ("F5C FEAT_DIFF T=16", 16, 25.0)
    assert metadata.corpus == FrameStore(frames).corpus
    assert metadata.validated_for == VALIDATED_FOR
    assert metadata.parity_max_difference < 1e-4
    clips = FrameStore(frames).read(0, 0, 16)[None]
    vectors = EmbeddingSession(tmp_path / "model.onnx", "CPUExecutionProvider", 1).embed(clips)
    assert np.linalg.norm(vectors[0]) == pytest.approx(1, abs=1e-5)


def test_several_systems_train_from_the_same_frames(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    systems = ("--system", "F5C:STATIC:16", "--system", "F5C:PIXEL_DIFF:16")
    code, said = run(capsys, "train", frames, "-o", tmp_path, *SMALL, *systems, "--generators", "mesh")
    assert code == 0, said
    for name in ("F5C-STATIC-16", "F5C-PIXEL_DIFF-16"):
        config = json.loads((tmp_path / name / "config.json").read_text("utf-8"))
        assert config["generators"] == ["mesh"]
    code, said = run(capsys, "export", tmp_path, "-o", tmp_path / "model.onnx")
    assert code == 2
    assert "F5C-PIXEL_DIFF-16, F5C-STATIC-16: name one of them" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--system", "F5C:NONSENSE:16"), "is not backbone:condition:T"),
        (("--preset", "huge"), "choose paper or small"),
        (("--batch", "16"), "is not drivers × videos"),
        (("--generators", "none-such"), "at least 2 drivers"),
    ],
)
def test_wrong_arguments_end_in_a_sentence(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    code, said = run(capsys, "train", frames, "-o", tmp_path / "run", *SMALL, *words)
    assert code == 2
    assert sentence in said


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (("a/a--1--a", "a/a--2--a", "c/c--1--c"), "at least 2 drivers, the training split has 1"),
        (("a/a--1--a", "a/a--2--a", "b/b--1--b"), "driver 'b' has a single training video"),
        (("a/a--1--a", "a/a--2--a", "b/b--1--b", "b/b--2--b", "c/c--1--c"), "validation split has no"),
    ],
)
def test_corpus_that_cannot_be_trained_on_is_refused_before_it_is_decoded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: tuple[str, ...], sentence: str
) -> None:
    """Decoding the paper's corpus takes days, and the labels alone tell."""
    text = "identities in train set:\na\nb\nidentities in validation set:\nc\nd\n"
    touch(tmp_path, *(f"corpus/S/x-generated/{name}.mp4" for name in files))
    (tmp_path / "corpus/train_val_test_splits.txt").write_text(text, encoding="utf-8")
    code, said = run(capsys, "train", tmp_path / "corpus", "-o", tmp_path / "run", *SMALL)
    assert code == 2
    assert sentence in " ".join(said.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus"]


@pytest.mark.parametrize(
    ("command", "held_out", "table", "sentence"),
    [
        ("pretrain", "", True, "the validation split has none"),
        ("pretrain", "c\nd\n", False, "so its motion is not known"),
        ("pretrain", "c\nd\n", True, "replays recorded motion"),
        ("habits", "", True, "the validation split has none"),
        ("habits", "c\n", True, "the validation split has no target with 2 self-reenactments"),
        ("habits", "c\nd\n", False, "so its motion is not known"),
    ],
)
def test_corpus_whose_motion_cannot_be_learnt_is_refused_before_it_is_decoded(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    held_out: str,
    table: bool,
    sentence: str,
) -> None:
    names = [f"{t}/{t}--{n}--{d}" for t, d in ("aa", "bb", "cc", "cd", "dd", "dc") for n in range(2)]
    corpus = touch(tmp_path, *(f"corpus/S/x-generated/{name}.mp4" for name in names)) / "corpus"
    text = f"identities in train set:\na\nb\nidentities in validation set:\n{held_out}"
    (corpus / "train_val_test_splits.txt").write_text(text, encoding="utf-8")
    if table:
        paths = [f"S/x-generated/{name}.mp4" for name in names]
        pl.DataFrame({"path": paths, "recording": "take.csv"}).write_parquet(corpus / TABLE)
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "last.safetensors").touch()
    words = (command, corpus, "-o", tmp_path / "run", "--start", tmp_path / "start")
    code, said = run(capsys, *words)
    assert code == 2
    assert sentence in " ".join(said.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "start"]


def test_start_that_is_not_there_is_named_before_anything_is_decoded(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("pretrain", corpus, "-o", tmp_path / "run", "--start", tmp_path / "gone")
    code, said = run(capsys, *words)
    assert code == 2
    assert "gone/last.safetensors: name the folder of a finished run" in " ".join(said.split())
    assert not list(tmp_path.iterdir())


def test_run_of_other_settings_is_not_continued(
    frames: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "train", frames, "-o", corpus.parent / "first", *SMALL, "--seed", "7")
    assert code == 2
    assert "holds a run with another configuration" in said


def test_damaged_checkpoint_is_named(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert run(capsys, "train", frames, "-o", folder, *SMALL, "--epochs", "1")[0] == 0
    checkpoint = folder / "best.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    code, said = run(capsys, "export", folder, "-o", tmp_path / "model.onnx")
    assert code == 2
    assert "best.safetensors" in said
    assert not (tmp_path / "model.onnx").exists()


def test_motion_of_features_is_measured_against_frozen_pictures(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--motion", "--videos", "2", "--clip-length", "16", "-o", tmp_path / "motion.csv")
    code, said = run(
        capsys, "ablate", corpus, *words, "--footage", corpus / "simulated" / "tps-generated" / "a"
    )
    assert code == 0, said
    rows = pl.read_csv(tmp_path / "motion.csv")
    assert set(rows["clips"]) == {"mesh", "tps", "real footage", "frozen, re-encoded"}
    moving = rows.filter(pl.col("clips") == "mesh", pl.col("backbone") == "F5C (untrained)")
    assert moving["above_floor"].item() > 1
    floor = rows.filter(pl.col("clips") == "frozen, re-encoded")
    assert (floor["mean"] > 0).all()
    assert floor["above_floor"].null_count() == len(floor)
