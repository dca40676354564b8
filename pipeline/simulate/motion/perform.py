"""A driver performs a content: the commands of speech, feeling and habit, through the driver's own
actuators."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.motion.actuators import delayed, follow
from pipeline.simulate.motion.anatomy import ALL, GROUP, GROUPS, HEAD, REGION, REGIONS, SHIFT, SIDE
from pipeline.simulate.motion.content import OVERSAMPLING, WARM_UP, Content, clock, sample_content, wander
from pipeline.simulate.motion.eyes import blink_times, blinks, gaze, look
from pipeline.simulate.motion.head import sway
from pipeline.simulate.motion.speech import utter
from pipeline.simulate.motion.style import FIDGETS, DriverStyle, draw_style
from pipeline.simulate.motion.track import CHANNELS, INDEX, MotionTrack
from pipeline.simulate.motion.visemes import EMOTION_SHAPES, channels

_JAW, _CLOSE = INDEX["jawOpen"], INDEX["mouthClose"]
_SMILES: Final = channels("mouthSmile")


def _standard(signal: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    out: NDArray[np.float64] = (signal - signal.mean(axis=0)) / spread
    return out


def _sources(
    style: DriverStyle,
    content: Content,
    spoken: NDArray[np.float64],
    looked: NDArray[np.float64],
    lids: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Drives [n, sources], each of mean zero over the clip and about unit spread."""
    time = clock(content.frames)
    since = time[:, None] - (content.stress_times - 0.05)[None, :]
    beat = np.where(since > 0, np.exp(-since / style.nod_fall), np.exp(since / 0.05)) @ content.stress
    drives = {
        "jaw": _standard(spoken[:, _JAW], 0.08),
        "round": _standard(spoken[:, INDEX["mouthPucker"]], 0.09),
        "spread": _standard(spoken[:, _SMILES[0]] + spoken[:, INDEX["mouthStretchLeft"]], 0.06),
        "stress": _standard(beat, 0.45),
        "pitch": content.pitch,
        "arousal": content.arousal,
        "gaze_x": _standard(looked[:, 0], 4.0),
        "gaze_y": _standard(looked[:, 1], 3.0),
        "blink": _standard(lids.mean(axis=1), 0.25),
    }
    fidgets = wander(rng, len(time), style.fidget_seconds, FIDGETS)
    return np.column_stack([*drives.values(), fidgets])


def _coupled(style: DriverStyle, sources: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.zeros((len(sources), ALL))
    for r in range(len(REGIONS)):
        columns = np.flatnonzero(r == REGION)
        out[:, columns] = delayed(sources, style.coupling_lag[:, r]) @ style.coupling[:, columns]
    return out


def _little_events(style: DriverStyle, content: Content, rng: np.random.Generator) -> NDArray[np.float64]:
    time = clock(content.frames)
    out = np.zeros((len(time), ALL))
    for event in style.events:
        count = int(rng.poisson(event.rate * (time[-1] - time[0])))
        if not count:
            continue
        onset = rng.uniform(time[0], time[-1], count)
        stressed = rng.choice(content.stress_times, count, p=_share(content.stress**2)) - event.rise
        onset = np.where(rng.random(count) < event.on_stress, stressed, onset)
        since = time[:, None] - onset[None, :]
        rise = np.clip(since / event.rise, 0, 1)
        fall = np.clip((since - event.rise - event.hold) / event.fall, 0, 1)
        shape = np.minimum(rise, 1 - fall) * rng.lognormal(0, 0.25, count)
        out += np.outer(shape.sum(axis=1), event.pattern)
    return out


def _share(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    out: NDArray[np.float64] = weights / weights.sum()
    return out


def perform(style: DriverStyle, content: Content, frames: int, seed: int) -> MotionTrack:
    """The track of `frames` frames of `content` done by `style`; `seed` draws the take: resting pose,
    expressiveness, head pose, sensor noise and all chance. Raises ValueError when the content is not of
    that length."""
    if content.frames != frames:
        raise ValueError(f"the content lasts {content.frames} frames, not {frames}")
    rng = np.random.default_rng([seed, 0xFE])
    n = len(clock(frames))

    # The take: drawn alike for every driver, and wide, so that no level tells who it is.
    loudness = rng.lognormal(0, 0.28)
    take_gain = (loudness * rng.lognormal(0, 0.22, GROUPS))[GROUP]
    take_gain *= np.exp(rng.normal(0, 0.08, GROUPS)[GROUP] * SIDE)
    take_speed = rng.lognormal(0, 0.12) * rng.lognormal(0, 0.06, GROUPS)[GROUP]
    rest = rng.gamma(1.3, 0.045, ALL)
    rest = rest * 0.5 + 0.5 * rng.gamma(1.3, 0.045, GROUPS)[GROUP]
    rest[[_JAW, INDEX["tongueOut"]]] = rng.gamma(1.3, 0.012, 2)
    rest[_CLOSE] = rest[_JAW] * rng.uniform(0.6, 1.0)
    rest[HEAD] = np.deg2rad(rng.normal(0, [7.0, 5.0, 3.0]))
    rest[SHIFT] = rng.normal(0, [0.12, 0.08, 0.15])

    spoken = utter(style, content)
    times = blink_times(style, content, rng, float(rng.lognormal(0, 0.35)))
    lids = blinks(style, content, times, rng)
    angles, aim = gaze(style, content, rng, float(rng.lognormal(0, 0.3)))
    sources = _sources(style, content, spoken, aim, lids, rng)

    command = _coupled(style, sources) + _little_events(style, content, rng)
    command[:, :CHANNELS] += spoken + content.emotion @ EMOTION_SHAPES
    roam = sway(style, n, rng) * np.array([*np.deg2rad([1.6, 1.2, 0.9]), 0.03, 0.02, 0.03])
    follow_gaze = style.head_share * np.deg2rad(aim)
    roam[:, :2] += delayed(follow_gaze, np.full(2, style.head_share_lag))
    command[:, CHANNELS:] += roam

    command *= style.gain * take_gain
    moved = follow(command, style.attack * take_speed, style.release * take_speed, style.damping)
    moved = delayed(moved, style.lag)
    moved += rest + style.mean_shift

    track = moved[WARM_UP:].reshape(frames, OVERSAMPLING, ALL).mean(axis=1)
    eyes = slice(WARM_UP, None, OVERSAMPLING)
    gaze_mean = rng.normal(0, [4.0, 3.0])
    # The eyes hold the world still against most of the head's own turning.
    turned = np.rad2deg(moved[:, CHANNELS : CHANNELS + 2] - rest[HEAD][:2])
    angles = angles + gaze_mean - 0.7 * turned * np.array([1.0, 1.0])
    for channel, values in look(angles).items():
        track[:, channel] = values[eyes]
    droop = rest[INDEX["eyeBlinkLeft"]] + rng.normal(0, 0.015, 2)
    down = track[:, [INDEX["eyeLookDownLeft"], INDEX["eyeLookDownRight"]]]
    closed = lids[WARM_UP:].reshape(frames, OVERSAMPLING, 2).mean(axis=1)
    track[:, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = 1 - (1 - closed) * (
        1 - np.clip(droop + 0.35 * down, 0, 0.6)
    )

    track += (
        rng.standard_normal(track.shape)
        * rng.lognormal(np.log(0.002), 0.4)
        * np.where(np.arange(ALL) < CHANNELS, 1, 0.3)
    )
    coefficients = np.clip(track[:, :CHANNELS], 0.0, 1.0)
    return MotionTrack(
        coefficients.astype(np.float32), track[:, HEAD].astype(np.float32), track[:, SHIFT].astype(np.float32)
    )


_PROBE_FRAMES: Final = 250
_PROBES: Final = 6


def _mean(style: DriverStyle) -> NDArray[np.float64]:
    total = np.zeros(ALL)
    for probe in range(_PROBES):
        track = perform(style, sample_content(probe, _PROBE_FRAMES), _PROBE_FRAMES, probe)
        total += np.concatenate([a.mean(axis=0) for a in (track.coefficients, track.head, track.translation)])
    return total / _PROBES


@lru_cache(maxsize=1)
def _common_mean() -> NDArray[np.float64]:
    means = [_mean(draw_style(np.random.default_rng([s, 0xAB]))) for s in range(12)]
    out: NDArray[np.float64] = np.mean(means, axis=0)
    return out


def sample_driver(seed: int) -> DriverStyle:
    """The driver of that seed. The mean pose that the habits alone would give is brought to the mean of all
    drivers, so that single frames carry no level of the driver's."""
    style = draw_style(np.random.default_rng([seed, 0xD0]))
    for _ in range(2):
        style = replace(style, mean_shift=style.mean_shift + _common_mean() - _mean(style))
    return style
