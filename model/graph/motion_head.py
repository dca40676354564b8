"""The motion head for inference."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.graph.folding import fold_batch_norms
from model.layers.f5c import CHANNELS, SIDE
from model.layers.motion_head import READINGS, MotionHead


def narrowing(head: MotionHead) -> nn.Linear:
    """The motion head's first layer, float ``[…, 128]`` -> ``[…, 32]``: linear, so it may come before the
    difference, which then has a quarter of the channels to subtract."""
    narrow = head.read[0]
    assert isinstance(narrow, nn.Conv2d)
    linear = nn.Linear(CHANNELS, narrow.out_channels, bias=False)
    linear.weight = nn.Parameter(narrow.weight.detach().flatten(1))
    return linear


class MotionHeadForm(nn.Module):
    """The motion head over narrowed maps, channels last: T' times float ``[B, 16, 16, 32]`` -> ``[B, 256]``.

    The scale of the readings is folded into their weights.
    """

    def __init__(self, head: MotionHead) -> None:
        super().__init__()
        readout = head.read[2]
        assert isinstance(readout, nn.Linear)
        by_place = readout.weight.detach().reshape(READINGS, -1, SIDE * SIDE).transpose(1, 2)
        self.read = nn.Linear(readout.in_features, READINGS, bias=False)
        self.read.weight = nn.Parameter(by_place.flatten(1) * head.scale[:, None])
        fold_batch_norms(head.patterns)
        self.patterns, self.embed = head.patterns, head.embed

    def forward(self, moments: Sequence[Tensor]) -> Tensor:
        """Summarise motion."""
        readings = self.read(torch.stack(tuple(moments), dim=1).flatten(2))
        vectors: Tensor = self.embed(self.patterns(readings.transpose(1, 2)).mean(dim=2))
        return vectors
