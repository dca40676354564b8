"""A model file of the paper's network as a seed initialises it; its metadata say so."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from model.export import export, smooth_frames
from model.metadata import EMBEDDING_SIZE, ModelMetadata
from model.network import f5c_network

UNTRAINED: Final = "nothing (untrained)"
SEED: Final = 42
CLIP_LENGTH: Final = 64


def export_untrained(out: Path) -> ModelMetadata:
    """Export FEAT_DIFF, T = 64, as initialised from seed 42, to ``out``."""
    torch.manual_seed(SEED)
    network = f5c_network("FEAT_DIFF")
    metadata = ModelMetadata(
        model_name=f"untrained F5C FEAT_DIFF T={CLIP_LENGTH}",
        backbone="F5C",
        condition="FEAT_DIFF",
        clip_length=CLIP_LENGTH,
        fps=25.0,
        embedding_size=EMBEDDING_SIZE,
        weights_sha256="",
        corpus=f"none (initialised from seed {SEED})",
        code_version="",
        validated_for=UNTRAINED,
        parity_max_difference=0.0,
        validation={},
        calibration=None,
    )
    return export(network, metadata, out, smooth_frames(3 * CLIP_LENGTH, seed=1))
