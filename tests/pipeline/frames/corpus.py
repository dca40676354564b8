"""A small corpus of real video files, drawn here: a moving pattern, so that decoding is real."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

SPLITS = """identities in train set:
a
b
identities in validation set:
c
f
identities in test set:
d
e
"""


def write_video(path: Path, frames: int, seed: int, fps: int = 25) -> Path:
    """H.264 of 128×96 pixels: a bright spot that wanders by the seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:96, 0:128]
    centre = random.uniform(30, 66, 2)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for _ in range(frames):
            centre += random.normal(0, 2, 2)
            spot = 40 + 180 * np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / 200)
            picture = np.repeat(spot.astype(np.uint8)[..., None], 3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path


def video_corpus(root: Path, *, frames: int = 20, clips: int = 2) -> Path:
    """Six identities, two generators; every target has self- and cross-reenactments."""
    groups = {"a": "ab", "b": "ab", "c": "cf", "f": "cf", "d": "de", "e": "de"}
    seed = 0
    for target, drivers in groups.items():
        for generator in ("mesh", "tps"):
            for driver in drivers:
                for clip in range(clips):
                    seed += 1
                    name = f"{target}--c{clip}--{driver}.mp4"
                    write_video(
                        root / "simulated" / f"{generator}-generated" / target / name, frames + seed % 5, seed
                    )
    (root / "train_val_test_splits.txt").write_text(SPLITS, encoding="utf-8")
    return root
