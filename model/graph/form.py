"""The form of a whole network: three steps, of which the one in the middle is taken again and again.

A clip's frames are encoded a few at a time, each part by the same nodes. So the middle step is exported once
and placed in the graph as often as there are parts (see :mod:`model.graph.assembly`).
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from model.graph.f5c import F5CForm
from model.graph.motion_head import MotionHeadForm, narrowing
from model.graph.temporal_head import TemporalHeadForm
from model.layers.conditions import encode, shown
from model.layers.f5c import F5C
from model.layers.motion_head import MotionHead
from model.layers.standardise import standardise
from model.layers.temporal_head import TemporalHead
from model.network import DriverNetwork
from model.system import Condition

#: Frames of a clip that F5C encodes together: their maps (128 KiB a frame and layer) stay in a core's cache.
MOMENTS: Final = 4


class InferenceForm(nn.Module):
    """A network for inference: uint8 ``[B, T, 128, 128]`` -> float32 ``[B, 256]`` of L2 norm 1."""

    def __init__(self, opening: Opening, encoder: nn.Module, closing: Closing) -> None:
        super().__init__()
        self.opening, self.encoder, self.closing = opening, encoder, closing

    def forward(self, clips: Tensor) -> Tensor:
        """Embed clips."""
        maps = [moment for part in self.opening(clips) for moment in self.encoder(part)]
        vectors: Tensor = self.closing(maps)
        return vectors


class Opening(nn.Module):
    """Bytes of clips, uint8 ``[B, T, 128, 128]`` -> float ``[B, ≤ moments, 128, 128]`` each, in order."""

    def __init__(self, condition: Condition, moments: int | None) -> None:
        """``moments`` of a part; None: all in one."""
        super().__init__()
        self.condition, self.moments = condition, moments

    def forward(self, clips: Tensor) -> tuple[Tensor, ...]:
        """Standardise, and part."""
        frames = shown(standardise(clips), self.condition)
        return torch.split(frames, self.moments or frames.shape[1], dim=1)


class Closing(nn.Module):
    """Maps of single moments, ``[B, …]`` each -> float32 ``[B, 256]`` of L2 norm 1."""

    def __init__(self, condition: Condition, head: nn.Module) -> None:
        """``head`` takes a sequence of moments."""
        super().__init__()
        self.condition, self.head = condition, head

    def forward(self, moments: Sequence[Tensor]) -> Tensor:
        """Subtract neighbours, if that is the condition, and summarise."""
        if self.condition == "FEAT_DIFF":
            moments = [after.float() - before.float() for before, after in itertools.pairwise(moments)]
        return nn.functional.normalize(self.head(moments), dim=1)


class SingleMoments(nn.Module):
    """A backbone as it is, its answers taken apart: ``[B, M, 128, 128]`` -> M times ``[B, …]``."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Encode frames."""
        return encode(frames, self.backbone).unbind(1)


class TogetherAgain(nn.Module):
    """A head as it is, given its moments put together."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, moments: Sequence[Tensor]) -> Tensor:
        """Summarise motion."""
        vectors: Tensor = self.head(torch.stack(tuple(moments), dim=1))
        return vectors


def inference_form(network: DriverNetwork) -> InferenceForm:
    """A form of the network in evaluation mode that computes the same embeddings in a cheaper order.

    Layers it knows no cheaper form of, as ResNet18, are copied as they are: ONNX Runtime itself folds the
    BatchNorm after an ordinary convolution. The form is for export, not for training.
    """
    network = copy.deepcopy(network).cpu().eval()
    backbone, head, condition = network.backbone, network.head, network.condition
    encoder: nn.Module = SingleMoments(backbone)
    summary: nn.Module = TogetherAgain(head)
    moments = None  # ResNet18's weights outweigh its maps
    if isinstance(backbone, F5C) and isinstance(head, TemporalHead | MotionHead):
        encoder = F5CForm(backbone, narrowing(head) if isinstance(head, MotionHead) else None)
        moments = MOMENTS
    if isinstance(head, TemporalHead):
        summary = TemporalHeadForm(head, channels_last=moments is not None)
    elif isinstance(head, MotionHead) and moments is not None:
        summary = MotionHeadForm(head)
    return InferenceForm(Opening(condition, moments), encoder, Closing(condition, summary)).eval()
