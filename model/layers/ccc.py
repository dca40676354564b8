"""CCC, channel correspondence convolution: facial regions that move alike inform each other.

Paper, section III.B: a graph over the 256 positions of the map, edges to the k = 4 nearest by cosine
in channel space, each position aggregates the differences to its neighbours. No parameters.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

NEIGHBOURS: Final = 4


def correspond(rows: Tensor) -> Tensor:
    """f + ReLU(f + max over the 4 nearest of (neighbour − f)), by cosine, self among them.

    The f inside the ReLU cancels: f + max(neighbour − f) = max(neighbour), so the edges are never
    built. Which neighbours are nearest is a choice without a gradient; the values flow through the
    gathered rows. The four are fetched as whole rows of one flat matrix, the fast way on every
    runtime, and their order cannot matter under the maximum.

    rows: float ``[N, P, C]``, one row a position. Returns the same shape and dtype.
    """
    count, positions, channels = rows.shape
    with torch.no_grad():
        directions = nn.functional.normalize(rows, dim=2)
        cosine = directions @ directions.transpose(1, 2)
        nearest = cosine.topk(NEIGHBOURS, dim=2, sorted=False).indices
        first_row = torch.arange(count, device=rows.device)[:, None, None] * positions
        flat = (nearest + first_row).reshape(count * positions, NEIGHBOURS)
    table = rows.reshape(count * positions, channels)
    peak = table.index_select(0, flat[:, 0])
    for neighbour in range(1, NEIGHBOURS):
        peak = torch.maximum(peak, table.index_select(0, flat[:, neighbour]))
    return rows + peak.reshape(count, positions, channels).relu()
