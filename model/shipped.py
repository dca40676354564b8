"""The model that comes with the package."""

from __future__ import annotations

from pathlib import Path


def shipped_model() -> Path:
    """Path of the ONNX file that is used when no other model is named."""
    return Path(__file__).parent / "weights" / "driverprint.onnx"
