"""Checkpoints: one safetensors file each, the run's state as JSON in its header. No pickle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from model.training.errors import TrainingError


@dataclass(frozen=True)
class RunState:
    """Where a run stands: steps done, the best validation so far and its figures."""

    step: int
    best_auc: float
    validation: dict[str, Any]
    calibration: dict[str, Any] | None
    corpus: str
    fps: float
    seconds: float  # spent training, over all sittings


def save_checkpoint(
    path: Path, network: nn.Module, state: RunState, optimizer: torch.optim.Optimizer | None = None
) -> None:
    """Write weights, optimizer state where given, and the run's state; a file appears whole or not at all.

    Raises TrainingError, and leaves the checkpoint that is there, when a weight is not finite: a step of
    finite loss may have burst it.
    """
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise TrainingError(
            f"{path}: the weights are not finite at step {state.step}; the checkpoints written before are "
            "kept: train again with a lower learning rate or another seed."
        )
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    if optimizer is not None:
        for number, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
    partial = path.with_name(path.name + ".partial")
    whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    save_file(whole, partial, metadata={"state": json.dumps(asdict(state))})
    partial.replace(path)


def load_checkpoint(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> RunState:
    """Restore weights, and the optimizer where given, in place; returns the run's state.

    Raises TrainingError when the file is missing, truncated, no safetensors file (a pickle is never
    opened as one), or belongs to another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            state = RunState(**json.loads(file.metadata()["state"]))
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        raise _unreadable(path) from None
    weights = {
        name.removeprefix("network."): value for name, value in tensors.items() if name.startswith("network.")
    }
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        raise TrainingError(
            f"{path}: its weights belong to another network; use the configuration it was trained with."
        ) from None
    if optimizer is not None:
        _restore(optimizer, tensors)
    return state


def steps_done(path: Path) -> int:
    """Steps behind a checkpoint. Raises as `load_checkpoint` where it is none; its weights stay unread."""
    try:
        with safe_open(path, framework="pt") as file:
            return RunState(**json.loads(file.metadata()["state"])).step
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        raise _unreadable(path) from None


def _unreadable(path: Path) -> TrainingError:
    return TrainingError(
        f"{path}: is not a readable checkpoint (safetensors); it may be cut short: a run's best.safetensors "
        "can be exported without its last.safetensors; else train again in another folder."
    )


def _restore(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, number, moment = name.split(".")
            moments.setdefault(int(number), {})[moment] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
