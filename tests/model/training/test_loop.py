"""A run trains, survives a kill on the same curve, and never loses its last good checkpoint."""

from __future__ import annotations

import dataclasses
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from model.frame_store import FrameStore, write_frame_store
from model.metadata import read_metadata
from model.registry import build
from model.runtime import onnx_runtime
from model.system import System
from model.training import loop
from model.training.config import TrainConfig
from model.training.errors import TrainingError
from model.training.evaluate import embed_videos
from model.training.export_run import export_run, load_run
from model.training.log import read_rows
from model.training.loop import Progress, train
from tests.model.training.corpus import small_store, videos

CONFIG = TrainConfig(
    System(clip_length=5),
    drivers_per_batch=3,
    videos_per_driver=2,
    epochs=3,
    steps_per_epoch=4,
    warmup_epochs=1,
    validate_every=2,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """The tiny corpus on disk."""
    return small_store(tmp_path_factory.mktemp("store") / "s")


@pytest.fixture(scope="module")
def finished(store: FrameStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an undisturbed run."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    train(CONFIG, store, run)
    return run


def losses(run: Path) -> list[float]:
    """Loss of each step."""
    rows = read_rows(run / "steps.csv")
    assert [row["step"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["loss"] for row in rows]


def test_a_run_leaves_curve_logs_and_checkpoints(finished: Path, store: FrameStore) -> None:
    assert len(losses(finished)) == 12
    assert [row["step"] for row in read_rows(finished / "validation.csv")] == [8, 12]
    assert all(0 <= row["auc"] <= 1 and row["targets"] == 3 for row in read_rows(finished / "validation.csv"))
    assert b"<svg" in (finished / "curve.svg").read_bytes()
    names = {path.name for path in finished.iterdir()}
    assert names == {
        "config.json", "steps.csv", "validation.csv", "curve.svg", "last.safetensors", "best.safetensors"
    }  # fmt: skip
    _, _, state = load_run(finished)
    assert state.best_auc == max(row["auc"] for row in read_rows(finished / "validation.csv"))
    assert state.corpus == store.corpus
    assert state.validation["interval_95"] is None  # of three targets
    assert state.validation["no_interval"] == "fewer than five target identities to draw from"


def test_training_separates_drivers_it_was_trained_on(store: FrameStore, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, epochs=3, steps_per_epoch=8, validate_every=3)
    seen: list[Progress] = []
    train(config, store, tmp_path / "run", seen.append)
    values = losses(tmp_path / "run")
    assert np.mean(values[-5:]) < 0.7 * np.mean(values[:5])
    assert [p.step for p in seen] == list(range(1, 25))
    assert seen[-1].validation_auc is not None
    assert 0 <= seen[-1].waiting_share < 1


def test_a_killed_run_continues_the_same_curve(store: FrameStore, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "killed"
    code = (
        "import sys; from pathlib import Path; from model.frame_store import FrameStore\n"
        "from model.training.loop import train\n"
        "from tests.model.training.test_loop import CONFIG\n"
        "train(CONFIG, FrameStore(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    root = Path(__file__).parents[3]
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(store.folder), str(run)], env=environment, cwd=root
    )
    deadline = time.monotonic() + 120
    while not (run / "last.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert 4 <= len(losses(run)) < 12
    with (run / "steps.csv").open("a") as file:
        file.write("7,1,3.1,")  # a row cut by the kill
    train(CONFIG, store, run)
    np.testing.assert_allclose(losses(run), losses(finished), rtol=1e-4)
    assert len(losses(run)) == 12


def test_a_finished_run_is_not_trained_again(store: FrameStore, finished: Path) -> None:
    before = (finished / "last.safetensors").read_bytes()
    train(CONFIG, store, finished)
    assert (finished / "last.safetensors").read_bytes() == before
    assert len(losses(finished)) == 12


def test_a_loss_that_is_not_finite_keeps_the_last_good_checkpoint(
    store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    real = loop.learning_rate
    monkeypatch.setattr(loop, "learning_rate", lambda config, step: real(config, step) if step < 4 else 1e30)
    with pytest.raises(TrainingError, match=r"its gradient is not finite at step .* checkpoints .* kept"):
        train(dataclasses.replace(CONFIG, validate_every=1), store, run)
    for name in ("last", "best"):
        network = load_run(run)[1]
        loop.load_checkpoint(run / f"{name}.safetensors", network)
        assert all(value.isfinite().all() for value in network.state_dict().values())


@pytest.mark.parametrize("validate_every", [1, 3])
def test_weights_that_burst_in_the_last_step_of_an_epoch_are_not_kept(
    store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, validate_every: int
) -> None:
    """Its loss was still finite; what is in the checkpoint decides whether the run can go on."""
    run = tmp_path / "run"
    real = loop.learning_rate
    monkeypatch.setattr(
        loop, "learning_rate", lambda config, step: real(config, step) if step != 7 else 1.9e38
    )
    with pytest.raises(TrainingError, match=rf"{run}.* not finite .* kept"):
        train(dataclasses.replace(CONFIG, validate_every=validate_every), store, run)
    network = build(CONFIG.system)
    assert loop.load_checkpoint(run / "last.safetensors", network).step == 4
    assert all(value.isfinite().all() for value in network.state_dict().values())


def test_best_checkpoint_is_not_overwritten_by_a_run_whose_last_one_is_gone(
    store: FrameStore, finished: Path, tmp_path: Path
) -> None:
    """As after removing a damaged one: the run would begin anew over the best that it had."""
    run = shutil.copytree(finished, tmp_path / "run")
    (run / "last.safetensors").unlink()
    best = (run / "best.safetensors").read_bytes()
    with pytest.raises(TrainingError, match=r"last\.safetensors: is missing.* exported"):
        train(CONFIG, store, run)
    assert (run / "best.safetensors").read_bytes() == best
    assert len(losses(run)) == 12


def test_run_killed_between_its_first_two_checkpoints_begins_anew(store: FrameStore, tmp_path: Path) -> None:
    run, config = tmp_path / "run", dataclasses.replace(CONFIG, epochs=1, validate_every=1)
    run.mkdir()
    (run / "config.json.partial").touch()  # and killed once before that
    train(config, store, run)
    (run / "last.safetensors").unlink()
    before = losses(run)
    train(config, store, run)
    assert (run / "last.safetensors").exists()
    np.testing.assert_allclose(losses(run), before, rtol=1e-4)


class Bomb:
    """Writes a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.path,))


def test_damaged_and_malicious_checkpoints_are_refused(
    store: FrameStore, finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_bytes((finished / "config.json").read_bytes())
    whole = (finished / "last.safetensors").read_bytes()
    for content in (whole[:-100], whole[:50], b"", pickle.dumps(Bomb(tmp_path / "exploded"))):
        (run / "last.safetensors").write_bytes(content)
        with pytest.raises(TrainingError, match=r"last\.safetensors: is not a readable checkpoint"):
            train(CONFIG, store, run)
    assert not (tmp_path / "exploded").exists()


def test_foreign_folders_and_data_are_refused(store: FrameStore, finished: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="another configuration"):
        train(dataclasses.replace(CONFIG, seed=1), store, finished)
    with pytest.raises(TrainingError, match="another corpus"):
        train(CONFIG, write_frame_store(videos(repeats=3), tmp_path / "s"), finished)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(TrainingError, match="not a training run"):
        train(CONFIG, store, tmp_path / "mine")
    with pytest.raises(TrainingError, match="validation split has no target"):
        train(CONFIG, write_frame_store(videos(val_drivers=1), tmp_path / "v"), tmp_path / "run")
    with pytest.raises(ValueError, match=r"config\.json"):
        load_run(tmp_path / "mine")


def test_an_exported_run_embeds_as_the_trained_network(
    finished: Path, store: FrameStore, tmp_path: Path
) -> None:
    written = export_run(
        finished, tmp_path / "m.onnx", validated_for="tests only", measured={"test": {"auc": 1}}
    )
    assert read_metadata(tmp_path / "m.onnx") == written
    assert (written.corpus, written.clip_length, written.fps) == (store.corpus, 5, 25.0)
    assert written.validated_for == "tests only"
    _, network, state = load_run(finished)
    assert written.validation["validation"]["auc"] == state.best_auc
    assert written.calibration is None or written.calibration["slope"] > 0
    session = onnx_runtime().InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"clips": np.stack([store.read(0, 3, 5)])})
    wanted = embed_videos(network, store, [0], 5)  # 12 frames: the centre clip starts at 3
    np.testing.assert_allclose(found, wanted, atol=1e-4)
