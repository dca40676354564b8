"""Blinks and saccades: short ballistic movements that do not pass through the face's slower actuators."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.motion.content import Content, clock
from pipeline.simulate.motion.style import DriverStyle
from pipeline.simulate.motion.track import FPS, INDEX

LEFT: Final = "Left"
RIGHT: Final = "Right"
DEGREES_AT_ONE: Final = 30.0  # of gaze where an ARKit eyeLook coefficient reaches 1


def _smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minimum-jerk step from 0 to 1 over x in [0, 1]."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * x * (10 + x * (6 * x - 15))


def blink_times(
    style: DriverStyle, content: Content, rng: np.random.Generator, haste: float
) -> NDArray[np.float64]:
    """Onsets in s: a gamma renewal of the driver's rate and regularity, drawn towards pauses, with
    doubles."""
    end = content.frames / FPS
    mean = 60.0 / (style.blink_rate * haste)
    shape = style.blink_regularity
    count = int(3 + 3 * (end + 4) / mean)
    times = (
        -1.5
        - rng.uniform(0, 1) * mean
        + np.cumsum(0.25 + rng.gamma(shape, max(mean - 0.25, 0.3) / shape, count))
    )
    if len(content.pauses):
        nearest = content.pauses[np.argmin(np.abs(times[:, None] - content.pauses[None, :]), axis=1)]
        drawn = (np.abs(nearest - times) < 0.8) & (rng.random(count) < style.blink_on_pause)
        times = np.where(drawn, nearest + rng.normal(0.05, 0.05, count), times)
    doubled = times[rng.random(count) < style.blink_double] + rng.uniform(0.28, 0.45)
    times = np.sort(np.concatenate([times, doubled]))
    keep = np.diff(times, prepend=-np.inf) > 0.22
    return times[keep & (times < end + 0.3)]


def blinks(
    style: DriverStyle, content: Content, times: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Lid closure [n, 2] (left, right) in [0, 1]."""
    time = clock(content.frames)
    count = len(times)
    pace = rng.lognormal(0, 0.10, count)
    spread = 12.0
    depth = rng.beta(style.blink_depth * spread, (1.02 - style.blink_depth) * spread, count)
    out = np.zeros((len(time), 2))
    for side, sign in enumerate((-0.5, 0.5)):
        since = time[:, None] - (times + sign * style.blink_side_lag)[None, :]
        close, hold, reopen = style.blink_close * pace, style.blink_hold * pace, style.blink_open * pace
        rise = _smooth(since / close)
        fall = _smooth((since - close - hold) / reopen) ** 0.8
        out[:, side] = np.max(depth * np.minimum(rise, 1 - fall), axis=1, initial=0.0)
    return out


def gaze(
    style: DriverStyle, content: Content, rng: np.random.Generator, size: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gaze angles [n, 2] (to the subject's left, up) in degrees, and the same without jitter as the head
    follows it."""
    time = clock(content.frames)
    span = time[-1] - time[0]
    count = int(span * style.saccade_rate * 1.6 + 6)
    interval = 0.12 + rng.gamma(2.0, max(1 / style.saccade_rate - 0.12, 0.1) / 2.0, count)
    onset = time[0] - 0.3 + np.cumsum(interval)
    step = np.minimum(np.searchsorted(time, onset), len(time) - 1)
    scale = style.saccade_size * size * np.array([1.0, style.saccade_aspect])
    aim = scale * (0.8 * rng.standard_normal((count, 2)) + 0.5 * content.gaze[step])
    previous = np.vstack([aim[:1], aim[:-1]])
    jump = aim - previous
    length = np.hypot(jump[:, 0], jump[:, 1])
    duration = 0.021 + style.saccade_slope * length  # main sequence of Bahill et al. (1975)
    since = time[:, None] - onset[None, :]
    rise = _smooth(since / duration)
    glide = style.saccade_overshoot * np.exp(-np.maximum(since - duration, 0) / 0.06) * (since > 0)
    clean = aim[0] + (rise + glide * rise) @ jump
    jitter = rng.standard_normal((len(time), 2)) * style.fixation_jitter
    kernel = np.exp(-np.arange(20) / 4.0)
    kernel /= np.sqrt(np.sum(kernel**2))
    drift = np.stack([np.convolve(jitter[:, k], kernel)[: len(time)] for k in range(2)], axis=1)
    return clean + drift, clean


def look(angles: NDArray[np.float64], side: str) -> dict[int, NDArray[np.float64]]:
    """ARKit's four eyeLook coefficients of the eye of `side` turned by `angles` [n, 2] in degrees: to the
    subject's left, and up."""
    left, up = angles[:, 0] / DEGREES_AT_ONE, angles[:, 1] / DEGREES_AT_ONE
    outward = left if side == LEFT else -left
    return {
        INDEX["eyeLookOut" + side]: np.maximum(outward, 0),
        INDEX["eyeLookIn" + side]: np.maximum(-outward, 0),
        INDEX["eyeLookUp" + side]: np.maximum(up, 0),
        INDEX["eyeLookDown" + side]: np.maximum(-up, 0),
    }
