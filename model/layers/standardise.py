"""From the bytes of a clip to what the backbone sees."""

from __future__ import annotations

from typing import Final

from torch import Tensor

EPSILON: Final = 1e-6


def standardise(clips: Tensor) -> Tensor:
    """Scale clips to [0, 1] and standardise each with its one mean and standard deviation.

    (uint8 / 255 − mean) / (std + 1e-6), mean and population standard deviation taken over the whole
    clip, so that a change of brightness inside the clip stays visible. The division by 255 cancels
    but for the epsilon, which is scaled instead: one pass over the pixels less.

    clips: uint8 ``[B, T, H, W]``. Returns float32 of the same shape.
    """
    gray = clips.float()
    # Two short means instead of one over a million pixels: float32 sums stay exact to the last digits.
    mean = gray.mean(dim=(2, 3), keepdim=True).mean(dim=1, keepdim=True)
    centred = gray - mean
    variance = (centred * centred).mean(dim=(2, 3), keepdim=True).mean(dim=1, keepdim=True)
    return centred / (variance.sqrt() + 255.0 * EPSILON)
