"""What is exported computes what torch computes, the same way every time."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from torch import Tensor, nn

from model.export import (
    PARITY_LIMIT,
    ParityError,
    export,
    parity,
    smooth_frames,
    weights_sha256,
)
from model.layers.f5c import F5C
from model.layers.temporal_head import TemporalHead
from model.metadata import read_metadata
from model.network import DriverNetwork, f5c_network
from model.runtime import onnx_runtime
from model.shipped import shipped_model
from tests.untrained_model import SEED, UNTRAINED, export_untrained


def untrained() -> nn.Module:
    """The network that `export_untrained` exports."""
    torch.manual_seed(SEED)
    return f5c_network("FEAT_DIFF").eval()


def test_export_equals_torch_on_real_frames(real_frames: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    out = tmp_path / "m.onnx"
    export_untrained(out)
    metadata = read_metadata(out)
    assert (metadata.clip_length, metadata.validated_for) == (64, UNTRAINED)
    assert metadata.weights_sha256 == weights_sha256(untrained())
    assert 0 < parity(untrained(), out.read_bytes(), real_frames, 64).max() < PARITY_LIMIT


def test_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    template = dataclasses.replace(read_metadata(shipped_model()), clip_length=8)
    for name in ("a.onnx", "b.onnx"):
        written = export(untrained(), template, tmp_path / name, smooth_frames(20, seed=0))
        assert 0 < written.parity_max_difference < PARITY_LIMIT
        assert written.weights_sha256 == weights_sha256(untrained())
        assert read_metadata(tmp_path / name) == written
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_exported_file_tells_nothing_of_the_exporting_machine() -> None:
    assert str(Path(__file__).parents[2]).encode() not in shipped_model().read_bytes()
    assert b".py" not in shipped_model().read_bytes()
    onnx.checker.check_model(onnx.load(shipped_model()), full_check=True)


def test_an_embedding_does_not_depend_on_its_neighbours() -> None:
    session = onnx_runtime().InferenceSession(shipped_model(), providers=["CPUExecutionProvider"])
    length = read_metadata(shipped_model()).clip_length
    clip = smooth_frames(length, seed=3)
    batches = [np.stack([clip, smooth_frames(length, seed=seed)]) for seed in (4, 5)]
    first, second = (session.run(None, {"clips": batch})[0] for batch in batches)
    np.testing.assert_array_equal(first[0], second[0])
    assert np.abs(first[1] - second[1]).max() > 0
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-6)


class Unfaithful(nn.Module):
    """A head that computes otherwise while it is exported."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = TemporalHead()

    def forward(self, maps: Tensor) -> Tensor:
        """Sum up, and turn the sign of the result in the exported graph only."""
        sign = -1.0 if torch.compiler.is_exporting() else 1.0
        vectors: Tensor = self.inner(maps) * sign
        return vectors


def test_export_that_differs_from_torch_is_not_written(tmp_path: Path) -> None:
    template = dataclasses.replace(read_metadata(shipped_model()), clip_length=4)
    with pytest.raises(ParityError, match=r"m\.onnx"):
        export(
            DriverNetwork(F5C(), "FEAT_DIFF", Unfaithful()),
            template,
            tmp_path / "m.onnx",
            smooth_frames(20, seed=0),
        )
    assert list(tmp_path.iterdir()) == []
