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
from pipeline.simulate.motion.eyes import LEFT, RIGHT, blink_times, blinks, gaze, look
from pipeline.simulate.motion.head import sway
from pipeline.simulate.motion.speech import utter
from pipeline.simulate.motion.style import FIDGETS, DriverStyle, draw_style
from pipeline.simulate.motion.track import CHANNELS, INDEX, MotionTrack
from pipeline.simulate.motion.visemes import EMOTION_SHAPES, channels

_JAW, _CLOSE = INDEX["jawOpen"], INDEX["mouthClose"]
_FASTEST: Final = 14.0  # Hz
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
    roam: NDArray[np.float64],
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
        "bow": _standard(roam[:, 1], np.deg2rad(1.5)),
    }
    fidgets = wander(rng, len(time), style.fidget_seconds, FIDGETS)
    return np.column_stack([*drives.values(), fidgets])


def _coupled(style: DriverStyle, sources: NDArray[np.float64]) -> NDArray[np.float64]:
    regions = len(REGIONS)
    drives = delayed(np.tile(sources, (1, regions)), style.coupling_lag.T.ravel())
    out = np.empty((len(sources), ALL))
    for r in range(regions):
        columns = np.flatnonzero(r == REGION)
        out[:, columns] = np.split(drives, regions, axis=1)[r] @ style.coupling[:, columns]
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
        once = event.rise + event.hold + event.fall
        onset = (onset[:, None] + 0.9 * once * np.arange(event.beats)).ravel()
        since = time[:, None] - onset[None, :]
        rise = np.clip(since / event.rise, 0, 1)
        fall = np.clip((since - event.rise - event.hold) / event.fall, 0, 1)
        shape = np.minimum(rise, 1 - fall) * rng.lognormal(0, 0.25, len(onset))
        out += np.outer(shape.max(axis=1), event.pattern)
    return out


def _share(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    out: NDArray[np.float64] = weights / weights.sum()
    return out


def perform(style: DriverStyle, content: Content, frames: int, seed: int) -> MotionTrack:
    """The track of `frames` frames of `content` done by `style`; `seed` draws the take: resting pose,
    expressiveness, head pose, sensor noise and all chance. Raises ValueError when the content is not of that
    length."""
    if content.frames != frames:
        raise ValueError(f"the content lasts {content.frames} frames, not {frames}")
    track = move(style, content, seed) + style.mean_shift
    return MotionTrack(
        np.clip(track[:, :CHANNELS], 0.0, 1.0).astype(np.float32),
        track[:, HEAD].astype(np.float32),
        track[:, SHIFT].astype(np.float32),
    )


def move(style: DriverStyle, content: Content, seed: int) -> NDArray[np.float64]:
    """[frames, 58] movement at 25 fps before coefficients are limited to [0, 1]."""
    frames = content.frames
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
    roam = sway(style, n, rng) * np.array([*np.deg2rad([1.6, 1.2, 0.9]), 0.03, 0.02, 0.03])
    follow_gaze = -style.head_share * np.deg2rad(aim)  # yaw is to the right, pitch down
    roam[:, :2] += delayed(follow_gaze, np.full(2, style.head_share_lag))
    sources = _sources(style, content, spoken, aim, lids, roam, rng)

    command = _coupled(style, sources) + _little_events(style, content, rng)
    still = np.full(CHANNELS, 1.0)
    command[:, :CHANNELS] += spoken + follow(
        content.emotion @ EMOTION_SHAPES, style.feeling_rise[:CHANNELS], style.feeling_fall[:CHANNELS], still
    )
    command[:, CHANNELS:] += roam

    # A driver's own gain acts on changes alone: the level of a clip is its content's and its take's.
    level = np.zeros(ALL)
    level[:CHANNELS] = (spoken + content.emotion @ EMOTION_SHAPES).mean(axis=0)
    command = take_gain * (level + style.gain * (command - command.mean(axis=0)))
    moved = follow(
        command,
        np.minimum(style.attack * take_speed, _FASTEST),
        np.minimum(style.release * take_speed, _FASTEST),
        style.damping,
    )
    moved = delayed(moved, style.lag)
    moved += rest

    track: NDArray[np.float64] = moved[WARM_UP:].reshape(frames, OVERSAMPLING, ALL).mean(axis=1)
    eyes = slice(WARM_UP, None, OVERSAMPLING)
    gaze_mean = rng.normal(0, [4.0, 3.0])
    # The eyes hold the world still against most of the head's own turning.
    turned = np.rad2deg(moved[:, CHANNELS : CHANNELS + 2] - rest[HEAD][:2])
    angles = angles + gaze_mean + 0.7 * turned
    for side in (LEFT, RIGHT):
        # A tracker sees the two eyes' directions a little apart.
        for channel, values in look(angles + rng.normal(0, [1.0, 0.7]), side).items():
            track[:, channel] = values[eyes] + 0.2 * rest[channel]
    droop = rest[INDEX["eyeBlinkLeft"]] + rng.normal(0, 0.015, 2)
    down = track[:, [INDEX["eyeLookDownLeft"], INDEX["eyeLookDownRight"]]]
    closed = lids[WARM_UP:].reshape(frames, OVERSAMPLING, 2).mean(axis=1)
    track[:, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = 1 - (1 - closed) * (
        1 - np.clip(droop + 0.35 * down, 0, 0.6)
    )

    # Lips that close do not pass through each other: ARKit's mouthClose undoes the jaw's opening.
    track[:, _CLOSE] = np.minimum(track[:, _CLOSE], np.maximum(track[:, _JAW], 0.0) + 0.03)

    track += (
        rng.standard_normal(track.shape)
        * rng.lognormal(np.log(0.001), 0.5)
        * np.where(np.arange(ALL) < CHANNELS, 1, 0.3)
    )
    return track


_PROBE_FRAMES: Final = 100
_PROBES: Final = 64


@lru_cache(maxsize=1)
def _probe_contents() -> tuple[Content, ...]:
    return tuple(sample_content(1_000_003 + probe, _PROBE_FRAMES) for probe in range(_PROBES))


def _probe(style: DriverStyle) -> NDArray[np.float64]:
    out: NDArray[np.float64] = np.concatenate(
        [move(style, c, 1_000_003 + k) for k, c in enumerate(_probe_contents())]
    )
    return out


def _limited(track: NDArray[np.float64]) -> NDArray[np.float64]:
    out: NDArray[np.float64] = np.hstack([np.clip(track[:, :CHANNELS], 0.0, 1.0), track[:, CHANNELS:]])
    return out


@lru_cache(maxsize=1)
def _common_mean() -> NDArray[np.float64]:
    styles = [draw_style(np.random.default_rng([s, 0xAB])) for s in range(4)]
    out: NDArray[np.float64] = np.mean([_limited(_probe(style)).mean(axis=0) for style in styles], axis=0)
    return out


@lru_cache(maxsize=256)
def sample_driver(seed: int) -> DriverStyle:
    """The driver of that seed. The mean frame that the habits alone would give is brought to one mean frame
    common to all drivers, so that single frames carry no level of the driver's."""
    style = draw_style(np.random.default_rng([seed, 0xD0]))
    probe = _probe(style)
    shift = np.zeros(ALL)
    for _ in range(12):  # Newton's method: the slope of a limited mean is the share of frames not at a limit
        limited = _limited(probe + shift)
        free = np.mean(limited == probe + shift, axis=0)
        shift += (_common_mean() - limited.mean(axis=0)) / np.maximum(free, 0.2)
    return replace(style, mean_shift=shift)
