"""The temporal head for inference, without Conv3d."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.graph.folding import fold_batch_norms
from model.graph.winograd import TiledMotionConv
from model.layers.temporal_head import TemporalHead


class TemporalHeadForm(nn.Module):
    """The temporal head without Conv3d: T' times float ``[B, 128, 16, 16]`` -> ``[B, 256]``.

    ``channels_last``: its maps come as ``[B, 16, 16, 128]``.
    """

    def __init__(self, head: TemporalHead, *, channels_last: bool) -> None:
        super().__init__()
        self.channels_last = channels_last
        fold_batch_norms(head.motion)
        self.first, self.second = (TiledMotionConv(_conv3d(block)) for block in head.motion)
        self.embed = head.embed

    def forward(self, moments: Sequence[Tensor]) -> Tensor:
        """Summarise motion."""
        blocks = self.first(moments, channels_last=self.channels_last)
        motion = self.second([moment for block in blocks for moment in block.unbind(1)])
        pooled = nn.functional.avg_pool2d(torch.cat(motion, dim=1).mean(dim=1), kernel_size=(1, 4))
        vectors: Tensor = self.embed(pooled.flatten(1))
        return vectors


def _conv3d(block: nn.Module) -> nn.Conv3d:
    return next(layer for layer in block.children() if isinstance(layer, nn.Conv3d))
