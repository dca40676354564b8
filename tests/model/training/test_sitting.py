"""Steps in one process: what is no longer a number ends them before it is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.system import System
from model.training.checkpoint import RunState, load_checkpoint
from model.training.config import TrainConfig
from model.training.errors import TrainingError
from model.training.sitting import sit


def test_gradient_that_is_not_finite_ends_the_sitting_before_it_reaches_a_checkpoint(tmp_path: Path) -> None:
    """The root of 0 is 0, a fine loss, and its slope is infinite; the epoch is one step long."""
    config = replace(
        TrainConfig(System(clip_length=5)), epochs=2, steps_per_epoch=1, warmup_epochs=1, validate_every=1
    )
    learner = torch.nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(learner.parameters())
    start = RunState(0, 0.5, {}, None, "corpus", 25.0, 0.0)

    def loss_of(drawn: int) -> torch.Tensor:
        return learner.weight.sum().square() if drawn == 0 else (0 * learner.weight).sum().sqrt()

    with pytest.raises(TrainingError, match="the loss or its gradient is not finite at step 2"):
        sit(
            config, start, tmp_path, learner, learner, optimizer, lambda step: step, loss_of,
            lambda state, _: state, lambda *_: None,
        )  # fmt: skip
    kept = torch.nn.Linear(2, 1)
    assert load_checkpoint(tmp_path / "last.safetensors", kept).step == 1
    assert all(value.isfinite().all() for value in kept.state_dict().values())
