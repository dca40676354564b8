"""A model file that costs little: the paper's network over short clips, with weights as initialised."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper

from model.export import export, smooth_frames
from model.metadata import EMBEDDING_SIZE, INPUT_NAME, OUTPUT_NAME, ModelMetadata
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


def broken_model(path: Path, *, also_blank: bool) -> Path:
    """A small model whose embeddings are NaN: of every clip that is not black, or of black ones too."""
    model = onnx.load(small_model(path))
    for node in model.graph.node:
        node.output[:] = ["sound" if name == OUTPUT_NAME else name for name in node.output]
    below = helper.make_tensor("below", TensorProto.FLOAT, [], [-1.0 if also_blank else 0.0])
    axes = helper.make_tensor("but_the_first", TensorProto.INT64, [3], [1, 2, 3])
    last = helper.make_tensor("last", TensorProto.INT64, [1], [1])
    model.graph.initializer.extend([below, axes, last])
    model.graph.node.extend([
        helper.make_node("Cast", [INPUT_NAME], ["gray"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["gray", "but_the_first"], ["level"], keepdims=0),
        helper.make_node("Sub", ["below", "level"], ["negative"]),
        helper.make_node("Sqrt", ["negative"], ["nan"]),
        helper.make_node("Unsqueeze", ["nan", "last"], ["column"]),
        helper.make_node("Add", ["sound", "column"], [OUTPUT_NAME]),
    ])  # fmt: skip
    onnx.save(model, path)
    return path
