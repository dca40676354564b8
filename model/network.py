"""The whole network: bytes of clips in, unit driver embeddings out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.layers.conditions import observe
from model.layers.f5c import F5C
from model.layers.standardise import standardise
from model.layers.temporal_head import TemporalHead
from model.system import Condition


class DriverNetwork(nn.Module):
    """A backbone that sees frames, a condition that picks what of them counts, a head that sums up.

    uint8 ``[B, T, 128, 128]`` -> float32 ``[B, 256]`` of L2 norm 1. T is free; differences need 2.
    """

    def __init__(self, backbone: nn.Module, condition: Condition, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.condition = condition
        self.head = head
        self.head_precision: torch.dtype | None = None  # lower precision of the head alone, in training

    def forward(self, clips: Tensor) -> Tensor:
        """Embed clips, uint8 ``[B, T, 128, 128]`` -> float32 ``[B, 256]``."""
        frames = standardise(clips)
        return self.summarise(observe(frames, self.backbone, self.condition))

    def summarise(self, observed: Tensor) -> Tensor:
        """What the condition leaves of clips, ``[B, T', …]`` -> float32 ``[B, 256]``."""
        # Over fewer time steps than its kernel has taps, oneDNN's bfloat16 Conv3d leaves part of the
        # weights' gradient uninitialised (torch 2.13, T' of 2).
        if self.head_precision is None or observed.shape[1] < 3:
            vectors = self.head(observed.float())
        else:
            with torch.autocast(observed.device.type, self.head_precision):
                vectors = self.head(observed)
        return nn.functional.normalize(vectors.float(), dim=1)


def f5c_network(condition: Condition = "FEAT_DIFF") -> DriverNetwork:
    """The paper's network: F5C and the temporal head, 526,808 parameters."""
    return DriverNetwork(F5C(), condition, TemporalHead())


def count_parameters(module: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
