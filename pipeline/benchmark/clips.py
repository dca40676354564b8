"""Which clips of a decoded video the protocols look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.crop import centre_start


@dataclass(frozen=True)
class Clip:
    """Where a clip of T frames begins, and which protocols use it."""

    start: int
    padded: int
    centre: bool
    window: bool


def choose_clips(n_frames: int, clip_length: int, *, multi_clip: bool) -> list[Clip]:
    """The centre clip, and for ``multi_clip`` every whole consecutive window besides, in frame order.

    A video shorter than T gives one clip, its last frame repeated, which serves both protocols.
    """
    centre = centre_start(n_frames, clip_length)
    starts = range(0, max(1, n_frames - clip_length + 1), clip_length) if multi_clip else range(0)
    padded = max(0, clip_length - n_frames)
    return [
        Clip(start, padded, centre=start == centre, window=start in starts)
        for start in sorted({centre, *starts})
    ]


def cut(frames: NDArray[np.uint8], clip: Clip, clip_length: int, first: int = 0) -> NDArray[np.uint8]:
    """The clip's frames, uint8 [T, 128, 128]. ``first``: number of the first frame at hand."""
    chosen = frames[clip.start - first : clip.start - first + clip_length]
    return np.concatenate([chosen, np.repeat(chosen[-1:], clip.padded, axis=0)]) if clip.padded else chosen
