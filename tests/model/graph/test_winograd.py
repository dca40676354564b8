"""A convolution over time from half the products is the convolution."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from model.graph.winograd import BLOCK, TILE, TiledMotionConv


def convolution() -> nn.Conv3d:
    """As the temporal head's, of few channels."""
    return nn.Conv3d(5, 4, 3, stride=(1, 2, 1), padding=1)


def wanted(conv: nn.Conv3d, maps: Tensor) -> Tensor:
    return conv(maps.transpose(1, 2)).relu().transpose(1, 2)


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 2, TILE, TILE + 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3])
def test_tiles_answer_what_the_convolution_answers(length: int) -> None:
    conv = convolution().double()
    maps = torch.randn(3, length, 5, 8, 6, dtype=torch.float64)
    found = TiledMotionConv(conv)(maps.unbind(1), channels_last=False)
    torch.testing.assert_close(found, wanted(conv, maps))


@torch.no_grad()
def test_maps_may_come_with_their_channels_last() -> None:
    tiled = TiledMotionConv(convolution().double())
    maps = torch.randn(2, 9, 5, 8, 6, dtype=torch.float64)
    last = tiled(maps.permute(0, 1, 3, 4, 2).contiguous().unbind(1), channels_last=True)
    torch.testing.assert_close(last, tiled(maps.unbind(1), channels_last=False))


@torch.no_grad()
def test_little_is_lost_to_rounding() -> None:
    """The points go up to ±2, so that values grow before they cancel: by few bits, not by many."""
    conv = convolution()
    maps = torch.randn(2, 63, 5, 8, 6)
    exact = wanted(copy.deepcopy(conv).double(), maps.double())
    direct = (wanted(conv, maps) - exact).abs().max()
    tiled = (TiledMotionConv(conv)(maps.unbind(1), channels_last=False) - exact).abs().max()
    assert tiled < 8 * direct  # 2 to 3 times, as measured


@torch.no_grad()
def test_zeros_stay_exact_zeros() -> None:
    conv = convolution()
    found = TiledMotionConv(conv)(torch.zeros(1, 7, 5, 8, 6).unbind(1), channels_last=False)
    assert conv.bias is not None
    assert torch.equal(found, conv.bias.relu()[:, None, None].expand_as(found))
