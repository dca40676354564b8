"""How much of a backbone's features moves from frame to frame: the test behind the paper's explanation.

The paper says generic encoders give nearly the same features for neighbouring frames, and F5C does
not. The measure is the mean of ‖f(t+1) − f(t)‖ / ‖f(t)‖; it means something only against its noise
floor, the same measure on a frozen picture that went through the same encoder: what coding noise
alone moves. Whoever decodes hands in both kinds of clips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from model.frame_store import Frames
from model.layers.conditions import encode
from model.layers.standardise import standardise

CLIPS_AT_ONCE: Final = 8


@dataclass(frozen=True)
class MotionRow:
    """Relative change of one backbone's features on one kind of clips: mean over clips and its spread.

    ``above_floor``: the mean divided by that of the floor's clips; 1 is no motion beyond coding noise,
    None for the floor itself.
    """

    backbone: str
    clips: str
    n_clips: int
    mean: float
    deviation: float
    above_floor: float | None


def relative_motion(backbone: nn.Module, clips: Frames) -> npt.NDArray[np.float64]:
    """Mean over time of ‖f(t+1) − f(t)‖ / ‖f(t)‖, a value a clip, the norm taken over the whole map.

    clips: uint8 ``[B, T, 128, 128]``, T ≥ 2. Evaluation mode, float32. Returns ``[B]``.
    """
    if clips.ndim != 4 or clips.shape[1] < 2:
        raise ValueError(
            f"clips of shape {clips.shape} cannot move; give [B, T, 128, 128] with T of 2 or more"
        )
    training = backbone.training
    backbone.eval()
    found = []
    with torch.inference_mode():
        for first in range(0, len(clips), CLIPS_AT_ONCE):
            frames = standardise(torch.from_numpy(clips[first : first + CLIPS_AT_ONCE]))
            features = encode(frames, backbone).flatten(2)  # [b, T, everything of a frame]
            change = (features[:, 1:] - features[:, :-1]).norm(dim=2)
            found.append((change / features[:, :-1].norm(dim=2)).double().mean(dim=1).numpy())
    backbone.train(training)
    return np.concatenate(found)


def motion_table(
    backbones: Mapping[str, nn.Module], kinds: Mapping[str, Frames], floor: str
) -> list[MotionRow]:
    """Every backbone on every kind of clips; ``floor`` names the kind of frozen, re-encoded frames."""
    if floor not in kinds:
        raise ValueError(f"the noise floor {floor!r} is not among the clips ({', '.join(kinds)})")
    rows = []
    for backbone, network in backbones.items():
        motion = {kind: relative_motion(network, clips) for kind, clips in kinds.items()}
        for kind, values in motion.items():
            mean = float(values.mean())
            above = None if kind == floor else mean / max(float(motion[floor].mean()), 1e-12)
            rows.append(MotionRow(backbone, kind, len(values), mean, float(values.std()), above))
    return rows
