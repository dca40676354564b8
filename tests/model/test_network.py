"""The network is the paper's, layer by layer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from model.export import smooth_frames
from model.layers.ccc import NEIGHBOURS, correspond
from model.layers.conditions import observe
from model.layers.conv_stack import ConvStack
from model.layers.f5c import F5C
from model.layers.fcc import CircularConv, Fcc
from model.layers.standardise import standardise
from model.layers.temporal_head import TemporalHead
from model.network import count_parameters, f5c_network
from model.system import CONDITIONS, Condition


def clips(batch: int, length: int, seed: int = 0) -> torch.Tensor:
    """Smooth synthetic clips, uint8 ``[batch, length, 128, 128]``."""
    return torch.from_numpy(smooth_frames(batch * length, seed)).unflatten(0, (batch, length))


def test_parameter_counts_are_the_papers() -> None:
    f5c = F5C()
    assert [count_parameters(block) for block in f5c.conv_stack] == [152, 2_400, 8_384, 8_576]
    assert count_parameters(f5c.conv_stack) == 19_512
    assert f5c.fcc is not None
    assert count_parameters(f5c.fcc) == 16_896
    assert f5c.fusion is not None
    assert count_parameters(f5c.fusion) == 16_512
    assert count_parameters(f5c) == 52_920
    head = TemporalHead()
    assert [count_parameters(block) for block in head.motion] == [221_376, 55_392]
    assert count_parameters(head.embed) == 131_328 + 65_792
    assert count_parameters(head) == 473_888
    assert count_parameters(f5c_network()) == 526_808


def test_conv_stack_sides_shrink_as_stated() -> None:
    sides = []
    maps = torch.zeros(2, 1, 128, 128)
    for block in ConvStack():
        maps = block(maps)
        sides.append(maps.shape[2:])
    assert sides == [(63, 63), (31, 31), (16, 16), (16, 16)]
    assert maps.shape[1] == 128


@pytest.mark.parametrize("axis", [2, 3])
def test_circular_convolution_equals_its_definition(axis: int) -> None:
    layer = CircularConv(5, axis)
    nn.init.normal_(layer.bias)
    maps = torch.randn(2, 5, 16, 16)
    wanted = sum(
        layer.kernel[None, :, tap, None, None] * maps.roll(-tap, dims=axis) for tap in range(16)
    ) + layer.bias.view(1, 5, 1, 1)
    torch.testing.assert_close(layer(maps), wanted)


def test_the_two_fcc_halves_differ_by_a_transposition() -> None:
    fcc = Fcc(8).eval()
    fcc.columns_first.load_state_dict(fcc.rows_first.state_dict())
    maps = torch.randn(2, 4, 16, 16)
    twisted = fcc(torch.cat((maps, maps.transpose(2, 3)), dim=1))
    torch.testing.assert_close(twisted[:, :4], twisted[:, 4:].transpose(2, 3))


def test_ccc_equals_the_papers_edges() -> None:
    rows = torch.randn(3, 256, 128)
    unit = rows / rows.norm(dim=2, keepdim=True)
    wanted = torch.empty_like(rows)
    for frame in range(3):
        nearest = (unit[frame] @ unit[frame].T).topk(NEIGHBOURS, dim=1).indices
        assert all(i in nearest[i] for i in range(256)), "a position is its own nearest neighbour"
        edges = rows[frame][nearest] - rows[frame][:, None, :]
        wanted[frame] = rows[frame] + torch.relu(rows[frame] + edges.amax(dim=1))
    torch.testing.assert_close(correspond(rows), wanted, atol=1e-5, rtol=0)


def test_clip_is_standardised_as_a_whole() -> None:
    clip = clips(2, 8)
    gray = clip.double() / 255
    mean = gray.mean(dim=(1, 2, 3), keepdim=True)
    std = gray.std(dim=(1, 2, 3), keepdim=True, unbiased=False)
    torch.testing.assert_close(standardise(clip).double(), (gray - mean) / (std + 1e-6), atol=1e-5, rtol=0)


def test_clip_of_one_gray_stays_finite() -> None:
    black = torch.zeros(1, 4, 128, 128, dtype=torch.uint8)
    assert standardise(black).abs().max() < 1
    assert f5c_network().eval()(black).isfinite().all()


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("length", [2, 5])
def test_embeddings_are_unit_vectors_for_any_length(condition: Condition, length: int) -> None:
    embeddings = f5c_network(condition).eval()(clips(3, length))
    assert embeddings.shape == (3, 256)
    assert embeddings.dtype == torch.float32
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(3))


def test_conditions_hand_the_head_what_they_promise() -> None:
    backbone = F5C().eval()
    frames = standardise(clips(2, 6))
    maps = torch.stack([backbone(frames[:, t].unsqueeze(1)) for t in range(6)], dim=1)
    moved = backbone((frames[:, 1:] - frames[:, :-1]).reshape(10, 1, 128, 128)).unflatten(0, (2, 5))
    wanted = {
        "FEAT_DIFF": maps[:, 1:] - maps[:, :-1],
        "PIXEL_DIFF": moved,
        "RAW_FEAT": maps,
        "STATIC": maps[:, 3:4],
    }
    for condition in CONDITIONS:
        torch.testing.assert_close(
            observe(frames, backbone, condition), wanted[condition], atol=1e-4, rtol=1e-4
        )


@pytest.mark.parametrize("training", [False, True])
def test_what_does_not_move_reaches_the_head_as_exactly_zero(training: bool) -> None:
    still = clips(3, 1).expand(3, 9, 128, 128)
    observed = observe(standardise(still), F5C().train(training), "FEAT_DIFF")
    assert observed.shape == (3, 8, 128, 16, 16)
    assert torch.count_nonzero(observed) == 0


def test_head_pools_like_adaptive_average_pooling() -> None:
    head = TemporalHead().eval()
    maps = torch.randn(2, 7, 128, 16, 16)
    motion = head.motion(maps.transpose(1, 2))
    assert motion.shape == (2, 32, 7, 4, 16)
    pooled = nn.functional.adaptive_avg_pool3d(motion, (1, 4, 4)).flatten(1)
    torch.testing.assert_close(head(maps), head.embed(pooled))


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("length", [2, 3, 4])
def test_head_in_bfloat16_has_the_gradients_of_float32(condition: Condition, length: int) -> None:
    network = f5c_network(condition).eval()  # dropout off
    batch, direction = clips(3, length), torch.randn(256)
    gradients = []
    for precision in (None, torch.bfloat16):
        garbage = [torch.full((2**power,), float("nan")) for power in (10, 14, 18, 20) for _ in range(3)]
        del garbage  # what is read before it is written now shows
        network.head_precision = precision
        network.zero_grad()
        (network(batch) @ direction).sum().backward()
        gradients.append([parameter.grad.clone() for parameter in network.head.parameters()])
    for exact, rounded in zip(*gradients, strict=True):
        assert (exact - rounded).norm() <= 0.1 * exact.norm()
