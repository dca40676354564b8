"""A temporal head that reads motion off the whole face before it looks along time.

Not the paper's: its head sees 3×3 places at a time, and told only who drives it learns the drivers it was
shown by heart. This one reads the motion of 58 known channels first, and what follows needs no pictures to
be trained, only motion, of which there is any amount (`model.training.habits`).
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from model.metadata import EMBEDDING_SIZE

READINGS: Final = 58  # 52 ARKit coefficients, three turns and three shifts of the head


def motion_readout(channels: int, readings: int) -> nn.Sequential:
    """A linear readout of a difference of two maps, ``[N, channels, 16, 16]`` -> ``[N, readings]``."""
    return nn.Sequential(
        nn.Conv2d(channels, 32, 1, bias=False), nn.Flatten(), nn.Linear(32 * 256, readings, bias=False)
    )


class MotionHead(nn.Module):
    """Readings of motion, two convolutions along time, their mean, a two-layer MLP; 853,504 parameters.

    float ``[B, T', 128, 16, 16]`` -> ``[B, 256]``, not yet normalised. T' is free.
    """

    def __init__(self, channels: int = 128) -> None:
        super().__init__()
        self.read = motion_readout(channels, READINGS)
        self.scale: Tensor
        self.register_buffer("scale", torch.ones(READINGS))  # to readings whose errors spread by 1
        self.patterns = nn.Sequential(_block(READINGS, 256), _block(256, 256))
        self.embed = nn.Sequential(
            nn.Linear(256, EMBEDDING_SIZE),
            nn.ReLU(inplace=True),
            nn.Dropout(0.3),
            nn.Linear(EMBEDDING_SIZE, EMBEDDING_SIZE),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Summarise motion, float ``[B, T', 128, 16, 16]`` -> ``[B, 256]``."""
        clips, moments = maps.shape[:2]
        readings = self.read(maps.flatten(0, 1)).reshape(clips, moments, READINGS)
        return self.summarise(readings * self.scale)

    def summarise(self, readings: Tensor) -> Tensor:
        """What scaled readings say of a driver, float ``[B, T', 58]`` -> ``[B, 256]``."""
        vectors: Tensor = self.embed(self.patterns(readings.transpose(1, 2)).mean(dim=2))
        return vectors


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, kernel_size=3, padding=1), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)
    )
