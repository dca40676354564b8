"""F5C, the micro-expression-aware backbone: ConvStack → FCC → fusion → CCC (paper, section III.B)."""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn

from model.layers.ccc import correspond
from model.layers.conv_stack import ConvStack
from model.layers.fcc import Fcc

CHANNELS: Final = 128
SIDE: Final = 16


class F5C(nn.Module):
    """float ``[N, 1, 128, 128]`` -> ``[N, 128, 16, 16]``, each frame by itself; 52,920 parameters.

    ``fcc`` or ``ccc`` False leaves that part out (with FCC goes its 1×1 fusion), for the ablation.
    """

    def __init__(self, *, fcc: bool = True, ccc: bool = True) -> None:
        super().__init__()
        self.conv_stack = ConvStack()
        self.fcc = Fcc(CHANNELS) if fcc else None
        self.fusion = nn.Linear(CHANNELS, CHANNELS) if fcc else None  # a 1×1 convolution over rows
        self.ccc = ccc

    def forward(self, frames: Tensor) -> Tensor:
        """Encode frames, float ``[N, 1, 128, 128]`` -> ``[N, 128, 16, 16]`` (channels last in memory)."""
        maps = self.conv_stack(frames)
        if self.fcc is not None:
            maps = self.fcc(maps.contiguous())  # its matrix products run along rows and columns
        rows = maps.flatten(2).transpose(1, 2)  # [N, 256, 128]: one row a position
        if self.fusion is not None:
            rows = self.fusion(rows)
        if self.ccc:
            rows = correspond(rows)
        out: Tensor = rows.transpose(1, 2).reshape(-1, CHANNELS, SIDE, SIDE)
        return out
