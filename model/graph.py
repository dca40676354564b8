"""The network in the form that ONNX Runtime runs fastest: same weights, same result, cheaper order of work.

Everything between the last ReLU of ConvStack and CCC is linear, and so is everything between the
differences and the first ReLU of the temporal head. Constants are folded in float64, FCC's two branches
become one product along H and one along W, and the 3×3×3 convolutions, which ONNX Runtime can only do
by unrolling, become 3×3 convolutions with its fast kernels, summed over three neighbouring moments.
What was measured: ``tests/benchmarks/inference.py``.
"""

from __future__ import annotations

import copy
import itertools
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model.layers.ccc import correspond
from model.layers.f5c import CHANNELS, F5C, SIDE
from model.layers.fcc import Fcc, FccBranch
from model.layers.motion_head import READINGS, MotionHead
from model.layers.temporal_head import TemporalHead
from model.network import DriverNetwork

#: Frames of a clip that F5C encodes together. The maps of four (128 KiB a frame and layer) stay in a core's
#: own cache: a tenth faster than 16 at once, and two gain nothing more. ResNet18's weights outweigh its maps.
MOMENTS: Final = 4

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
Normalisation = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d

_H: Final = 2  # the axis of [N, C, H, W] a CircularConv names


def inference_form(network: DriverNetwork) -> DriverNetwork:
    """A copy of the network in evaluation mode that computes the same embeddings in a cheaper order.

    Layers it knows no cheaper form of, as ResNet18, are copied as they are: ONNX Runtime itself folds the
    BatchNorm after an ordinary convolution. The copy is for export, not for training.
    """
    form = copy.deepcopy(network).cpu().eval()
    if isinstance(form.backbone, F5C) and isinstance(form.head, TemporalHead | MotionHead):
        form.moments_at_once = MOMENTS
        form.backbone = F5CForm(form.backbone)
        if isinstance(form.head, MotionHead):
            form.backbone = nn.Sequential(form.backbone, narrowing(form.head))
            form.head = MotionHeadForm(form.head)
        else:
            form.head = HeadForm(form.head, channels_last=True)
    elif isinstance(form.head, TemporalHead):
        form.head = HeadForm(form.head, channels_last=False)
    return form


def fold_batch_norms(module: nn.Module) -> None:
    """Fold each BatchNorm that follows a convolution in a Sequential into it, in place."""
    for child in module.children():
        fold_batch_norms(child)
    if not isinstance(module, nn.Sequential):
        return
    layers = list(module)
    for place, (layer, norm) in enumerate(itertools.pairwise(layers)):
        if isinstance(layer, Convolution) and isinstance(norm, Normalisation):
            module[place] = fuse_conv_bn_eval(layer.double(), norm.double()).float()
            module[place + 1] = nn.Identity()


class F5CForm(nn.Module):
    """F5C, its linear middle folded: float ``[N, 1, 128, 128]`` -> ``[N, 16, 16, 128]``, channels last."""

    along_h: Tensor
    along_w: Tensor
    offset: Tensor

    def __init__(self, f5c: F5C) -> None:
        super().__init__()
        self.conv_stack = f5c.conv_stack
        fold_batch_norms(self.conv_stack)
        self.ccc = f5c.ccc
        self.fusion: nn.Linear | None = None
        if f5c.fcc is not None:
            assert f5c.fusion is not None
            along_h, along_w, offset = separate(f5c.fcc)
            exact = f5c.fusion.double()
            offset = exact(offset.flatten(1).t())  # through the fusion, its bias included: [256, 128]
            self.fusion = nn.Linear(CHANNELS, CHANNELS, bias=False)
            self.fusion.weight = nn.Parameter(exact.weight.detach().float())
            for name, folded in (("along_h", along_h), ("along_w", along_w), ("offset", offset)):
                self.register_buffer(name, folded.detach().float())

    def forward(self, frames: Tensor) -> Tensor:
        """Encode frames, float ``[N, 1, 128, 128]`` -> ``[N, 16, 16, 128]``."""
        maps = self.conv_stack(frames)
        if self.fusion is not None:
            maps = (self.along_h @ maps) @ self.along_w + maps
        rows = maps.flatten(2).transpose(1, 2)
        if self.fusion is not None:
            rows = self.fusion(rows) + self.offset
        if self.ccc:
            rows = correspond(rows)
        out: Tensor = rows.reshape(-1, SIDE, SIDE, CHANNELS)
        return out


def separate(fcc: Fcc) -> tuple[Tensor, Tensor, Tensor]:
    """FCC as ``along_h @ maps @ along_w + offset + maps``, all float64 ``[C, 16, 16]``.

    Each branch is affine in its input, and its two axes do not mix, so their order is free.
    """
    parts = [_separate_branch(branch) for branch in (fcc.rows_first, fcc.columns_first)]
    along_h, along_w, offset = (torch.cat(part) for part in zip(*parts, strict=True))
    return along_h, along_w, offset


def _separate_branch(branch: FccBranch) -> tuple[Tensor, Tensor, Tensor]:
    exact = copy.deepcopy(branch).double().eval()
    norm = exact.norm
    assert norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    first = exact.first.circulant(SIDE) * scale[:, None, None]
    second = exact.second.circulant(SIDE)
    offset = exact(torch.zeros(1, len(scale), SIDE, SIDE, dtype=torch.float64))[0]
    along_h, along_w = (first, second) if exact.first.axis == _H else (second, first)
    return along_h, along_w.transpose(1, 2), offset


class HeadForm(nn.Module):
    """The temporal head without Conv3d: float ``[B, T', 128, 16, 16]`` -> ``[B, 256]``.

    ``channels_last``: its maps come as ``[B, T', 16, 16, 128]``.
    """

    def __init__(self, head: TemporalHead, *, channels_last: bool) -> None:
        super().__init__()
        self.channels_last = channels_last
        fold_batch_norms(head.motion)
        self.motion = nn.ModuleList(MotionConv(_conv3d(block)) for block in head.motion)
        self.embed = head.embed

    def forward(self, maps: Tensor) -> Tensor:
        """Summarise motion, ``[B, T', …]`` -> ``[B, 256]``."""
        clips, moments = maps.shape[:2]
        maps = maps.flatten(0, 1)
        if self.channels_last:
            maps = maps.permute(0, 3, 1, 2)
        for convolve in self.motion:
            maps = convolve(maps, clips, moments)  # [B·T', 32, 4, 16] in the end
        motion = maps.reshape(clips, moments, *maps.shape[1:])
        pooled = nn.functional.avg_pool2d(motion.mean(dim=1), kernel_size=(1, 4))
        vectors: Tensor = self.embed(pooled.flatten(1))
        return vectors


def narrowing(head: MotionHead) -> nn.Linear:
    """The motion head's first layer, float ``[…, 128]`` -> ``[…, 32]``: linear, so it may come before the
    difference, which then has a quarter of the channels to subtract."""
    narrow = head.read[0]
    assert isinstance(narrow, nn.Conv2d)
    linear = nn.Linear(CHANNELS, narrow.out_channels, bias=False)
    linear.weight = nn.Parameter(narrow.weight.detach().flatten(1))
    return linear


class MotionHeadForm(nn.Module):
    """The motion head over narrowed maps, channels last: float ``[B, T', 16, 16, 32]`` -> ``[B, 256]``.

    The scale of the readings is folded into their weights.
    """

    def __init__(self, head: MotionHead) -> None:
        super().__init__()
        readout = head.read[2]
        assert isinstance(readout, nn.Linear)
        by_place = readout.weight.detach().reshape(READINGS, -1, SIDE * SIDE).transpose(1, 2)
        self.read = nn.Linear(readout.in_features, READINGS, bias=False)
        self.read.weight = nn.Parameter(by_place.flatten(1) * head.scale[:, None])
        fold_batch_norms(head.patterns)
        self.patterns, self.embed = head.patterns, head.embed

    def forward(self, maps: Tensor) -> Tensor:
        """Summarise motion, ``[B, T', 16, 16, 32]`` -> ``[B, 256]``."""
        readings = self.read(maps.flatten(2))
        vectors: Tensor = self.embed(self.patterns(readings.transpose(1, 2)).mean(dim=2))
        return vectors


def _conv3d(block: nn.Module) -> nn.Conv3d:
    return next(layer for layer in block.children() if isinstance(layer, nn.Conv3d))


class MotionConv(nn.Module):
    """A 3×3×3 convolution with stride (1, 2, 1) and padding 1, then ReLU, as one 3×3 convolution.

    The three moments' kernels are applied to every moment at once; their answers, shifted by one moment
    each, are summed. float ``[B·T', C, H, W]`` -> ``[B·T', C', H/2, W]``.
    """

    def __init__(self, conv: nn.Conv3d) -> None:
        super().__init__()
        assert conv.kernel_size == (3, 3, 3) and conv.stride == (1, 2, 1) and conv.bias is not None
        inputs, self.outputs = conv.in_channels, conv.out_channels
        self.moments = nn.Conv2d(inputs, 3 * self.outputs, 3, stride=(2, 1), padding=1)
        weight = conv.weight.detach().permute(2, 0, 1, 3, 4).flatten(0, 1)  # [3·C', C, 3, 3]
        nothing = torch.zeros(self.outputs)
        self.moments.weight = nn.Parameter(weight.contiguous())
        self.moments.bias = nn.Parameter(torch.cat((nothing, conv.bias.detach(), nothing)))

    def forward(self, maps: Tensor, clips: int, moments: int) -> Tensor:
        """Convolve ``clips`` sequences of ``moments`` maps each over time and space."""
        answers: Tensor = self.moments(maps)
        answers = answers.reshape(clips, moments, *answers.shape[1:])
        before, now, after = torch.split(answers, self.outputs, dim=2)
        none = (0, 0) * 3
        before = nn.functional.pad(before[:, :-1], (*none, 1, 0))
        after = nn.functional.pad(after[:, 1:], (*none, 0, 1))
        return (now + before + after).flatten(0, 1).relu()
