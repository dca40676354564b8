"""The form that is exported computes what the network computes, from operators the runtime is fast at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from torch import nn

from model.export import smooth_frames, to_onnx
from model.graph.form import MOMENTS, inference_form
from model.network import DriverNetwork
from model.registry import build
from model.runtime import onnx_runtime
from model.system import BACKBONES, CONDITIONS, Backbone, Condition, System

LIMIT = 1e-5  # of one element of a unit vector of 256; the export's own limit is ten times as wide


def lived_in(network: DriverNetwork) -> DriverNetwork:
    """Every norm, bias and statistic away from its initial value, where folding it would be no work."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            assert module.running_mean is not None and module.running_var is not None
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        for name, parameter in module.named_parameters(recurse=False):
            if name == "bias":
                nn.init.normal_(parameter, std=0.1)
    return network.eval()


def clips(batch: int, length: int, seed: int = 0) -> torch.Tensor:
    """Smooth synthetic clips, uint8 ``[batch, length, 128, 128]``."""
    return torch.from_numpy(smooth_frames(batch * length, seed)).unflatten(0, (batch, length))


@torch.no_grad()
@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_form_of_every_backbone_computes_what_the_backbone_computes(backbone: Backbone) -> None:
    network = lived_in(build(System(backbone)))
    batch = clips(2, 3)
    torch.testing.assert_close(inference_form(network)(batch), network(batch), atol=LIMIT, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("length", [2, MOMENTS + 1])
def test_the_form_holds_for_any_length(condition: Condition, length: int) -> None:
    network = lived_in(build(System("F5C", condition)))
    batch = clips(2, length)
    torch.testing.assert_close(inference_form(network)(batch), network(batch), atol=LIMIT, rtol=0)


def test_the_network_itself_is_left_as_it_was() -> None:
    network = lived_in(build(System()))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    inference_form(network)
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.fixture(scope="module")
def exported() -> tuple[DriverNetwork, onnx.ModelProto]:
    """F5C, FEAT_DIFF, of more frames than are encoded together."""
    torch.manual_seed(7)
    network = lived_in(build(System()))
    return network, to_onnx(inference_form(network), MOMENTS + 2)


def test_exported_graph_has_none_of_the_slow_operators(
    exported: tuple[DriverNetwork, onnx.ModelProto],
) -> None:
    graph = exported[1].graph
    used = {node.op_type for node in graph.node}
    assert not used & {"GatherElements", "GatherND", "ScatterND", "BatchNormalization", "Loop", "If"}
    weights = {value.name: len(value.dims) for value in graph.initializer}
    assert {weights[node.input[1]] for node in graph.node if node.op_type == "Conv"} == {4}, "a Conv3D"
    rows = {name for node in graph.node if node.op_type == "TopK" for name in node.output}
    assert rows, "CCC is in the graph"
    assert "Expand" not in {node.op_type for node in graph.node if rows & set(node.input)}


def test_exported_graph_computes_what_torch_computes(
    exported: tuple[DriverNetwork, onnx.ModelProto],
) -> None:
    network, proto = exported
    batch = clips(3, MOMENTS + 2)
    with torch.no_grad():
        wanted = network(batch).numpy()
    np.testing.assert_allclose(embed(proto, batch.numpy()), wanted, atol=LIMIT, rtol=0)


@pytest.mark.parametrize("backbone", ["F5C", "F5C-reading"])
def test_clips_without_motion_share_one_embedding(backbone: Backbone) -> None:
    """Equal frames cancel to exactly zero, wherever in the clip, and whatever they show."""
    network = lived_in(build(System(backbone)))
    still = clips(3, 1).expand(3, MOMENTS + 2, 128, 128).numpy()
    one, *others = embed(to_onnx(inference_form(network), MOMENTS + 2), still)
    for other in others:
        np.testing.assert_array_equal(one, other)


def embed(proto: onnx.ModelProto, batch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    session = onnx_runtime().InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (embeddings,) = session.run(None, {"clips": batch})
    found: npt.NDArray[np.float32] = embeddings
    return found
