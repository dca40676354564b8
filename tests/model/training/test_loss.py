"""The loss is supervised contrastive learning's, by an independent implementation."""

from __future__ import annotations

import pytest
import torch
from pytorch_metric_learning.losses import SupConLoss

from model.training.loss import sup_con


@pytest.mark.parametrize("drivers", [[0, 0, 1, 1, 2, 2], [3, 3, 3, 1, 1, 3, 1, 3]])
@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_loss_and_gradient_equal_pytorch_metric_learning(drivers: list[int], temperature: float) -> None:
    labels = torch.tensor(drivers)
    raw = torch.randn(len(drivers), 256, dtype=torch.float32)
    gradients = []
    values = []
    for loss in (lambda e: sup_con(e, labels, temperature), lambda e: SupConLoss(temperature)(e, labels)):
        leaf = raw.clone().requires_grad_()
        value = loss(torch.nn.functional.normalize(leaf))
        value.backward()
        values.append(value)
        gradients.append(leaf.grad)
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(gradients[0], gradients[1])


def test_loss_is_equation_4_written_out() -> None:
    embeddings = torch.nn.functional.normalize(torch.randn(6, 8, dtype=torch.float64))
    drivers = [0, 0, 0, 1, 1, 1]
    terms = []
    for i in range(6):
        others = [a for a in range(6) if a != i]
        positives = [p for p in others if drivers[p] == drivers[i]]
        scale = {a: torch.exp(embeddings[i] @ embeddings[a] / 0.07) for a in others}
        terms.append(-sum(torch.log(scale[p] / sum(scale.values())) for p in positives) / len(positives))
    wanted = sum(terms) / 6
    torch.testing.assert_close(
        sup_con(embeddings, torch.tensor(drivers), 0.07).double(), wanted, atol=1e-5, rtol=1e-5
    )


def test_perfect_separation_costs_less_than_none() -> None:
    drivers = torch.tensor([0, 0, 1, 1])
    apart = torch.eye(4)[drivers]
    same = torch.eye(4)[torch.zeros(4, dtype=torch.long)]
    assert sup_con(apart, drivers, 0.07) < 1e-5 < sup_con(same, drivers, 0.07)
