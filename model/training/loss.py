"""Supervised contrastive loss (Khosla et al., 2020; paper, equation 4)."""

from __future__ import annotations

import torch
from torch import Tensor


def sup_con(embeddings: Tensor, drivers: Tensor, temperature: float) -> Tensor:
    """Pull videos of one driver together, push all others apart.

    Per anchor, the mean over its positives of −log softmax of similarity / τ, the anchor itself left out
    of the denominator; then the mean over anchors. Computed in float32.

    embeddings: ``[B, D]``, unit norm. drivers: integer ``[B]``; each driver at least twice. Returns a scalar.
    """
    vectors = embeddings.float()
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    similarity = (vectors @ vectors.T / temperature).masked_fill(itself, float("-inf"))
    log_share = similarity - similarity.logsumexp(dim=1, keepdim=True)
    positive = (drivers[:, None] == drivers[None, :]) & ~itself
    per_anchor = -log_share.masked_fill(~positive, 0.0).sum(dim=1) / positive.sum(dim=1)
    return per_anchor.mean()
