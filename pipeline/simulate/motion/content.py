"""Content: what is said and felt in one clip, drawn alike for every driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.motion.track import FPS
from pipeline.simulate.motion.visemes import CONSONANTS, EMOTIONS, SILENCE, VOWELS

RATE: Final = 100  # Hz: motion is made four times finer than it is shown, so that 20 ms can be a habit
OVERSAMPLING: Final = RATE // FPS
WARM_UP: Final = 150  # samples before the first frame, so that a clip starts in the middle of moving


@dataclass(frozen=True)
class Content:
    """A random utterance and its mood, at 100 Hz from WARM_UP samples before the first frame.

    `visemes` int64 [P], `onsets` float64 [P] in seconds from the first frame, `weights` float64 [P] (how
    fully each phoneme is meant); `stress_times`, `stress` float64 [S]: the syllables' centres and
    prominence in [0, 1]; `pauses` float64 [Q]: where silences begin, in seconds; `pitch`, `arousal` float64
    [n]: zero-mean prosody and activation of about unit spread; `emotion` float64 [n, 7] in [0, 1]; `gaze`
    float64 [n, 2]: where attention wanders, slow, of unit spread.
    """

    frames: int
    visemes: NDArray[np.int64]
    onsets: NDArray[np.float64]
    weights: NDArray[np.float64]
    stress_times: NDArray[np.float64]
    stress: NDArray[np.float64]
    pauses: NDArray[np.float64]
    pitch: NDArray[np.float64]
    arousal: NDArray[np.float64]
    emotion: NDArray[np.float64]
    gaze: NDArray[np.float64]


def samples(frames: int) -> int:
    """Length of the 100 Hz time axis of a clip, warm-up included."""
    return WARM_UP + frames * OVERSAMPLING


def clock(frames: int) -> NDArray[np.float64]:
    """float64 [samples(frames)] seconds from the first frame."""
    return (np.arange(samples(frames)) - WARM_UP) / RATE


def wander(
    rng: np.random.Generator, length: int, seconds: float | NDArray[np.float64], columns: int
) -> NDArray[np.float64]:
    """Stationary smooth noise [length, columns] of unit spread: an Ornstein-Uhlenbeck process of the given
    correlation time, smoothed once more by the same pole so that its velocity is finite."""
    from scipy.signal import lfilter

    tau = np.broadcast_to(np.asarray(seconds, dtype=float), (columns,))
    out = np.empty((length, columns))
    noise = rng.standard_normal((length + 400, columns))
    for c in range(columns):
        a = float(np.exp(-1.0 / (tau[c] * RATE)))
        # Variance of two cascaded poles a driven by white noise: (1 + a^2) / (1 - a^2)^3.
        scale = np.sqrt((1 - a * a) ** 3 / (1 + a * a))
        out[:, c] = lfilter([scale], [1.0, -2 * a, a * a], noise[:, c])[400:]
    return out


def sample_content(seed: int, frames: int) -> Content:
    """Draws the utterance and mood of one clip of `frames` frames at 25 fps. Same seed, same content."""
    rng = np.random.default_rng([seed, 0xC0])
    end = frames / FPS
    rate = float(np.clip(rng.lognormal(np.log(4.5), 0.18), 3.0, 6.2))  # syllables a second
    pause_chance = rng.uniform(0.05, 0.16)

    visemes: list[int] = []
    onsets: list[float] = []
    weights: list[float] = []
    stress_times: list[float] = []
    stress: list[float] = []
    pauses: list[float] = []
    time = -WARM_UP / RATE - rng.uniform(0, 0.5)
    accent = rng.uniform(0.2, 0.4)
    while time < end + 0.6:
        if rng.random() < pause_chance:
            pauses.append(time)
            visemes.append(SILENCE)
            onsets.append(time)
            weights.append(1.0)
            time += min(rng.gamma(2.0, 0.2), 1.2)
        strong = rng.random() < accent
        prominence = rng.uniform(0.6, 1.0) if strong else rng.uniform(0.0, 0.35)
        length = rng.lognormal(0, 0.2) * (1.25 if strong else 0.9) / rate
        onset_share = rng.uniform(0.25, 0.45)
        if rng.random() < 0.88:
            visemes.append(int(rng.choice(CONSONANTS)))
            onsets.append(time)
            weights.append(rng.uniform(0.8, 1.2))
        visemes.append(int(rng.choice(VOWELS)))
        onsets.append(time + onset_share * length)
        weights.append((0.7 + 0.5 * prominence) * rng.uniform(0.85, 1.15))
        stress_times.append(time + (onset_share + 0.25) * length)
        stress.append(prominence)
        if rng.random() < 0.35:
            visemes.append(int(rng.choice(CONSONANTS)))
            onsets.append(time + 0.78 * length)
            weights.append(rng.uniform(0.7, 1.1))
        time += length

    n = samples(frames)
    slow = wander(rng, n, np.array([1.2, 1.5, 1.2, 1.2]), 4)
    mixture = rng.dirichlet(np.full(len(EMOTIONS), 0.35))
    strength = rng.beta(1.2, 1.8)
    # Feelings come in surges rather than as a tide: how fast a face follows them is the driver's.
    swell = 1.0 / (1.0 + np.exp(-4.0 * (wander(rng, n, 0.6, 1) + rng.normal(0, 0.5))))
    pitch = 0.5 * slow[:, 0]
    centres = np.array(stress_times)
    bumps = np.exp(-0.5 * ((clock(frames)[:, None] - centres[None, :]) / 0.09) ** 2)
    pitch = pitch + bumps @ np.array(stress)
    return Content(
        frames=frames,
        visemes=np.array(visemes),
        onsets=np.array(onsets),
        weights=np.array(weights),
        stress_times=centres,
        stress=np.array(stress),
        pauses=np.array(pauses),
        pitch=(pitch - pitch.mean()) / (pitch.std() + 1e-6),
        arousal=slow[:, 1],
        emotion=strength * swell * mixture[None, :],
        gaze=slow[:, 2:],
    )
