"""Vary the pictures of training clips, alike over a whole clip, so that only its motion stays."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn

TURN: Final = 4.0  # degrees, standard deviation
SCALE: Final = (0.85, 1.2)
SHIFT: Final = 0.13  # of half the side, at most
GAMMA: Final = (0.7, 1.4)
GAIN: Final = (0.7, 1.0)
OFFSET: Final = 30.0  # gray levels, at most
NOISE: Final = 4.0  # gray levels, standard deviation at most; half of the clips have any


def vary(clips: Tensor, mirrored: Tensor) -> Tensor:
    """Frame, tone, blur and noise drawn once a clip from torch's random state; sides swapped where asked.

    clips: uint8 ``[B, T, H, W]``; mirrored: bool ``[B]``. Returns float32 of the clips' shape, 0 to 255.
    """
    count, device = len(clips), clips.device
    draw = torch.rand(count, 8, device=device)
    framed = nn.functional.grid_sample(
        clips.float(),
        _framing(draw[:, :4], torch.randn(count, device=device), mirrored, clips.shape),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    soft = nn.functional.avg_pool2d(framed, 3, stride=1, padding=1, count_include_pad=False)
    toned = torch.lerp(framed, soft, _each(draw[:, 4])) / 255.0
    toned = toned.clamp_(0.0, 1.0) ** _each(_between(draw[:, 5], GAMMA))
    toned = 255.0 * toned * _each(_between(draw[:, 6], GAIN)) + _each(OFFSET * draw[:, 7])
    level = NOISE * (2 * torch.rand(count, device=device) - 1).clamp_min(0.0)
    return (toned + _each(level) * torch.randn_like(toned)).clamp_(0.0, 255.0)


def _framing(draw: Tensor, turn: Tensor, mirrored: Tensor, shape: torch.Size) -> Tensor:
    """Sampling grid ``[B, H, W, 2]`` of a small turn, zoom and shift."""
    angle = turn * math.radians(TURN)
    zoom = _between(draw[:, 0], SCALE)
    side = torch.where(mirrored, -1.0, 1.0)
    shift = SHIFT * (2 * draw[:, 1:3] - 1)
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    rows = torch.stack(
        (
            torch.stack((side * cosine, -side * sine, shift[:, 0]), 1),
            torch.stack((sine, cosine, shift[:, 1]), 1),
        ),
        1,
    )
    return nn.functional.affine_grid(rows, [shape[0], 1, shape[2], shape[3]], align_corners=False)


def _between(draw: Tensor, limits: tuple[float, float]) -> Tensor:
    return limits[0] + (limits[1] - limits[0]) * draw


def _each(values: Tensor) -> Tensor:
    return values[:, None, None, None]
