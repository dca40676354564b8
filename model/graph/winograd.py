"""A convolution over time with fewer than half the products: Winograd's F(6, 3).

Six answers of a kernel of three taps take eighteen products. Taken from the values of the two polynomials,
input and kernel, at seven points and at infinity, they take eight (Lavin and Gray 2016, "Fast algorithms
for convolutional neural networks", section 4.1). Here a product is a 3×3 convolution of a whole map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from numpy.polynomial.polynomial import polyfromroots
from torch import Tensor, nn

Matrix = npt.NDArray[np.float64]

TILE: Final = 6  # moments answered together
TAPS: Final = 3
#: Small and in pairs: their powers, by which sums grow before they cancel, stay near 1.
FINITE: Final = np.array((0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5))
POINTS: Final = len(FINITE) + 1  # and infinity, which is the last
#: Moments changed to tiles by one product. A tile needs eight of them: over a whole clip most of it is zeros.
#: A tile alone makes the convolutions small.
BLOCK: Final = 2 * TILE


def _input() -> Matrix:
    """Eight moments of input to the values at the points: ``[8, 8]``."""
    others = [polyfromroots(np.delete(FINITE, place)) for place in range(len(FINITE))]
    return np.stack([*(np.append(one, 0.0) for one in others), polyfromroots(FINITE)])


def _kernel() -> Matrix:
    """Three taps of a kernel to its values at the points: ``[8, 3]``."""
    apart = [np.prod(point - np.delete(FINITE, place)) for place, point in enumerate(FINITE)]
    values = np.vander(FINITE, TAPS, increasing=True) / np.array(apart)[:, None]
    return np.vstack([values, [0.0, 0.0, 1.0]])


def _answer() -> Matrix:
    """The products at the points to the six answers: ``[6, 8]``."""
    return np.column_stack([np.vander(FINITE, TILE, increasing=True).T, np.eye(TILE)[-1]])


INPUT: Final[Matrix] = _input()
KERNEL: Final[Matrix] = _kernel()
ANSWER: Final[Matrix] = _answer()


class TiledMotionConv(nn.Module):
    """A 3×3×3 convolution with stride (1, 2, 1) and padding 1, then ReLU, as eight 3×3 convolutions.

    T' times float ``[B, C, H, W]`` -> blocks ``[B, ≤ 12, C', H/2, W]`` of T' moments together. Maps of exact
    zeros stay exact zeros.
    """

    def __init__(self, conv: nn.Conv3d) -> None:
        super().__init__()
        assert conv.kernel_size == (3, 3, 3) and conv.stride == (1, 2, 1) and conv.bias is not None
        kernels = torch.einsum("pt,octyx->pocyx", torch.from_numpy(KERNEL), conv.weight.detach().double())
        self.points = nn.ModuleList()
        for kernel in kernels.to(conv.weight.dtype):
            point = nn.Conv2d(conv.in_channels, conv.out_channels, 3, stride=(2, 1), padding=1, bias=False)
            point.weight = nn.Parameter(kernel.contiguous())
            self.points.append(point)
        self.bias = nn.Parameter(conv.bias.detach()[:, None, None])

    def forward(self, moments: Sequence[Tensor], *, channels_last: bool = False) -> list[Tensor]:
        """Convolve over time and space; with ``channels_last`` maps come as ``[B, H, W, C]``."""
        blocks = (
            self._block(moments, first, min(first + BLOCK, len(moments)), channels_last)
            for first in range(0, len(moments), BLOCK)
        )
        return [(block + self.bias).relu() for block in blocks]

    def _block(self, moments: Sequence[Tensor], first: int, last: int, channels_last: bool) -> Tensor:
        """The answers of the moments from ``first`` to before ``last``: ``[B, last − first, C', H/2, W]``."""
        to_points, to_answers = tiling(last - first)
        begin, end = max(first - 1, 0), min(first - 1 + to_points.shape[1], len(moments))
        to_points = to_points[:, begin - first + 1 : end - first + 1]
        maps = torch.stack(tuple(moments[begin:end]), dim=1)
        clips = maps.shape[0]
        tiled = _constant(to_points, maps) @ maps.flatten(2)
        tiled = tiled.reshape(clips, POINTS, -1, *maps.shape[2:])
        products = []
        for place, convolve in enumerate(self.points):
            point = tiled[:, place].flatten(0, 1)
            product = convolve(point.permute(0, 3, 1, 2) if channels_last else point)
            products.append(product.reshape(clips, -1, product[0].numel()))
        answers: Tensor = _constant(to_answers, maps) @ torch.cat(products, dim=1)
        return answers.reshape(*answers.shape[:2], *product.shape[1:])


def tiling(moments: int) -> tuple[Matrix, Matrix]:
    """The matrices from a sequence to the points of its tiles, and from the products there to its answers.

    ``[8·tiles, 6·tiles + 2]``, whose first column stands for the moment before the sequence, and
    ``[moments, 8·tiles]``; both point by point, all tiles of one together.
    """
    tiles = -(-moments // TILE)
    to_points = np.zeros((POINTS, tiles, TILE * tiles + 2))
    to_answers = np.zeros((TILE * tiles, POINTS, tiles))
    for tile in range(tiles):
        first = TILE * tile
        to_points[:, tile, first : first + POINTS] = INPUT
        to_answers[first : first + TILE, :, tile] = ANSWER
    return to_points.reshape(POINTS * tiles, -1), to_answers[:moments].reshape(moments, -1)


def _constant(matrix: Matrix, like: Tensor) -> Tensor:
    return torch.tensor(matrix, dtype=like.dtype)
