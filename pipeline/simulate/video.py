"""Write frames as H.264 MP4, the same bytes of pixels every time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.motion.track import FPS

_PRESETS: Final = ("veryfast", "superfast", "faster")


@dataclass(frozen=True)
class Codec:
    """Settings of libx264: `crf` constant quality (0 to 51), `preset`, `group` frames between key frames."""

    crf: float
    preset: str
    group: int


def sample_codec(rng: np.random.Generator, best: float, worst: float) -> Codec:
    """Draw a quality between `best` and `worst` crf, a preset and a distance between key frames."""
    crf = round(float(rng.uniform(best, worst)), 1)
    return Codec(crf, str(rng.choice(_PRESETS)), int(rng.choice([12, 25, 50, 250])))


def write_video(path: Path, frames: NDArray[np.uint8], codec: Codec) -> None:
    """Encode RGB frames uint8 [N, H, W, 3] at 25 fps; the file appears whole or not at all.

    One thread and no time stamps of the encoder's own, so that equal frames give equal files.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    height, width = frames.shape[1:3]
    # The index goes first, so that a file cut short still plays up to the cut.
    with av.open(str(partial), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        stream.options = {
            "crf": str(codec.crf),
            "preset": codec.preset,
            "g": str(codec.group),
            "threads": "1",
        }
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    partial.replace(path)
