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
        first, second = (_conv3d(block) for block in head.motion)
        # The first is nine tenths of the work. At the second, changing to tiles and back costs what it saves.
        self.first = TiledMotionConv(first)
        self.second = MotionConv(second)
        self.embed = head.embed

    def forward(self, moments: Sequence[Tensor]) -> Tensor:
        """Summarise motion."""
        motion = self.second(self.first(moments, channels_last=self.channels_last))
        pooled = nn.functional.avg_pool2d(motion.mean(dim=1), kernel_size=(1, 4))
        vectors: Tensor = self.embed(pooled.flatten(1))
        return vectors


def _conv3d(block: nn.Module) -> nn.Conv3d:
    return next(layer for layer in block.children() if isinstance(layer, nn.Conv3d))


class MotionConv(nn.Module):
    """A 3×3×3 convolution with stride (1, 2, 1) and padding 1, then ReLU, as one 3×3 convolution.

    The three moments' kernels are applied to every moment at once; their answers, shifted by one moment
    each, are summed. float ``[B, T', C, H, W]`` -> ``[B, T', C', H/2, W]``.
    """

    def __init__(self, conv: nn.Conv3d) -> None:
        super().__init__()
        assert conv.kernel_size == (3, 3, 3) and conv.stride == (1, 2, 1) and conv.bias is not None
        inputs, self.outputs = conv.in_channels, conv.out_channels
        self.moments = nn.Conv2d(inputs, 3 * self.outputs, 3, stride=(2, 1), padding=1)
        weight = conv.weight.detach().permute(2, 0, 1, 3, 4).flatten(0, 1)  # [3·C', C, 3, 3]
        nothing = torch.zeros(self.outputs)
        self.moments.weight = nn.Parameter(weight.contiguous())
        self.moments.bias = nn.Parameter(torch.cat((nothing, conv.bias.detach(), nothing)))

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve over time and space."""
        answers: Tensor = self.moments(maps.flatten(0, 1))
        answers = answers.reshape(*maps.shape[:2], *answers.shape[1:])
        before, now, after = torch.split(answers, self.outputs, dim=2)
        none = (0, 0) * 3
        before = nn.functional.pad(before[:, :-1], (*none, 1, 0))
        after = nn.functional.pad(after[:, 1:], (*none, 0, 1))
        return (now + before + after).relu()
