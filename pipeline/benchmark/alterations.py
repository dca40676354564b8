"""What may have happened to a video before it is compared, and what an evader may do to its motion.

An alteration is applied where it happens in life. Compression and lower resolution change the file:
it is decoded in full size, scaled, encoded as H.264 and decoded again like any other file. The others
change the pictures after decoding. None changes how many frames there are or when they are shown, so
that the clip compared covers the same moments as the clean one: a lower frame rate or a dropped frame
shows an earlier picture again, as a player does and as ``pipeline.decode.grid`` does for evidence.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.decode.grid import TIE, Grid
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeFailure, DecodeRequest, Encoding

Frames = NDArray[np.uint8]
Seconds = NDArray[np.float64]
Change = Callable[[Frames, Seconds, np.random.Generator], Frames]

REQUEST: Final = DecodeRequest(fps=None, thumbnails=0)
RETIME_SECONDS: Final = 2.0  # from one slowest moment of a retimed video to the next
SAME_RATE: Final = 1.01  # a video at most this much faster than the wanted rate is left as it is


@dataclass(frozen=True)
class Alteration:
    """One alteration of a family, in rising strength; ``how`` changes the file or the frames."""

    key: str
    family: str
    how: Encoding | Change


def shown_at_rate(fps: float) -> Change:
    """Only the frames a recorder of ``fps`` would have taken, each shown until the next is nearer."""

    def change(frames: Frames, seconds: Seconds, _: np.random.Generator) -> Frames:
        if len(frames) - 1 <= SAME_RATE * fps * (seconds[-1] - seconds[0]):
            return frames  # recorded at that rate or a lower one
        return frames[taken_at_rate(seconds - seconds[0], fps)]

    return change


def taken_at_rate(seconds: Seconds, fps: float) -> NDArray[np.intp]:
    """For each frame, the number of the one shown in its place at ``fps``; seconds from 0, increasing."""
    grid, taken = Grid(fps), []
    for number, time in enumerate(seconds):
        taken += [max(0, number - 1)] * grid.push(float(time))
    taken += [len(seconds) - 1] * grid.finish()
    nearest = np.ceil(seconds * fps - 0.5 - TIE).astype(np.intp)  # equally near: the earlier
    return np.asarray(taken, np.intp)[np.clip(nearest, 0, len(taken) - 1)]


def noisy(deviation: float) -> Change:
    """Independent Gaussian noise on every pixel of every frame, in gray levels at 128×128."""

    def change(frames: Frames, _: Seconds, random: np.random.Generator) -> Frames:
        noise = random.standard_normal(frames.shape, np.float32) * np.float32(deviation)
        return _gray(frames + noise)

    return change


def exposed(gain: float) -> Change:
    """Gray levels times ``gain``, rounded, clipped at white."""
    return lambda frames, _seconds, _random: _gray(frames * np.float32(gain))


def dropped(share: float) -> Change:
    """That share of the frames lost at random moments, the picture before shown in their place."""

    def change(frames: Frames, _: Seconds, random: np.random.Generator) -> Frames:
        count = len(frames)
        lost = 1 + random.choice(count - 1, round(share * (count - 1)), replace=False)
        shown = np.arange(count)
        shown[lost] = 0
        return frames[np.maximum.accumulate(shown)]

    return change


def enlarged_from(side: int) -> Change:
    """Averaged down to ``side`` × ``side`` pixels and enlarged again."""

    def change(frames: Frames, _: Seconds, __: np.random.Generator) -> Frames:
        small = (cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA) for frame in frames)
        size = frames.shape[:0:-1]
        return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR) for frame in small])

    return change


def smoothed(width: int) -> Change:
    """Each frame the mean of ``width`` (odd) neighbouring ones, the ends held: quick motion blurs away."""

    def change(frames: Frames, _: Seconds, __: np.random.Generator) -> Frames:
        half = width // 2
        held = np.concatenate([frames[:1].repeat(half, 0), frames, frames[-1:].repeat(half, 0)])
        total = np.zeros(frames.shape, np.float32)
        for start in range(width):
            total += held[start : start + len(frames)]
        return _gray(total / np.float32(width))

    return change


def retimed(depth: float) -> Change:
    """Played at a speed that swings smoothly by ± ``depth``, neighbouring frames blended in between."""

    def change(frames: Frames, seconds: Seconds, random: np.random.Generator) -> Frames:
        phase = random.uniform(0, 2 * math.pi)
        turns = 2 * math.pi / RETIME_SECONDS
        wanted = seconds + depth / turns * (np.sin(turns * seconds + phase) - math.sin(phase))
        place = np.interp(wanted, seconds, np.arange(len(frames)))
        before = np.minimum(place.astype(np.intp), len(frames) - 2)
        weight = (place - before).astype(np.float32)[:, None, None]
        return _gray(frames[before] * (1 - weight) + frames[before + 1] * weight)

    return change


#: Every alteration of the robustness tables; the report has a sentence for each key.
ALTERATIONS: Final = (
    Alteration("h264-28", "compression", Encoding(28)),
    Alteration("h264-35", "compression", Encoding(35)),
    Alteration("half-size", "resolution", Encoding(0, halve=True)),
    Alteration("from-64", "resolution", enlarged_from(64)),
    Alteration("rate-15", "frame-rate", shown_at_rate(15.0)),
    Alteration("rate-12-5", "frame-rate", shown_at_rate(12.5)),
    Alteration("noise-4", "noise", noisy(4)),
    Alteration("noise-12", "noise", noisy(12)),
    Alteration("darker", "brightness", exposed(0.5)),
    Alteration("brighter", "brightness", exposed(1.5)),
    Alteration("dropped-5", "dropped-frames", dropped(0.05)),
    Alteration("dropped-20", "dropped-frames", dropped(0.2)),
    Alteration("smoothed-3", "smoothed-motion", smoothed(3)),
    Alteration("smoothed-7", "smoothed-motion", smoothed(7)),
    Alteration("retimed-20", "retimed-motion", retimed(0.2)),
    Alteration("retimed-40", "retimed-motion", retimed(0.4)),
)


def altered(
    path: Path, name: str, clean: Decoded, decoder: GuardedDecoder
) -> Iterator[tuple[Alteration, Frames | DecodeFailure]]:
    """Each alteration of one video, its frames uint8 [n, 128, 128] as many as the clean ones'.

    ``name`` (the path below the dataset's root) seeds what is random, so that a rerun is the same.
    """
    seconds = clean.seconds
    if not (np.diff(seconds) > 0).all():  # a damaged clock; the frames are taken as evenly spaced
        seconds = np.arange(len(seconds)) / (clean.facts.fps or 25.0)
    for one in ALTERATIONS:
        if isinstance(one.how, Encoding):
            yield one, _encoded(path, one.how, len(clean.frames), decoder)
        else:
            seed = hashlib.sha256(f"{one.key}/{name}".encode("utf-8", "surrogateescape")).digest()[:8]
            yield one, one.how(clean.frames, seconds, np.random.default_rng([*seed]))


def _encoded(path: Path, encoding: Encoding, count: int, decoder: GuardedDecoder) -> Frames | DecodeFailure:
    encoded = decoder.reencode(path, encoding)
    if isinstance(encoded, DecodeFailure):
        return encoded
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(encoded)
        file.flush()
        decoded = decoder.decode(Path(file.name), REQUEST)
    if isinstance(decoded, DecodeFailure):
        return decoded
    if len(decoded.frames) != count:
        found = len(decoded.frames)
        return DecodeFailure("unreadable", f"Encoded again it has {found} frames, not {count}.")
    return decoded.frames


def _gray(values: NDArray[np.float32]) -> Frames:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
