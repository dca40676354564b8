"""Which frames of a video make its clip (paper, section IV.D)."""

from __future__ import annotations

import numpy as np

from model.frame_store import Frames, FrameSource


def centre_start(n_frames: int, clip_length: int) -> int:
    """First frame of the centre clip, ⌊(N − T)/2⌋, 0 for a short video (equation 6)."""
    return max(0, (n_frames - clip_length) // 2)


def random_start(n_frames: int, clip_length: int, random: np.random.Generator) -> int:
    """First frame of a random consecutive clip, uniform over all that fit (equation 5)."""
    return int(random.integers(0, max(0, n_frames - clip_length) + 1))


def read_clip(source: FrameSource, video: int, start: int, clip_length: int) -> Frames:
    """T consecutive frames, uint8 ``[T, 128, 128]``; a short video repeats its last frame."""
    frames = source.read(video, start, min(clip_length, source.length(video) - start))
    missing = clip_length - len(frames)
    if missing:
        frames = np.concatenate((frames, np.repeat(frames[-1:], missing, axis=0)))
    return frames
