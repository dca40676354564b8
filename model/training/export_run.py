"""From a training run to a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.export import export, smooth_frames
from model.metadata import EMBEDDING_SIZE, ModelMetadata
from model.network import DriverNetwork
from model.registry import build
from model.training.checkpoint import RunState, load_checkpoint
from model.training.config import TrainConfig, load_config
from model.training.memory import keep_freed_memory


def load_run(run_dir: Path) -> tuple[TrainConfig, DriverNetwork, RunState]:
    """Configuration, best network in evaluation mode, and its state.

    Raises ValueError (TrainingError) naming the file when the folder is no run or its checkpoint is damaged.
    """
    config = load_config(run_dir / "config.json")
    network = build(config.system)
    state = load_checkpoint(run_dir / "best.safetensors", network)
    return config, network.eval(), state


def export_run(
    run_dir: Path,
    out: Path,
    *,
    validated_for: str,
    measured: dict[str, Any] | None = None,
    frames: npt.NDArray[np.uint8] | None = None,
) -> ModelMetadata:
    """Write the best checkpoint of a run as one ONNX file, parity checked, metadata complete.

    ``validated_for`` says in words what its results may be used for, as `simulation only`.
    ``measured``: further figures (test AUC and the like) beside the validation's. ``frames``: footage for
    the parity check, uint8 ``[N, 128, 128]``, N > T; smooth synthetic frames otherwise.
    """
    keep_freed_memory()
    config, network, state = load_run(run_dir)
    system = config.system
    metadata = ModelMetadata(
        model_name=f"{system.backbone} {system.condition} T={system.clip_length}",
        backbone=system.backbone,
        condition=system.condition,
        clip_length=system.clip_length,
        fps=state.fps,
        embedding_size=EMBEDDING_SIZE,
        weights_sha256="",
        corpus=state.corpus,
        code_version="",
        validated_for=validated_for,
        parity_max_difference=0.0,
        validation={
            "validation": state.validation,
            "training": {
                "steps": state.step,
                "batch": f"{config.drivers_per_batch} drivers × {config.videos_per_driver} videos",
                "generators": list(config.generators) if config.generators else "all",
                "seed": config.seed,
                "hours": round(state.seconds / 3600, 3),
            },
            **(measured or {}),
        },
        calibration=state.calibration,
    )
    footage = smooth_frames(2 * system.clip_length + 16, seed=1) if frames is None else frames
    return export(network, metadata, out, footage)
