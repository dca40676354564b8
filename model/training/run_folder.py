"""A training run's folder: begun, or found as a killed run left it."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import nn

from model.frame_store import FrameSource
from model.training.checkpoint import RunState, load_checkpoint, steps_done
from model.training.config import TrainConfig, load_config, save_config
from model.training.distributed import World, wait_for_all
from model.training.errors import TrainingError
from model.training.log import forget_after


def open_run(
    config: TrainConfig,
    source: FrameSource,
    run_dir: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    world: World,
) -> RunState:
    """Start a run folder, or restore the state of the one that is there.

    Raises TrainingError for another run's folder, and where a run of more than one epoch has lost its last
    checkpoint: begun anew, it would write over the best.
    """
    record, last, best = (run_dir / name for name in ("config.json", "last.safetensors", "best.safetensors"))
    fresh = RunState(0, -math.inf, {}, None, source.corpus, source.fps, 0.0)
    if record.exists():
        if load_config(record) != config:
            raise TrainingError(f"{run_dir}: holds a run with another configuration; choose another folder.")
    elif run_dir.exists() and any(entry.suffix != ".partial" for entry in run_dir.iterdir()):
        raise TrainingError(f"{run_dir}: is not empty and not a training run; choose another folder.")
    # In the first epoch the best is written a moment before the last: a run killed there begins anew.
    if not last.exists() and best.exists() and steps_done(best) > config.steps_per_epoch:
        raise TrainingError(
            f"{last}: is missing, so the run cannot go on; {best.name} can still be exported: to train again "
            "choose another folder."
        )
    state = load_checkpoint(last, network, optimizer) if last.exists() else fresh
    if state.corpus != source.corpus:
        raise TrainingError(
            f"{run_dir}: was trained on another corpus ({state.corpus}); "
            "choose another folder or that corpus."
        )
    wait_for_all(world)  # nobody writes before everybody has read
    if world.leads:
        run_dir.mkdir(parents=True, exist_ok=True)
        save_config(config, record)
        for name in ("steps.csv", "validation.csv"):
            forget_after(run_dir / name, state.step)
    return state
