"""The backbone learns to read motion, and what it learnt starts another run."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from model.frame_store import FrameStore
from model.registry import build
from model.system import System
from model.training.checkpoint import load_checkpoint
from model.training.config import TrainConfig
from model.training.errors import TrainingError
from model.training.log import read_rows
from model.training.loop import train
from model.training.pretrain import MotionTruth, draw_moves, pretrain
from model.training.videos import chosen_videos
from tests.model.training.corpus import centres, small_store

CONFIG = TrainConfig(
    system=System(clip_length=8),
    drivers_per_batch=8,
    videos_per_driver=1,
    epochs=2,
    steps_per_epoch=8,
    warmup_epochs=1,
    learning_rate=2e-3,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return small_store(tmp_path_factory.mktemp("pretrain") / "store")


@pytest.fixture(scope="module")
def truth(store: FrameStore) -> MotionTruth:
    """Where the blobs of each frame are: their centre of gravity along x, and its negative."""
    tracks = [np.column_stack((x, -x)).astype(np.float32) for x in centres(store)]
    return MotionTruth(tracks, np.array([1, 0]), np.array([1.0, 1.0], np.float32))


def test_motion_from_frame_to_frame_is_what_the_tracks_say(store: FrameStore, truth: MotionTruth) -> None:
    scale = np.array([1.0, 1.0], np.float32)
    moves = draw_moves(store, truth, [0, 5], scale, 16, np.random.default_rng(0), mirror=True)
    assert moves.mirrored.any() and not moves.mirrored.all()
    frames = moves.clips.astype(float)
    centre = (frames.sum(axis=2) @ np.arange(128)) / frames.sum(axis=(2, 3))
    moved = np.diff(centre, axis=1)
    assert np.abs(moved).max() > 0
    # The second channel is the first one's mirror image here: swapped, its sign is turned.
    expected = np.where(moves.mirrored[:, None], -moved, moved).clip(-6, 6)
    np.testing.assert_allclose(moves.motion[..., 0], expected, atol=1e-4)


def test_killed_pretraining_continues_on_the_same_curve(
    store: FrameStore, truth: MotionTruth, tmp_path: Path
) -> None:
    whole = pretrain(CONFIG, store, truth, tmp_path / "whole")

    def kill(step: int, _loss: float, _explained: float | None) -> None:
        if step == 11:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(CONFIG, store, truth, tmp_path / "run", kill)
    resumed = pretrain(CONFIG, store, truth, tmp_path / "run")
    assert resumed.validation == whole.validation
    losses = [[row["loss"] for row in read_rows(tmp_path / run / "steps.csv")] for run in ("whole", "run")]
    assert len(losses[0]) == 16
    assert losses[0] == losses[1]


def test_driver_training_starts_from_the_pretrained_backbone_and_leaves_it_alone(
    store: FrameStore, truth: MotionTruth, tmp_path: Path
) -> None:
    pretrain(CONFIG, store, truth, tmp_path / "motion")
    start = tmp_path / "motion" / "best.safetensors"
    config = dataclasses.replace(
        CONFIG,
        drivers_per_batch=2,
        videos_per_driver=2,
        epochs=1,
        steps_per_epoch=2,
        frozen_backbone=True,
        augment=True,
        start=hashlib.sha256(start.read_bytes()).hexdigest(),
    )
    train(config, store, tmp_path / "run", start=start)
    before, after = build(config.system), build(config.system)
    load_checkpoint(start, before)
    load_checkpoint(tmp_path / "run" / "last.safetensors", after)
    for name, value in before.backbone.state_dict().items():
        assert torch.equal(value, after.backbone.state_dict()[name]), name
    assert not torch.equal(before.head.embed[0].weight, after.head.embed[0].weight)


def test_pretraining_goes_on_from_another_with_what_that_learnt(
    store: FrameStore, truth: MotionTruth, tmp_path: Path
) -> None:
    first = pretrain(CONFIG, store, truth, tmp_path / "first")
    start = tmp_path / "first" / "last.safetensors"
    still = dataclasses.replace(
        CONFIG, epochs=1, learning_rate=0.0, start=hashlib.sha256(start.read_bytes()).hexdigest()
    )
    second = pretrain(still, store, truth, tmp_path / "second", start=start)
    fresh = pretrain(dataclasses.replace(still, start=None), store, truth, tmp_path / "fresh")
    # Nothing is learnt at a rate of 0, so what is explained was learnt before; batch statistics still drift.
    assert second.validation["r2"] > first.validation["r2"] / 2 > fresh.validation["r2"]


def test_pretraining_without_validation_videos_is_refused(
    store: FrameStore, truth: MotionTruth, tmp_path: Path
) -> None:
    assert chosen_videos(store.labels, CONFIG, "validation")
    with pytest.raises(TrainingError, match="validation"):
        pretrain(dataclasses.replace(CONFIG, generators=("absent",)), store, truth, tmp_path / "run")
