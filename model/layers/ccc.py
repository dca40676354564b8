"""CCC, channel correspondence convolution: facial regions that move alike inform each other.

Paper, section III.B: a graph over the 256 positions of the map, edges to the k = 4 nearest by cosine
in channel space, each position aggregates the differences to its neighbours. No parameters.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

NEIGHBOURS: Final = 4
SHORTEST: Final = 1e-12  # a row of zeros points nowhere, and stays finite


class _Peak(torch.autograd.Function):
    """Largest of the gathered rows, element by element, with a backward pass that keeps only the result.

    Left to itself, autograd would keep every gathered copy and split each gradient several times over.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, nearest: Tensor) -> Tensor:
        peak = _largest(table, nearest)
        ctx.save_for_backward(table, nearest, peak)
        return peak

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """A gradient flows to the first row that holds the peak."""
        table, nearest, peak = ctx.saved_tensors
        left = gradient.clone()
        total = torch.zeros_like(table)
        for rows in nearest[:-1]:
            share = left * (table.index_select(0, rows) == peak)
            total.index_add_(0, rows, share)
            left -= share
        total.index_add_(0, nearest[-1], left)
        return total, None


def _largest(table: Tensor, nearest: Tensor) -> Tensor:
    peak = table.index_select(0, nearest[0])
    for rows in nearest[1:]:
        peak = torch.maximum(peak, table.index_select(0, rows))
    return peak


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
        # Divided without spelling the norms out to full rows, as nn.functional.normalize would export.
        directions = rows / torch.linalg.vector_norm(rows, dim=2, keepdim=True).clamp_min(SHORTEST)
        cosine = directions @ directions.transpose(1, 2)
        nearest = cosine.topk(NEIGHBOURS, dim=2, sorted=False).indices
        first_row = torch.arange(count, device=rows.device)[:, None, None] * positions
        flat = (nearest + first_row).reshape(count * positions, NEIGHBOURS).t().contiguous()
    table = rows.reshape(count * positions, channels)
    if torch.is_grad_enabled():
        peak: Tensor = _Peak.apply(table, flat)  # type: ignore[no-untyped-call]
    else:
        peak = _largest(table, flat)
    return rows + peak.reshape(count, positions, channels).relu()
