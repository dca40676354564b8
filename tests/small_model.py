"""A model file that costs little: the paper's network over short clips, with weights as initialised."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import torch

from model.export import export, smooth_frames
from model.metadata import EMBEDDING_SIZE, ModelMetadata
from model.network import f5c_network
from model.system import Condition

FRAMES = 16


def small_model(path: Path, condition: Condition = "FEAT_DIFF") -> Path:
    """Write a system of T = 16 to ``path``: for tests of what happens to results, not of what they say."""
    path.write_bytes(_exported(condition))
    return path


@cache
def _exported(condition: Condition) -> bytes:
    torch.manual_seed(3)
    metadata = ModelMetadata(
        model_name=f"F5C {condition}", backbone="F5C", condition=condition, clip_length=FRAMES, fps=25.0,
        embedding_size=EMBEDDING_SIZE, weights_sha256="", corpus="none", code_version="",
        validated_for="nothing (untrained)", parity_max_difference=0.0, validation={}, calibration=None,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.onnx"
        export(f5c_network(condition), metadata, path, smooth_frames(3 * FRAMES, seed=1))
        return path.read_bytes()
