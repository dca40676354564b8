"""The temporal head's convolutions over time, without Conv3d."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from model.graph.temporal_head import MotionConv


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 2, 7])
def test_three_shifted_answers_are_the_convolution_over_time(length: int) -> None:
    conv = nn.Conv3d(5, 4, 3, stride=(1, 2, 1), padding=1).double()
    maps = torch.randn(3, length, 5, 8, 6, dtype=torch.float64)
    wanted = conv(maps.transpose(1, 2)).relu().transpose(1, 2)
    torch.testing.assert_close(MotionConv(conv).double()(maps), wanted)
