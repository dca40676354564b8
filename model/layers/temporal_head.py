"""The temporal head: a sequence of feature maps becomes one vector (paper, section III.D)."""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn

from model.metadata import EMBEDDING_SIZE

POOLED_SIDE: Final = 4


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, kernel_size=3, stride=(1, 2, 1), padding=1),
        nn.BatchNorm3d(outputs),
        nn.ReLU(inplace=True),
    )


class TemporalHead(nn.Module):
    """Two 3×3×3 convolutions, mean over time, 4×4 pooling, a two-layer MLP; 473,888 parameters.

    Stride (time, H, W) = (1, 2, 1): H shrinks 16 → 8 → 4, W stays 16, as the paper's text says. The
    reference implementation keeps its tensors as (B, C, H, W, T) and so halves W instead; transposing
    the input frames makes the two equal.

    float ``[B, T', 128, 16, 16]`` -> ``[B, 256]``, not yet normalised. T' is free.
    """

    def __init__(self, channels: int = 128) -> None:
        super().__init__()
        self.motion = nn.Sequential(_block(channels, 64), _block(64, 32))
        self.embed = nn.Sequential(
            nn.Linear(32 * POOLED_SIDE * POOLED_SIDE, EMBEDDING_SIZE),
            nn.ReLU(inplace=True),
            nn.Dropout(0.3),
            nn.Linear(EMBEDDING_SIZE, EMBEDDING_SIZE),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Summarise motion, float ``[B, T', 128, 16, 16]`` -> ``[B, 256]``."""
        motion = self.motion(maps.transpose(1, 2))  # [B, 32, T', 4, 16]
        # Mean over time, then 4×1 windows: what AdaptiveAvgPool3d((1, 4, 4)) does, for any T.
        pooled = nn.functional.avg_pool2d(motion.mean(dim=2), kernel_size=(1, 4))
        vectors: Tensor = self.embed(pooled.flatten(1))
        return vectors
