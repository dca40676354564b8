"""A convolution over time from fewer products is the convolution."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from model.graph.winograd import BLOCK, TILE, TiledMotionConv


def convolution() -> nn.Conv3d:
    """As the temporal head's, of few channels."""
    return nn.Conv3d(5, 4, 3, stride=(1, 2, 1), padding=1)


def tiled(conv: nn.Conv3d, moments: tuple[Tensor, ...], *, channels_last: bool = False) -> Tensor:
    return torch.cat(TiledMotionConv(conv)(moments, channels_last=channels_last), dim=1)


def wanted(conv: nn.Conv3d, maps: Tensor) -> Tensor:
    return conv(maps.transpose(1, 2)).relu().transpose(1, 2)


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 2, TILE, TILE + 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3])
def test_tiles_answer_what_the_convolution_answers(length: int) -> None:
    conv = convolution().double()
    maps = torch.randn(3, length, 5, 8, 6, dtype=torch.float64)
    found = tiled(conv, maps.unbind(1))
    torch.testing.assert_close(found, wanted(conv, maps))


@torch.no_grad()
def test_maps_may_come_with_their_channels_last() -> None:
    conv = convolution().double()
    maps = torch.randn(2, 9, 5, 8, 6, dtype=torch.float64)
    last = tiled(conv, maps.permute(0, 1, 3, 4, 2).contiguous().unbind(1), channels_last=True)
    torch.testing.assert_close(last, tiled(conv, maps.unbind(1)))


@torch.no_grad()
def test_little_is_lost_to_rounding() -> None:
    """The points go up to ±2, so that values grow before they cancel: by few bits, not by many."""
    conv = convolution()
    maps = torch.randn(2, 63, 5, 8, 6)
    exact = wanted(copy.deepcopy(conv).double(), maps.double())
    direct = (wanted(conv, maps) - exact).abs().max()
    by_tiles = (tiled(conv, maps.unbind(1)) - exact).abs().max()
    assert by_tiles < 8 * direct  # 2 to 5 times, as measured


@torch.no_grad()
def test_zeros_stay_exact_zeros() -> None:
    conv = convolution()
    found = tiled(conv, torch.zeros(1, 7, 5, 8, 6).unbind(1))
    assert conv.bias is not None
    assert torch.equal(found, conv.bias.relu()[:, None, None].expand_as(found))
