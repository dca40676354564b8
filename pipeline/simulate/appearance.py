"""What a person looks like besides shape: skin, hair, eyes, lips, beard, glasses and clothes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.simulate.identity import Identity

Colour = tuple[float, float, float]

# Linear albedo of skin from light to dark, interpolated in the logarithm.
_SKIN: Final = np.log(
    np.array(
        [
            [0.71, 0.47, 0.38],
            [0.60, 0.36, 0.27],
            [0.44, 0.24, 0.16],
            [0.25, 0.122, 0.077],
            [0.115, 0.056, 0.038],
        ]
    )
)
_HAIR: Final[dict[str, Colour]] = {
    **{"black": (0.012, 0.010, 0.009), "dark": (0.030, 0.019, 0.013), "brown": (0.075, 0.042, 0.024)},
    **{
        "fair": (0.30, 0.20, 0.10),
        "red": (0.19, 0.065, 0.025),
        "gray": (0.30, 0.29, 0.28),
        "white": (0.6, 0.59, 0.57),
    },
}
_IRIS: Final[tuple[Colour, ...]] = (
    *((0.055, 0.026, 0.012), (0.10, 0.05, 0.02), (0.16, 0.10, 0.04)),
    *((0.10, 0.19, 0.26), (0.16, 0.26, 0.34), (0.11, 0.17, 0.10), (0.22, 0.25, 0.26)),
)


@dataclass(frozen=True)
class Appearance:
    """Drawn looks. Colours are linear RGB albedo; lengths are dm in the unshaped head model.

    `hair_style` is one of bald, buzz, short, full, bob, long; `hair_lift` the thickness over the crown,
    `hairline` its height above the forehead; `beard` 0 none to 1 full; `glasses` None or the rim's colour.
    """

    seed: int
    skin: Colour
    melanin: float
    lips: Colour
    lip_fullness: float
    redness: float
    freckles: float
    wrinkles: float
    oil: float
    hair_style: str
    hair: Colour
    hair_lift: float
    hairline: float
    curl: float
    parting: float
    sweep: float
    brow: Colour
    brow_height: float
    brow_thickness: float
    brow_arch: float
    beard: float
    moustache: float
    liner: float
    iris: Colour
    iris_radius: float
    pupil: float
    glasses: Colour | None
    glasses_shape: tuple[float, float, float]
    glasses_wire: float
    cloth: Colour
    cloth_trim: Colour
    neckline: float
    neckline_depth: float


def _skin_tone(melanin: float, rng: np.random.Generator) -> Colour:
    position = float(np.clip(melanin, 0, 1)) * (len(_SKIN) - 1)
    low = min(int(position), len(_SKIN) - 2)
    tone = np.exp(_SKIN[low] + (position - low) * (_SKIN[low + 1] - _SKIN[low]))
    tone = tone * np.exp(rng.normal(0, [0.04, 0.05, 0.08]))
    return (float(tone[0]), float(tone[1]), float(tone[2]))


def _hair_colour(identity: Identity, rng: np.random.Generator) -> Colour:
    dark = identity.african + identity.asian
    if identity.age > 0.55 and rng.random() < 0.75:
        name = str(rng.choice(["gray", "white", "gray"]))
    elif rng.random() < dark:
        name = str(rng.choice(["black", "dark", "black"]))
    else:
        name = str(rng.choice(["dark", "brown", "brown", "fair", "red"]))
    colour = np.array(_HAIR[name]) * np.exp(rng.normal(0, 0.18) + rng.normal(0, 0.06, 3))
    return (float(colour[0]), float(colour[1]), float(colour[2]))


def _hair_style(identity: Identity, rng: np.random.Generator) -> tuple[str, float, float]:
    """Style, thickness and hairline height."""
    high = 7.98 + rng.normal(0, 0.07)
    if identity.male < 0.5:
        style = str(rng.choice(["long", "long", "bob", "full", "short"]))
        lift = {"long": 0.14, "bob": 0.2, "full": 0.22, "short": 0.12}[style]
    else:
        chances = [0.03 + 0.22 * identity.age, 0.14, 0.45, 0.38 - 0.25 * identity.age]
        style = str(rng.choice(["bald", "buzz", "short", "full"], p=np.array(chances) / sum(chances)))
        lift = {"bald": 0.0, "buzz": 0.025, "short": 0.11, "full": 0.2}[style]
        high += 0.16 * max(0.0, identity.age - 0.2) + (0.03 if style == "buzz" else 0.0)
    if style in ("full", "bob") and rng.random() < 0.35:
        high -= 0.22  # a fringe over the forehead
    return style, lift * float(np.exp(rng.normal(0, 0.2))), float(high)


def sample_appearance(identity: Identity) -> Appearance:
    """Draw looks that fit the identity's age, sex and ancestry; the same identity always gets the same."""
    rng = np.random.default_rng([identity.seed, 0xA9])
    melanin = (
        0.80 * identity.african + 0.36 * identity.asian + 0.16 * identity.caucasian + rng.normal(0, 0.09)
    )
    skin = _skin_tone(melanin, rng)
    man = identity.male > 0.5
    style, lift, hairline = _hair_style(identity, rng)
    hair = _hair_colour(identity, rng)
    brow_dark = min(1.0, 0.55 + rng.normal(0, 0.1))
    made_up = not man and rng.random() < 0.6
    tint = rng.uniform([0.78, 0.42, 0.52], [0.98, 0.62, 0.80])
    if made_up:
        tint = tint * rng.uniform([0.9, 0.4, 0.45], [1.05, 0.8, 0.85])
    lips = np.array(skin) * tint * (0.95 if melanin < 0.5 else 1.15)
    beard = (
        float(rng.choice([0.0, rng.uniform(0.1, 0.45), rng.uniform(0.6, 1.0)], p=[0.45, 0.4, 0.15]))
        if man
        else 0.0
    )
    dark_eyes = rng.random() < identity.african + identity.asian + 0.25 * identity.caucasian
    iris = _IRIS[int(rng.integers(0, 3) if dark_eyes else rng.integers(2, len(_IRIS)))]
    rim: Colour | None = None
    if rng.random() < 0.18:
        shades: tuple[Colour, ...] = (
            (0.01, 0.01, 0.012),
            (0.05, 0.025, 0.012),
            (0.2, 0.2, 0.21),
            (0.12, 0.02, 0.02),
        )
        rim = shades[int(rng.integers(len(shades)))]
    cloth = np.exp(rng.uniform(np.log(0.015), np.log(0.6))) * np.exp(rng.normal(0, 0.35, 3))
    trim = np.clip(cloth * np.exp(rng.normal(0, 0.6)), 0.01, 0.8)
    cloth = np.clip(cloth, 0.01, 0.75)
    return Appearance(
        seed=identity.seed,
        skin=skin,
        melanin=float(np.clip(melanin, 0, 1)),
        lips=(float(lips[0]), float(lips[1]), float(lips[2])),
        lip_fullness=float(rng.uniform(0.85, 1.2) + 0.15 * identity.african),
        redness=float(rng.uniform(0.2, 1.0) * (1.1 - melanin)),
        freckles=float(max(0.0, rng.normal(-0.4, 0.6)) * (1 - melanin)),
        wrinkles=float(np.clip(identity.age * 1.2 + rng.normal(0, 0.1), 0.03, 1.1)),
        oil=float(np.exp(rng.normal(-0.1, 0.35))),
        hair_style=style,
        hair=hair,
        hair_lift=lift,
        hairline=hairline,
        curl=float(np.clip(rng.beta(0.8, 1.6) + 0.6 * identity.african, 0, 1)),
        parting=float(rng.normal(0, 0.35)),
        sweep=float(rng.normal(0, 0.09)),
        brow=(hair[0] * brow_dark, hair[1] * brow_dark, hair[2] * brow_dark),
        brow_height=float(rng.normal(0, 0.018)),
        brow_thickness=float(rng.uniform(0.8, 1.3) if man else rng.uniform(0.5, 0.95)),
        brow_arch=float(rng.uniform(0.2, 1.0)),
        beard=beard,
        moustache=float(np.clip(beard * rng.uniform(0.6, 1.3), 0, 1)),
        liner=float(rng.uniform(0.4, 0.9) if made_up else rng.uniform(0.1, 0.4)),
        iris=iris,
        iris_radius=float(rng.uniform(0.39, 0.43)),
        pupil=float(rng.uniform(0.13, 0.2)),
        glasses=rim,
        glasses_shape=(
            float(rng.uniform(0.24, 0.3)),
            float(rng.uniform(0.16, 0.24)),
            float(rng.uniform(2.2, 5.0)),
        ),
        glasses_wire=float(rng.uniform(0.009, 0.022)),
        cloth=(float(cloth[0]), float(cloth[1]), float(cloth[2])),
        cloth_trim=(float(trim[0]), float(trim[1]), float(trim[2])),
        neckline=float(rng.uniform(5.45, 5.8)),
        neckline_depth=float(rng.choice([rng.uniform(0.0, 0.15), rng.uniform(0.3, 0.8)])),
    )
