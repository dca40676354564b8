"""FCC, fully-connected convolution: every position sees its whole row and column.

Paper, section III.B: "meta-kernels of size 32 (cropped to the feature map spatial extent of 16 at
runtime)", two asymmetric branches (H then W; W then H), after ParC-Net's position-aware circular
convolution.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

STORED_TAPS: Final = 32


class CircularConv(nn.Module):
    """Depthwise circular convolution along one axis, preceded by a learned position embedding.

    The kernel and the embedding are stored with 32 taps and cropped to the first ``side`` at run
    time. output[i] = bias + sum_k kernel[k] · input[(i + k) mod side], per channel.
    """

    def __init__(self, channels: int, axis: int) -> None:
        super().__init__()
        self.axis = axis  # 2: along H, 3: along W
        self.kernel = nn.Parameter(torch.empty(channels, STORED_TAPS))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.position = nn.Parameter(torch.empty(channels, STORED_TAPS))
        nn.init.kaiming_uniform_(self.kernel, a=5**0.5)
        nn.init.trunc_normal_(self.position, std=0.02)

    def embed_position(self, maps: Tensor) -> Tensor:
        """Add the position embedding along the axis; ``[N, C, H, W]`` -> same."""
        side = maps.shape[self.axis]
        position = self.position[:, :side]
        return maps + (position[:, :, None] if self.axis == 2 else position[:, None, :])

    def circulant(self, side: int) -> Tensor:
        """The convolution as a matrix: float ``[C, side, side]``, row i holds the kernel rolled by i."""
        place = torch.arange(side, device=self.kernel.device)
        taps = (place[None, :] - place[:, None]) % side
        return self.kernel[:, taps]

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve ``[N, C, H, W]`` -> same, without the position embedding."""
        matrix = self.circulant(maps.shape[self.axis])
        if self.axis == 2:
            return matrix @ maps + self.bias[:, None, None]
        return maps @ matrix.transpose(1, 2) + self.bias[:, None, None]


class FccBranch(nn.Module):
    """Embed, BatchNorm, convolve along the first axis; embed, convolve along the second; add the input.

    ``[N, 64, 16, 16]`` -> same. No activation. 8,448 parameters.
    """

    def __init__(self, channels: int, axes: tuple[int, int]) -> None:
        super().__init__()
        self.first = CircularConv(channels, axes[0])
        self.norm = nn.BatchNorm2d(channels)
        self.second = CircularConv(channels, axes[1])

    def forward(self, maps: Tensor) -> Tensor:
        """``[N, 64, 16, 16]`` -> same."""
        mixed = self.first(self.norm(self.first.embed_position(maps)))
        out: Tensor = self.second(self.second.embed_position(mixed)) + maps
        return out


class Fcc(nn.Module):
    """Two branches over the two halves of the channels, concatenated; 16,896 parameters.

    ``[N, 128, 16, 16]`` -> same. The first half is convolved along H then W, the second along W then H.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rows_first = FccBranch(channels // 2, axes=(2, 3))
        self.columns_first = FccBranch(channels // 2, axes=(3, 2))

    def forward(self, maps: Tensor) -> Tensor:
        """``[N, 128, 16, 16]`` -> same."""
        upper, lower = maps.chunk(2, dim=1)
        return torch.cat((self.rows_first(upper), self.columns_first(lower)), dim=1)
