"""The motion head learns from performances alone, and what it learnt holds for rendered videos."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from model.frame_store import FrameStore
from model.layers.motion_head import READINGS, MotionHead
from model.registry import build
from model.system import System
from model.training import sitting
from model.training.checkpoint import RunState, load_checkpoint
from model.training.config import TrainConfig
from model.training.errors import TrainingError
from model.training.export_run import load_run
from model.training.habits import ReadingErrors, draw_performances, learn_habits, reading_errors
from model.training.log import read_rows
from model.training.pretrain import MotionReader, MotionTruth, pretrain
from tests.model.training.corpus import centres, small_store

CONFIG = TrainConfig(
    system=System("F5C-reading", "FEAT_DIFF", 8),
    drivers_per_batch=8,
    videos_per_driver=2,
    epochs=2,
    steps_per_epoch=4,
    warmup_epochs=1,
    validate_every=1,
    frozen_backbone=True,
    augment=True,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return small_store(tmp_path_factory.mktemp("habits") / "store")


@pytest.fixture(scope="module")
def truth(store: FrameStore) -> MotionTruth:
    """The first channel is where the blobs of each frame are along x, the second its mirror image."""
    tracks = []
    for x in centres(store):
        track = np.zeros((len(x), READINGS), np.float32)
        track[:, 0], track[:, 1] = x, -x
        tracks.append(track)
    swapped = np.arange(READINGS)
    swapped[:2] = 1, 0
    return MotionTruth(tracks, swapped, np.ones(READINGS, np.float32))


@pytest.fixture(scope="module")
def performed() -> np.ndarray:
    """Twelve drivers, each of a rate of its own, three takes of twelve frames."""
    random = np.random.default_rng(0)
    tracks = np.zeros((12, 3, 12, READINGS), np.float32)
    for driver in range(12):
        phase = random.uniform(0, 6, (3, 1))
        tracks[driver, :, :, 0] = 4 * np.sin((0.3 + 0.2 * driver) * np.arange(12) + phase)
    tracks[..., 1] = -tracks[..., 0]
    return tracks


@pytest.fixture(scope="module")
def start(store: FrameStore, truth: MotionTruth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last checkpoint of a short pretraining."""
    run = tmp_path_factory.mktemp("pretrained") / "run"
    pretrain(dataclasses.replace(CONFIG, learning_rate=2e-3), store, truth, run)
    return run / "last.safetensors"


@pytest.fixture(scope="module")
def config(start: Path) -> TrainConfig:
    return dataclasses.replace(CONFIG, start=hashlib.sha256(start.read_bytes()).hexdigest())


@pytest.fixture
def learn(
    store: FrameStore, truth: MotionTruth, performed: np.ndarray, start: Path
) -> Callable[..., RunState]:
    """`learn_habits` of a configuration into a run folder, from all of the above."""

    def learn(
        config: TrainConfig, run: Path, progress: Callable[..., None] | None = None, frames: int = 12
    ) -> RunState:
        return learn_habits(config, store, truth, performed[:, :, :frames], start, run, progress)

    return learn


def test_performances_get_the_errors_of_reading(performed: np.ndarray, truth: MotionTruth) -> None:
    ones = np.ones(READINGS, np.float32)
    errors = ReadingErrors(scale=2 * ones, share=0.5 * ones, error=0.25 * ones)
    config = dataclasses.replace(CONFIG, drivers_per_batch=12, videos_per_driver=3)
    readings, drivers = draw_performances(performed, truth, errors, config, np.random.default_rng(1))
    assert readings.shape == (36, 7, READINGS)
    # Channels without motion hold the error alone, in units of its own spread.
    assert readings[..., 2:].std() == pytest.approx(1, abs=0.02)
    # Motion over the scale of 2, of which a half is read, over the error's 0.25: as large as it was.
    moving = np.diff(performed[..., 0], axis=2).std()
    assert readings[..., 0].std() == pytest.approx(np.sqrt(moving**2 + 1), rel=0.15)
    assert len(set(drivers.tolist())) == 12
    assert (drivers >= 12).any()
    assert (drivers < 12).any()


def test_errors_of_reading_are_taken_from_rendered_video(
    store: FrameStore, truth: MotionTruth, start: Path
) -> None:
    network = build(CONFIG.system)
    assert isinstance(network.head, MotionHead)
    reader = MotionReader(network.backbone, READINGS)
    load_checkpoint(start, reader)
    network.head.read.load_state_dict(reader.readout.state_dict())
    network.eval()
    train = [number for number, label in enumerate(store.labels) if label.split == "train"]
    errors = reading_errors(network.backbone, network.head, store, truth, train, seed=0)
    assert errors.share[0] > 0.01  # the channel that moves is read, if weakly after a few steps
    assert np.isfinite(errors.error).all()
    assert (errors.error > 0).all()


def test_head_learns_and_leaves_the_reading_alone(
    learn: Callable[..., RunState], start: Path, config: TrainConfig, tmp_path: Path
) -> None:
    longer = dataclasses.replace(config, epochs=6, steps_per_epoch=10)
    learn(longer, tmp_path / "run")
    losses = [float(row["loss"]) for row in read_rows(tmp_path / "run" / "steps.csv")]
    assert np.mean(losses[-10:]) < np.mean(losses[:10])
    network = build(config.system)
    load_checkpoint(tmp_path / "run" / "last.safetensors", network)
    before = build(config.system)
    reader = MotionReader(before.backbone, READINGS)
    load_checkpoint(start, reader)
    assert isinstance(network.head, MotionHead)
    for mine, theirs in ((network.backbone, before.backbone), (network.head.read, reader.readout)):
        for name, value in theirs.state_dict().items():
            assert torch.equal(mine.state_dict()[name], value), name


def test_weights_that_burst_in_the_last_step_of_an_epoch_are_not_kept(
    learn: Callable[..., RunState], config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sitting.learning_rate
    monkeypatch.setattr(sitting, "learning_rate", lambda c, step: real(c, step) if step != 7 else 1.9e38)
    with pytest.raises(TrainingError, match="not finite at step 8; the checkpoints"):
        learn(config, tmp_path / "run")
    assert load_checkpoint(tmp_path / "run" / "last.safetensors", build(config.system)).step == 4


def test_killed_run_continues_on_the_same_curve_and_can_be_exported(
    learn: Callable[..., RunState], config: TrainConfig, tmp_path: Path
) -> None:
    learn(config, tmp_path / "whole")

    def kill(step: int, _loss: float, _auc: float | None) -> None:
        if step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(config, tmp_path / "run", kill)
    learn(config, tmp_path / "run")
    losses = [[row["loss"] for row in read_rows(tmp_path / run / "steps.csv")] for run in ("whole", "run")]
    assert len(losses[0]) == 8
    assert losses[0] == losses[1]
    found, _, state = load_run(tmp_path / "run")
    assert found.system == config.system
    assert state.validation["targets"] == 3


def test_what_cannot_be_learnt_from_is_refused_in_words(
    learn: Callable[..., RunState], config: TrainConfig, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="shorter than T = 8"):
        learn(config, tmp_path / "short", frames=7)
    paper = dataclasses.replace(config, system=System("F5C", "FEAT_DIFF", 8))
    with pytest.raises(TrainingError, match="F5C-reading"):
        learn(paper, tmp_path / "paper")
