"""What of a clip reaches the temporal head: the paper's four conditions (section IV.C)."""

from __future__ import annotations

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


def shown(frames: Tensor, condition: Condition) -> Tensor:
    """What the backbone is shown of standardised frames: float ``[B, T, H, W]`` -> ``[B, T', H, W]``.

    PIXEL_DIFF: I[t+1] − I[t], T' = T−1. STATIC: the centre frame alone, T' = 1. Else all, T' = T.
    """
    match condition:
        case "PIXEL_DIFF":
            return differences(frames)
        case "STATIC":
            centre = frames.shape[1] // 2
            return frames[:, centre : centre + 1]
        case "FEAT_DIFF" | "RAW_FEAT":
            return frames
    raise ValueError(f"unknown condition {condition!r}: choose one of {', '.join(CONDITIONS)}")


def observe(frames: Tensor, backbone: nn.Module, condition: Condition) -> Tensor:
    """Turn standardised frames, float ``[B, T, H, W]``, into what the head sees, ``[B, T', …]``.

    The backbone's view of what it is shown, and for FEAT_DIFF f[t+1] − f[t], T' = T−1, of that.
    """
    features = encode(shown(frames, condition), backbone)
    return differences(features) if condition == "FEAT_DIFF" else features
