"""What a generator's decoder, a camera and a platform do to pictures: blur, grain, flicker, jitter, tone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Damage:
    """Ranges (low, high) a generator's clips are drawn from.

    `blur` and `grain_size` Gaussian sigma in pixels, `sharpen` unsharp-mask gain, `grain` and `fixed`
    moving and still noise in gray levels, `flicker` spread of the brightness from frame to frame (share),
    `jitter` spread of the whole frame's shift in pixels, `freeze` chance that a frame repeats the one
    before, `crf` H.264 quality.
    """

    blur: tuple[float, float]
    sharpen: tuple[float, float]
    grain: tuple[float, float]
    grain_size: tuple[float, float]
    fixed: tuple[float, float]
    flicker: tuple[float, float]
    jitter: tuple[float, float]
    freeze: tuple[float, float]
    crf: tuple[float, float]


_BANK = 12  # independent grain pictures, shifted at random for every frame


def wander(rng: np.random.Generator, frames: int, columns: int, memory: float) -> NDArray[np.float64]:
    """First-order autoregressive noise [frames, columns] of unit spread; `memory` in [0, 1) a frame."""
    out = np.empty((frames, columns))
    state = rng.standard_normal(columns)
    for n in range(frames):
        out[n] = state
        state = memory * state + np.sqrt(1 - memory * memory) * rng.standard_normal(columns)
    return out


def degrade(frames: Frames, damage: Damage, rng: np.random.Generator) -> Frames:
    """Damaged copies of RGB frames uint8 [N, H, W, 3]; every amount is drawn once for the clip."""
    count, height, width = frames.shape[:3]

    def draw(limits: tuple[float, float]) -> float:
        return float(rng.uniform(*limits))

    blur, sharpen, grain, size = (
        draw(damage.blur),
        draw(damage.sharpen),
        draw(damage.grain),
        draw(damage.grain_size),
    )
    bank = rng.standard_normal((_BANK, height, width)).astype(np.float32)
    bank = np.stack([cv2.GaussianBlur(g, (0, 0), size) if size > 0.3 else g for g in bank])
    bank = np.rint(bank * (grain / (bank.std() + 1e-6))).astype(np.int16)
    still = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), 0.8)
    still = np.rint(still * (draw(damage.fixed) / (still.std() + 1e-6))).astype(np.int16)
    flicker = np.exp(draw(damage.flicker) * wander(rng, count, 1, float(rng.uniform(0.2, 0.9)))[:, 0])
    shift = draw(damage.jitter) * wander(rng, count, 2, float(rng.uniform(0.1, 0.95)))
    tone = _tone(rng)
    frozen = np.less(rng.random(count), draw(damage.freeze))
    frozen[0] = False
    picks = rng.integers(0, [_BANK, height, width], (count, 3))
    out = np.empty_like(frames)
    for n in range(count):
        if frozen[n]:
            out[n] = out[n - 1]
            continue
        image = frames[n]
        if blur > 0.2:
            image = cv2.GaussianBlur(image, (0, 0), blur)
        if sharpen > 0.02:
            image = cv2.addWeighted(image, 1 + sharpen, cv2.GaussianBlur(image, (0, 0), 1.4), -sharpen, 0)
        if abs(shift[n]).max() > 0.02:
            move = np.array([[1, 0, shift[n, 0]], [0, 1, shift[n, 1]]], dtype=np.float64)
            image = cv2.warpAffine(
                image, move, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
        table = np.clip(tone * flicker[n], 0, 255).astype(np.uint8)
        image = cv2.LUT(image, table)
        noise = np.roll(bank[picks[n, 0]], (int(picks[n, 1]), int(picks[n, 2])), (0, 1)) + still
        out[n] = np.clip(image.astype(np.int16) + noise[..., None], 0, 255).astype(np.uint8)
    return out


def _tone(rng: np.random.Generator) -> NDArray[np.float64]:
    """Tone curve [1, 256, 3] of the clip: contrast, brightness, white balance."""
    level = np.arange(256) / 255
    contrast, gamma = np.exp(rng.normal(0, 0.10)), np.exp(rng.normal(0, 0.12))
    curve = np.clip(0.5 + (level**gamma - 0.5) * contrast + rng.normal(0, 0.02), 0, 1)
    balance = np.exp(rng.normal(0, 0.03, 3))
    black = float(np.clip(rng.normal(0.0, 0.02), 0, 0.06))
    table: NDArray[np.float64] = 255 * (black + (1 - black) * curve[:, None] * balance)
    return table[None]
