"""A driver: the habits of movement that stay with a person whatever is said.

Everything here is a speed, a lag, a rate, a shape or a correlation. What could be read from one frame
(resting pose, expressiveness, where the head is held) is drawn per clip in `perform`, alike for every
driver.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.motion.anatomy import (
    ALL,
    EYES,
    GROUP,
    GROUPS,
    HEAD,
    REGION,
    REGIONS,
    SHIFT,
    SIDE,
    SPEED,
)
from pipeline.simulate.motion.track import CHANNELS, INDEX
from pipeline.simulate.motion.visemes import channels

# Zero-mean drives that reach every channel through a driver's own weights and lags.
FIDGETS: Final = 5
SOURCES: Final = (
    *("jaw", "round", "spread", "stress", "pitch", "arousal", "gaze_x", "gaze_y", "blink", "bow"),
    *(f"fidget{i}" for i in range(FIDGETS)),
)


@dataclass(frozen=True)
class Event:
    """A small movement of one's own: a pattern over the channels that comes and goes within 40 to 400 ms."""

    pattern: NDArray[np.float64]  # [58]
    rate: float  # a second
    rise: float  # s
    hold: float  # s
    fall: float  # s
    on_stress: float  # share of the occurrences that fall on a stressed syllable
    beats: int  # repetitions in one go: a double nod, a trembling lip


@dataclass(frozen=True)
class DriverStyle:
    """Sampled habits. Arrays over channels are [58] as in `anatomy`; times in s, frequencies in Hz, gaze in
    degrees."""

    attack: NDArray[np.float64]
    release: NDArray[np.float64]
    damping: NDArray[np.float64]
    lag: NDArray[np.float64]
    gain: NDArray[np.float64]
    feeling_rise: NDArray[np.float64]  # Hz, how fast a feeling arrives in each channel
    feeling_fall: NDArray[np.float64]
    anticipation: NDArray[np.float64]  # [3] jaw, lips, rounding: how early a sound takes hold
    carry: NDArray[np.float64]  # [3] how long it lasts
    lead: NDArray[np.float64]  # [3] of each articulator over the sound
    coupling: NDArray[np.float64]  # [sources, 58]
    coupling_lag: NDArray[np.float64]  # [sources, regions]
    fidget_seconds: NDArray[np.float64]  # [FIDGETS]
    sway_hertz: NDArray[np.float64]  # [6]
    sway_width: NDArray[np.float64]  # [6]
    sway_mix: NDArray[np.float64]  # [6, 6]
    nod_fall: float  # s, decay of a stress beat
    blink_rate: float  # a minute
    blink_close: float
    blink_hold: float
    blink_open: float
    blink_side_lag: float
    blink_double: float
    blink_depth: float  # mean completeness
    blink_regularity: float  # shape of the gamma renewal
    blink_on_pause: float
    saccade_rate: float  # a second
    saccade_size: float
    saccade_aspect: float
    saccade_slope: float  # s a degree
    saccade_overshoot: float
    fixation_jitter: float
    head_share: float  # of a gaze shift made by the head
    head_share_lag: float
    events: tuple[Event, ...]
    mean_shift: NDArray[np.float64] = field(default_factory=lambda: np.zeros(ALL))


def _speeds(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    common = rng.normal(0, 0.22, GROUPS)
    skew = rng.normal(0, 0.28, GROUPS)
    # Slow in the brows, quick in the lips, but not slow everywhere: the whole face's tempo belongs to the
    # clip.
    common -= 0.85 * common.mean()
    side = rng.normal(0, 0.10, GROUPS)
    base = SPEED * np.exp(common[GROUP] + side[GROUP] * SIDE)
    attack, release = (base * np.exp(sign * 0.5 * skew[GROUP]) for sign in (1, -1))
    return np.clip(attack, SPEED / 1.8, SPEED * 1.8), np.clip(release, SPEED / 1.8, SPEED * 1.8)


def _lags(rng: np.random.Generator) -> NDArray[np.float64]:
    group = rng.normal(0, 0.035, GROUPS)
    group -= group.mean()
    # One side leads by 20-80 ms: mostly the same side all over the face, differently in each muscle group.
    habit = rng.normal(0, 0.022) + rng.normal(0, 0.022, GROUPS)
    lag = group[GROUP] + 0.5 * np.clip(habit, -0.08, 0.08)[GROUP] * SIDE * 2
    lag[EYES] = 0.0
    return lag + 0.1


def _coupling(rng: np.random.Generator) -> NDArray[np.float64]:
    """Weights [sources, 58] of one standard deviation of a source: habits common to all plus one's own."""
    unit = np.zeros(ALL)
    for name, size in {
        "browInnerUp": 0.07, "browOuterUp": 0.07, "browDown": 0.05, "eyeSquint": 0.045,
        "eyeWide": 0.03, "cheekSquint": 0.05, "noseSneer": 0.035, "mouthSmile": 0.05,
        "mouthDimple": 0.035, "mouthStretch": 0.035, "mouthFrown": 0.035, "mouthLeft": 0.03,
        "mouthRight": 0.03, "mouthPress": 0.035, "mouthShrugUpper": 0.03, "mouthShrugLower": 0.03,
        "mouthRollLower": 0.025, "mouthRollUpper": 0.02, "mouthPucker": 0.03, "mouthFunnel": 0.02,
        "mouthUpperUp": 0.03, "mouthLowerDown": 0.03, "jawForward": 0.025, "jawLeft": 0.022,
        "jawRight": 0.022, "jawOpen": 0.02, "mouthClose": 0.01, "cheekPuff": 0.015,
    }.items():  # fmt: skip
        unit[channels(name)] = size
    unit[HEAD] = np.deg2rad([1.2, 1.3, 1.0])
    unit[SHIFT] = [0.014, 0.012, 0.015]

    weights = np.zeros((len(SOURCES), ALL))
    for s, name in enumerate(SOURCES):
        fidget = name.startswith("fidget")
        # The two sides mostly agree; a driver's smaller own part lives in the difference.
        both = rng.normal(0, 1, GROUPS)[GROUP] * 0.75 + rng.normal(0, 0.4, ALL)
        one = rng.normal(0, 0.6 if fidget else 0.4, GROUPS)[GROUP] * SIDE
        sparse = np.where(rng.random(len(REGIONS)) < (0.55 if fidget else 0.75), 1.0, 0.25)[REGION]
        strength = {
            "blink": 0.35,
            "gaze_x": 0.4,
            "gaze_y": 0.5,
            "bow": 0.4,
            "jaw": 0.7,
            "round": 0.5,
            "spread": 0.5,
        }.get(name, 0.8)
        weights[s] = strength * unit * sparse * (both + one)
    _oppose(weights)
    stress, pitch, arousal = (SOURCES.index(n) for n in ("stress", "pitch", "arousal"))
    raise_ = rng.lognormal(-0.3, 0.5)
    for name in ("browInnerUp", "browOuterUp"):
        weights[stress, channels(name)] += 0.05 * raise_
        weights[pitch, channels(name)] += 0.03 * raise_
    weights[stress, CHANNELS + 1] += np.deg2rad(0.8) * rng.normal(0.6, 0.8)
    weights[arousal, channels("eyeWide")] += 0.02
    for name in ("jawOpen", "mouthClose"):
        weights[: SOURCES.index("stress"), channels(name)] = 0.0
    weights[:, EYES] = 0.0
    return weights


def _oppose(weights: NDArray[np.float64]) -> None:
    """Makes a leftward jaw or mouth shift the negative of a rightward one, as ARKit's two columns are."""
    for left, right in (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight")):
        weights[:, INDEX[right]] = -weights[:, INDEX[left]]


_TEMPLATES: Final[tuple[tuple[tuple[str, float], ...], ...]] = (
    (("mouthSmileLeft", 0.22), ("mouthDimpleLeft", 0.12), ("cheekSquintLeft", 0.08)),
    (("mouthSmileRight", 0.22), ("mouthDimpleRight", 0.12), ("cheekSquintRight", 0.08)),
    (("browOuterUpLeft", 0.30), ("browInnerUp", 0.10)),
    (("browOuterUpRight", 0.30), ("browInnerUp", 0.10)),
    (("browInnerUp", 0.28), ("browOuterUpLeft", 0.14), ("browOuterUpRight", 0.14)),
    (("browDownLeft", 0.24), ("browDownRight", 0.24), ("eyeSquintLeft", 0.08), ("eyeSquintRight", 0.08)),
    (
        ("noseSneerLeft", 0.24),
        ("noseSneerRight", 0.24),
        ("mouthUpperUpLeft", 0.08),
        ("mouthUpperUpRight", 0.08),
    ),
    (("noseSneerRight", 0.26), ("cheekSquintRight", 0.10)),
    (("noseSneerLeft", 0.26), ("cheekSquintLeft", 0.10)),
    (("mouthPressLeft", 0.28), ("mouthPressRight", 0.28), ("mouthRollLower", 0.14), ("mouthRollUpper", 0.12)),
    (("mouthRollLower", 0.30), ("tongueOut", 0.12), ("jawOpen", 0.04)),
    (("jawLeft", 0.16), ("mouthLeft", 0.08)),
    (("jawRight", 0.16), ("mouthRight", 0.08)),
    (("mouthLeft", 0.22),),
    (("mouthRight", 0.22),),
    (("mouthPucker", 0.26), ("mouthShrugUpper", 0.10)),
    (("mouthShrugLower", 0.24), ("mouthFrownLeft", 0.14), ("mouthFrownRight", 0.14)),
    (("mouthStretchLeft", 0.24), ("mouthStretchRight", 0.24)),
    (("mouthStretchLeft", 0.26), ("mouthFrownLeft", 0.10)),
    (("mouthStretchRight", 0.26), ("mouthFrownRight", 0.10)),
    (
        ("eyeSquintLeft", 0.28),
        ("eyeSquintRight", 0.28),
        ("cheekSquintLeft", 0.14),
        ("cheekSquintRight", 0.14),
    ),
    (("eyeWideLeft", 0.24), ("eyeWideRight", 0.24), ("browInnerUp", 0.10)),
    (("mouthUpperUpLeft", 0.22), ("noseSneerLeft", 0.08)),
    (("mouthUpperUpRight", 0.22), ("noseSneerRight", 0.08)),
    (("jawForward", 0.20), ("mouthShrugLower", 0.12)),
    (("cheekPuff", 0.18), ("mouthPucker", 0.08)),
    (("browInnerUp", 0.05),),  # three whose face hardly moves: the head's part of an event is drawn apart
    (("eyeSquintLeft", 0.05), ("eyeSquintRight", 0.05)),
    (("mouthShrugUpper", 0.05),),
)


def _events(rng: np.random.Generator) -> tuple[Event, ...]:
    chosen = rng.choice(len(_TEMPLATES), size=int(rng.integers(4, 8)), replace=False)
    events = []
    for index in chosen:
        vector = np.zeros(ALL)
        for name, size in _TEMPLATES[index]:
            vector[INDEX[name]] = 0.85 * size * rng.lognormal(0, 0.2)
        vector[HEAD] = np.deg2rad(
            rng.normal(0, [1.4, 1.6, 1.2]) * (rng.random() < 0.6 or index >= len(_TEMPLATES) - 3)
        )
        vector[SHIFT] = rng.normal(0, 0.02, 3) * (rng.random() < 0.4)
        events.append(
            Event(
                pattern=vector,
                rate=float(rng.lognormal(np.log(0.22), 0.5)),
                rise=float(rng.uniform(0.06, 0.16)),
                hold=float(rng.uniform(0.0, 0.12)),
                fall=float(rng.uniform(0.05, 0.22)),
                on_stress=float(rng.beta(0.7, 0.9)),
                beats=int(rng.choice([1, 1, 1, 2, 3])),
            )
        )
    return tuple(events)


def draw_style(rng: np.random.Generator) -> DriverStyle:
    """One set of habits, before its mean is brought to everybody's."""
    attack, release = _speeds(rng)
    gain = np.exp(
        rng.normal(0, 0.16, GROUPS)[GROUP]
        + rng.normal(0, 0.12, ALL)
        + rng.normal(0, 0.12, GROUPS)[GROUP] * SIDE
    )
    mix = np.eye(6) + rng.normal(0, 0.45, (6, 6))
    mix /= np.linalg.norm(mix, axis=1, keepdims=True)
    return DriverStyle(
        attack=attack,
        release=release,
        damping=np.clip(rng.normal(0.85, 0.15, GROUPS), 0.5, 1.3)[GROUP],
        lag=_lags(rng),
        gain=gain,
        feeling_rise=np.exp(rng.normal(np.log(1.5), 0.4) + rng.normal(0, 0.4, GROUPS))[GROUP],
        feeling_fall=np.exp(rng.normal(np.log(0.9), 0.4) + rng.normal(0, 0.4, GROUPS))[GROUP],
        anticipation=np.array([0.045, 0.040, 0.070]) * rng.lognormal(0, 0.25, 3),
        carry=np.array([0.045, 0.040, 0.060]) * rng.lognormal(0, 0.25, 3),
        lead=rng.normal(0, 0.03, 3),
        coupling=_coupling(rng),
        coupling_lag=rng.uniform(-0.08, 0.20, (len(SOURCES), len(REGIONS))),
        fidget_seconds=np.exp(rng.uniform(np.log(0.05), np.log(0.35), FIDGETS)),
        sway_hertz=np.exp(rng.uniform(np.log(0.15), np.log(1.2), 6)),
        sway_width=np.exp(rng.uniform(np.log(0.2), np.log(0.8), 6)),
        sway_mix=mix,
        nod_fall=float(rng.uniform(0.08, 0.30)),
        blink_rate=float(np.clip(rng.lognormal(np.log(17), 0.28), 8, 32)),
        blink_close=float(rng.uniform(0.05, 0.10)),
        blink_hold=float(rng.uniform(0.0, 0.06)),
        blink_open=float(rng.uniform(0.09, 0.24)),
        blink_side_lag=float(rng.normal(0, 0.012)),
        blink_double=float(rng.beta(1, 6)),
        blink_depth=float(rng.uniform(0.75, 1.0)),
        blink_regularity=float(rng.uniform(1.0, 4.0)),
        blink_on_pause=float(rng.uniform(0.1, 0.8)),
        saccade_rate=float(rng.uniform(1.5, 3.2)),
        saccade_size=float(rng.lognormal(np.log(3.5), 0.2)),
        saccade_aspect=float(rng.uniform(0.4, 0.9)),
        saccade_slope=float(rng.uniform(0.0018, 0.0032)),
        saccade_overshoot=float(rng.normal(0.03, 0.06)),
        fixation_jitter=float(rng.lognormal(np.log(0.25), 0.3)),
        head_share=float(rng.uniform(0.1, 0.6)),
        head_share_lag=float(rng.uniform(0.02, 0.25)),
        events=_events(rng),
    )
