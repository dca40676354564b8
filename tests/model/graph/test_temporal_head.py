"""The temporal head without Conv3d is the temporal head."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from model.graph.temporal_head import TemporalHeadForm
from model.layers.temporal_head import TemporalHead


@torch.no_grad()
@pytest.mark.parametrize("moments", [1, 2, 15])
def test_the_form_summarises_as_the_head_does(moments: int) -> None:
    head = TemporalHead().eval()
    for module in head.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    maps = torch.randn(2, moments, 128, 16, 16)
    wanted = head(maps)
    form = TemporalHeadForm(copy.deepcopy(head), channels_last=True)
    torch.testing.assert_close(form(maps.permute(0, 1, 3, 4, 2).unbind(1)), wanted)
    form = TemporalHeadForm(head, channels_last=False)
    torch.testing.assert_close(form(maps.unbind(1)), wanted)
