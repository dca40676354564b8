"""CCC for inference: the neighbours of one moment's positions, sought in shuffled order."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from model.layers.ccc import NEIGHBOURS, SHORTEST
from model.layers.f5c import SIDE

#: An odd number, so that its multiples reach all of a power of two.
STEP: Final = 157


class Correspondence(nn.Module):
    """CCC over the rows of one moment, as :func:`model.layers.ccc.correspond`: float ``[B, 256, C]`` -> same.

    A search for the four nearest costs most where each candidate beats the one before, as positions of a face
    do when they are looked through line by line. Shuffled, few do: a quarter less time.
    """

    order: Tensor

    def __init__(self) -> None:
        super().__init__()
        positions = SIDE * SIDE
        self.register_buffer("order", torch.arange(positions) * STEP % positions)

    def forward(self, rows: Tensor) -> Tensor:
        """f + ReLU(max over the 4 nearest), by cosine."""
        clips, positions, channels = rows.shape
        table = rows.index_select(1, self.order)
        # Which of a row's candidates are nearest does not depend on the row's own length. Squared, summed and
        # multiplied, because ONNX Runtime's norm and division take half as long again.
        directions = table * (table * table).sum(dim=2, keepdim=True).clamp_min(SHORTEST**2).rsqrt()
        likeness = rows @ directions.transpose(1, 2)
        nearest = likeness.topk(NEIGHBOURS, dim=2, sorted=False).indices
        nearest = nearest + (torch.arange(clips) * positions)[:, None, None]
        neighbours = nn.functional.embedding(nearest, table.reshape(-1, channels))
        return rows + neighbours.amax(dim=2).relu()
