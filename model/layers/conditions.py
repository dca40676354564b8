"""What of a clip reaches the temporal head: the paper's four conditions (section IV.C)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.system import CONDITIONS, Condition


def encode(frames: Tensor, backbone: nn.Module, moments: int | None = None) -> Tensor:
    """Encode every frame of every clip in one batch, or so many ``moments`` of all clips at a time.

    frames: float ``[B, T, H, W]``. Returns ``[B, T, …]``, what the backbone makes of one frame.
    """
    if moments is not None and moments < frames.shape[1]:
        parts = torch.split(frames, moments, dim=1)
        return torch.cat([encode(part, backbone) for part in parts], dim=1)
    clips, length = frames.shape[:2]
    features: Tensor = backbone(frames.flatten(0, 1).unsqueeze(1))
    return features.reshape(clips, length, *features.shape[1:])


def differences(sequence: Tensor) -> Tensor:
    """x[t+1] − x[t] along axis 1, in float32 whatever came in.

    Neighbours nearly cancel, so this is where half precision would lose its digits (equation 2).
    ``[B, T, …]`` -> float32 ``[B, T−1, …]``.
    """
    exact = sequence.float()
    return exact[:, 1:] - exact[:, :-1]


def observe(frames: Tensor, backbone: nn.Module, condition: Condition, moments: int | None = None) -> Tensor:
    """Turn standardised frames, float ``[B, T, H, W]``, into what the head sees, ``[B, T', …]``.

    FEAT_DIFF: f[t+1] − f[t], T' = T−1. PIXEL_DIFF: the backbone's view of I[t+1] − I[t], T' = T−1.
    RAW_FEAT: f[t], T' = T. STATIC: f of the centre frame alone, T' = 1. ``moments``: see :func:`encode`.
    """
    match condition:
        case "FEAT_DIFF":
            return differences(encode(frames, backbone, moments))
        case "PIXEL_DIFF":
            return encode(differences(frames), backbone, moments)
        case "RAW_FEAT":
            return encode(frames, backbone, moments)
        case "STATIC":
            centre = frames.shape[1] // 2
            return encode(frames[:, centre : centre + 1], backbone)
    raise ValueError(f"unknown condition {condition!r}: choose one of {', '.join(CONDITIONS)}")
