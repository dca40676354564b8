"""A tiny corpus whose drivers move differently, enough to train on in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from model.frame_store import FrameStore, VideoLabel, write_frame_store


def wobble(target: int, rate: float, seed: int, length: int = 12) -> np.ndarray:
    """A face stand-in: the target's blobs, shifted at the driver's rate; uint8 ``[length, 128, 128]``."""
    y, x = np.mgrid[0:128, 0:128] / 128
    appearance = np.random.default_rng(target)
    shift = 0.05 * np.sin(rate * np.arange(length) + np.random.default_rng(seed).uniform(0, 6))
    scene = np.zeros((length, 128, 128))
    for _ in range(4):
        cx, cy, size = appearance.uniform((0.2, 0.2, 0.05), (0.8, 0.8, 0.2))
        scene += np.exp(-(((x - cx - shift[:, None, None]) ** 2 + (y - cy) ** 2) / size**2))
    return np.rint(255 * scene / scene.max()).astype(np.uint8)


def videos(
    train_drivers: int = 3, val_drivers: int = 3, repeats: int = 2
) -> Iterator[tuple[VideoLabel, np.ndarray]]:
    """Every driver of a split on every target of it, `repeats` times, by two generators."""
    number = 0
    for split, people in (("train", range(train_drivers)), ("validation", range(100, 100 + val_drivers))):
        for driver in people:
            for target in people:
                for repeat in range(repeats):
                    number += 1
                    label = VideoLabel(
                        f"{split}/{number}.mp4", f"p{target}", f"p{driver}", ("lia", "tps")[repeat % 2], split
                    )
                    yield label, wobble(target, 0.4 + 0.8 * (driver % 100), seed=number)


def small_store(folder: Path) -> FrameStore:
    """Three training and three validation drivers, two videos of each pairing."""
    return write_frame_store(videos(), folder)


def centres(store: FrameStore) -> list[np.ndarray]:
    """Where the blobs of each frame are, for each video: their centre of gravity along x, pixels."""
    found = []
    for video in range(len(store.labels)):
        frames = store.read(video, 0, store.length(video)).astype(float)
        found.append((frames.sum(axis=1) @ np.arange(128)) / frames.sum(axis=(1, 2)))
    return found
