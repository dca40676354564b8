"""F5C for inference: its linear middle folded, channels last from there on."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Final

import torch
from torch import Tensor, nn

from model.graph.ccc import Correspondence
from model.graph.folding import fold_batch_norms
from model.layers.f5c import CHANNELS, F5C, SIDE
from model.layers.fcc import Fcc, FccBranch

_H: Final = 2  # the axis of [N, C, H, W] a CircularConv names


class F5CForm(nn.Module):
    """F5C, its linear middle folded: float ``[B, M, 128, 128]`` -> M times ``[B, 16, 16, 128]``.

    ``after``: a linear layer over the channels that follows; the maps have as many as it gives then.
    """

    along_h: Tensor
    along_w: Tensor
    offset: Tensor

    def __init__(self, f5c: F5C, after: nn.Linear | None = None) -> None:
        super().__init__()
        fold_batch_norms(f5c.conv_stack)
        *convolutions, last_block = f5c.conv_stack
        last = next(last_block.children())
        assert isinstance(last, nn.Conv2d) and last.bias is not None and last.kernel_size == (1, 1)
        self.convolutions = nn.Sequential(*convolutions)
        self.widen = nn.Parameter(last.weight.detach().flatten(1))
        self.widen_bias = nn.Parameter(last.bias.detach()[:, None])
        self.fusion: nn.Parameter | None = None
        if f5c.fcc is not None:
            assert f5c.fusion is not None
            along_h, along_w, offset = separate(f5c.fcc)
            exact = f5c.fusion.double()
            offset = exact(offset.flatten(1).t())  # through the fusion, its bias included: [256, 128]
            self.fusion = nn.Parameter(exact.weight.detach().float().t().contiguous())
            for name, folded in (("along_h", along_h[:, None]), ("along_w", along_w), ("offset", offset)):
                self.register_buffer(name, folded.detach().float())
        self.correspond = Correspondence() if f5c.ccc else None
        self.after = after

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Encode frames."""
        clips, moments = frames.shape[:2]
        rows = self._rows(self.convolutions(frames.flatten(0, 1).unsqueeze(1)))
        rows = rows.reshape(clips, moments, SIDE * SIDE, CHANNELS)
        maps: Iterable[Tensor] = rows.unbind(1)
        if self.correspond is not None:
            maps = map(self.correspond, maps)
        if self.after is not None:
            maps = map(self.after, maps)
        return tuple(moment.reshape(clips, SIDE, SIDE, -1) for moment in maps)

    def _rows(self, maps: Tensor) -> Tensor:
        """The last convolution, FCC and the fusion: ``[N, 64, 16, 16]`` -> ``[N, 256, 128]``.

        Channels first of all, so that all frames' positions are one matrix to multiply: the last convolution
        is one product then, and FCC's along W one a channel instead of one a channel and frame.
        """
        maps = torch.addmm(self.widen_bias, self.widen, maps.transpose(0, 1).flatten(1)).relu()
        if self.fusion is None:
            return maps.t().reshape(-1, SIDE * SIDE, CHANNELS)
        mixed = self.along_h @ maps.reshape(CHANNELS, -1, SIDE, SIDE)
        mixed = mixed.reshape(CHANNELS, -1, SIDE) @ self.along_w
        rows = (mixed.reshape(CHANNELS, -1) + maps).t() @ self.fusion
        return rows.reshape(-1, SIDE * SIDE, CHANNELS) + self.offset


def separate(fcc: Fcc) -> tuple[Tensor, Tensor, Tensor]:
    """FCC as ``along_h @ maps @ along_w + offset + maps``, all float64 ``[C, 16, 16]``.

    Each branch is affine in its input, and its two axes do not mix, so their order is free.
    """
    parts = [_separate_branch(branch) for branch in (fcc.rows_first, fcc.columns_first)]
    along_h, along_w, offset = (torch.cat(part) for part in zip(*parts, strict=True))
    return along_h, along_w, offset


def _separate_branch(branch: FccBranch) -> tuple[Tensor, Tensor, Tensor]:
    exact = copy.deepcopy(branch).double().eval()
    norm = exact.norm
    assert norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    first = exact.first.circulant(SIDE) * scale[:, None, None]
    second = exact.second.circulant(SIDE)
    offset = exact(torch.zeros(1, len(scale), SIDE, SIDE, dtype=torch.float64))[0]
    along_h, along_w = (first, second) if exact.first.axis == _H else (second, first)
    return along_h, along_w.transpose(1, 2), offset
