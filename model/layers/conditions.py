"""What of a clip reaches the temporal head: the paper's four conditions (section IV.C)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.system import CONDITIONS, Condition


def encode(frames: Tensor, backbone: nn.Module) -> Tensor:
    """Encode every frame of every clip in one batch.

    frames: float ``[B, T, H, W]``. Returns ``[B, T, …]``, what the backbone makes of one frame.
    """
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


def differences_of_parts(parts: Sequence[Tensor]) -> Tensor:
    """As :func:`differences` of the parts put together, each subtracted while it is still in a cache."""
    found = [differences(parts[0])]
    for before, part in itertools.pairwise(parts):
        found.append(part[:, :1].float() - before[:, -1:].float())
        if part.shape[1] > 1:
            found.append(differences(part))
    return _joined(found)


def observe(frames: Tensor, backbone: nn.Module, condition: Condition, moments: int | None = None) -> Tensor:
    """Turn standardised frames, float ``[B, T, H, W]``, into what the head sees, ``[B, T', …]``.

    FEAT_DIFF: f[t+1] − f[t], T' = T−1. PIXEL_DIFF: the backbone's view of I[t+1] − I[t], T' = T−1.
    RAW_FEAT: f[t], T' = T. STATIC: f of the centre frame alone, T' = 1. The backbone sees so many
    ``moments`` of all clips at a time; None: all.
    """

    def encoded(sequence: Tensor) -> list[Tensor]:
        parts = [sequence] if moments is None else torch.split(sequence, moments, dim=1)
        return [encode(part, backbone) for part in parts]

    match condition:
        case "FEAT_DIFF":
            return differences_of_parts(encoded(frames))
        case "PIXEL_DIFF":
            return _joined(encoded(differences(frames)))
        case "RAW_FEAT":
            return _joined(encoded(frames))
        case "STATIC":
            centre = frames.shape[1] // 2
            return encode(frames[:, centre : centre + 1], backbone)
    raise ValueError(f"unknown condition {condition!r}: choose one of {', '.join(CONDITIONS)}")


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(tuple(parts), dim=1)
