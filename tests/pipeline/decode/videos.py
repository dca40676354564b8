"""Small odd videos, written with PyAV, for the decoding and clip tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray

MILLISECOND = Fraction(1, 1000)


def scene(count: int, height: int = 96, width: int = 128, seed: int = 0) -> list[NDArray[np.uint8]]:
    """RGB pictures uint8 [h, w, 3] of a textured disc that moves smoothly over a gradient."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    tint = random.uniform(0.4, 0.9, 3)
    waves = random.uniform(2, 6, 2)
    back = 90 + 60 * np.sin(x / width * waves[0] * 3) * np.cos(y / height * waves[1] * 3)
    pictures = []
    for k in range(count):
        centre = (height * (0.5 + 0.2 * np.sin(k / 7 + seed)), width * (0.5 + 0.25 * np.cos(k / 9)))
        inside = np.hypot(y - centre[0], x - centre[1]) < 0.25 * min(height, width)
        light = np.where(inside, 200 - 40 * np.sin(x / 5 + k / 11), back)
        pictures.append((light[..., None] * tint).clip(0, 255).astype(np.uint8))
    return pictures


def write_video(
    path: Path,
    pictures: Sequence[NDArray[np.uint8]],
    *,
    codec: str = "libx264",
    fps: int | Fraction = 25,
    pixel_format: str = "yuv420p",
    container: str | None = None,
    times: Sequence[int] | None = None,
    rotate: float | None = None,
    mirror: bool = False,
    mux: dict[str, str] | None = None,
    kinds: Sequence[PictureType] = (),
    **options: str,
) -> Path:
    """Write RGB pictures as a video; `times` are presentation times in ms, in place of a constant rate;
    `kinds` are how the first pictures are to be coded."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w", format=container, container_options=mux or {}) as out:
        stream: Any = out.add_stream(codec, rate=Fraction(fps), options={"threads": "1", **options})
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        if times is not None:
            stream.codec_context.time_base = MILLISECOND
        if rotate is not None:
            stream.set_display_rotation(rotate, hflip=mirror)
        for k, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[k], MILLISECOND
            else:
                frame.pts, frame.time_base = k, 1 / Fraction(fps)
            if k < len(kinds):
                frame.pict_type = kinds[k]
            for packet in stream.encode(frame):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return path


def write_sound(path: Path, codec: str = "aac") -> Path:
    """Half a second of silence and no video."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=48000, layout="mono")
        for k in range(24):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, 1024 * k, Fraction(1, 48000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def packets(path: Path) -> Iterator[tuple[int, int, bool, int]]:
    """Position, size, whether it is a key frame, and presentation time of every video packet."""
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.size:
                yield int(packet.pos or 0), packet.size, packet.is_keyframe, int(packet.pts or 0)
