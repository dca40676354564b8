"""CCC with the neighbours of one moment sought in shuffled order."""

from __future__ import annotations

import torch

from model.graph.ccc import Correspondence
from model.layers.ccc import correspond


@torch.no_grad()
def test_shuffled_search_finds_the_same_neighbours() -> None:
    rows = torch.randn(3, 256, 128)
    torch.testing.assert_close(Correspondence()(rows), correspond(rows), atol=0, rtol=0)


@torch.no_grad()
def test_rows_of_zeros_stay_finite() -> None:
    rows = torch.zeros(1, 256, 128)
    assert torch.equal(Correspondence()(rows), rows)


def test_every_position_is_searched() -> None:
    assert sorted(Correspondence().order.tolist()) == list(range(256))
