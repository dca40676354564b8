"""F5C for inference: its linear middle folded, channels last from there on."""

from __future__ import annotations

import copy
from typing import Final

import torch
from torch import Tensor, nn

from model.graph.folding import fold_batch_norms
from model.layers.ccc import correspond
from model.layers.f5c import CHANNELS, F5C, SIDE
from model.layers.fcc import Fcc, FccBranch

_H: Final = 2  # the axis of [N, C, H, W] a CircularConv names


class F5CForm(nn.Module):
    """F5C, its linear middle folded: float ``[N, 1, 128, 128]`` -> ``[N, 16, 16, 128]``, channels last."""

    along_h: Tensor
    along_w: Tensor
    offset: Tensor

    def __init__(self, f5c: F5C) -> None:
        super().__init__()
        self.conv_stack = f5c.conv_stack
        fold_batch_norms(self.conv_stack)
        self.ccc = f5c.ccc
        self.fusion: nn.Linear | None = None
        if f5c.fcc is not None:
            assert f5c.fusion is not None
            along_h, along_w, offset = separate(f5c.fcc)
            exact = f5c.fusion.double()
            offset = exact(offset.flatten(1).t())  # through the fusion, its bias included: [256, 128]
            self.fusion = nn.Linear(CHANNELS, CHANNELS, bias=False)
            self.fusion.weight = nn.Parameter(exact.weight.detach().float())
            for name, folded in (("along_h", along_h), ("along_w", along_w), ("offset", offset)):
                self.register_buffer(name, folded.detach().float())

    def forward(self, frames: Tensor) -> Tensor:
        """Encode frames, float ``[N, 1, 128, 128]`` -> ``[N, 16, 16, 128]``."""
        maps = self.conv_stack(frames)
        if self.fusion is not None:
            maps = (self.along_h @ maps) @ self.along_w + maps
        rows = maps.flatten(2).transpose(1, 2)
        if self.fusion is not None:
            rows = self.fusion(rows) + self.offset
        if self.ccc:
            rows = correspond(rows)
        out: Tensor = rows.reshape(-1, SIDE, SIDE, CHANNELS)
        return out


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
