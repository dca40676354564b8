"""Steps of a training in one process, from where its run stood to its end, with what is kept of them."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from model.training.batches import read_ahead
from model.training.checkpoint import RunState, save_checkpoint
from model.training.config import TrainConfig
from model.training.errors import TrainingError
from model.training.log import StepRow, append_rows
from model.training.schedule import learning_rate

Drawn = TypeVar("Drawn")


def sit(
    config: TrainConfig,
    state: RunState,
    run_dir: Path,
    kept: nn.Module,
    learner: nn.Module,
    optimizer: torch.optim.Optimizer,
    draw: Callable[[int], Drawn],
    loss_of: Callable[[Drawn], Tensor],
    end_epoch: Callable[[RunState, int], RunState],
    progress: Callable[[int, float, RunState], None],
) -> RunState:
    """Run the steps that are left and return the state after the last.

    ``draw`` gives the batch of a step, ahead of time and in a thread; ``loss_of`` what ``learner``, a part of
    ``kept``, makes of it; ``end_epoch`` is told the state and the epoch's number before ``kept`` is saved as
    ``last.safetensors``. Raises TrainingError when the loss or its gradient ceases to be finite.
    """
    rows: list[StepRow] = []
    feed = read_ahead(draw, range(state.step, config.total_steps))
    try:
        for step in range(state.step, config.total_steps):
            before = time.perf_counter()
            drawn = next(feed)
            waiting = time.perf_counter() - before
            try:
                loss, norm = _step(config, step, learner, optimizer, partial(loss_of, drawn))
            except FloatingPointError:
                raise TrainingError(
                    f"{run_dir}: the loss or its gradient is not finite at step {step + 1}; train with a "
                    "lower learning rate."
                ) from None
            seconds = time.perf_counter() - before
            epoch = step // config.steps_per_epoch
            rows.append(StepRow(step + 1, epoch, loss, learning_rate(config, step), norm, seconds, waiting))
            if (step + 1) % config.steps_per_epoch == 0:
                spent = state.seconds + sum(row.seconds for row in rows)
                append_rows(run_dir / "steps.csv", rows)
                rows.clear()
                state = end_epoch(dataclasses.replace(state, step=step + 1, seconds=spent), epoch)
                save_checkpoint(run_dir / "last.safetensors", kept, state, optimizer)
            progress(step + 1, loss, state)
    finally:
        feed.close()
    return state


def _step(
    config: TrainConfig,
    step: int,
    learner: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_of: Callable[[], Tensor],
) -> tuple[float, float]:
    """One optimisation step; returns loss and gradient norm before clipping.

    Raises FloatingPointError, the weights as they were, when one of the two is not finite.
    """
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, step)
    torch.manual_seed(config.seed * 1_000_003 + step)  # chance of this step, whatever came before
    learner.train()
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(learner.parameters(), config.clip_norm)
    if not math.isfinite(loss.item()) or not math.isfinite(norm.item()):
        raise FloatingPointError
    optimizer.step()
    return loss.item(), norm.item()
