"""F5C's linear middle, folded."""

from __future__ import annotations

import torch
from torch import nn

from model.graph.f5c import separate
from model.layers.fcc import Fcc


@torch.no_grad()
def test_two_products_and_one_sum_are_fcc() -> None:
    fcc = Fcc(8).double().eval()
    for branch in (fcc.rows_first, fcc.columns_first):
        nn.init.uniform_(branch.norm.running_var, 0.5, 1.5)
        nn.init.normal_(branch.norm.running_mean)
        nn.init.normal_(branch.first.bias)
    maps = torch.randn(3, 8, 16, 16, dtype=torch.float64)
    along_h, along_w, offset = separate(fcc)
    torch.testing.assert_close(along_h @ maps @ along_w + offset + maps, fcc(maps))
