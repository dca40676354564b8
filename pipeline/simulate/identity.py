"""A person's head shape: macro and detail targets of the open head model, drawn from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.head_data import HeadData, Targets, lip_border, load_heads

_MACRO: Final = "macrodetails/"

#: Endings of the two directions a detail can take.
_OPPOSITES: Final = (
    ("-decr", "-incr"),
    ("-down", "-up"),
    ("-in", "-out"),
    ("-backward", "-forward"),
    ("-concave", "-convex"),
    ("-compress", "-uncompress"),
)

#: Details that move a whole part sideways or away, or that a portrait does not show.
_EXCLUDED: Final = (
    *(
        "measure-",
        "neck-trans",
        "head-trans",
        "nose-trans-in",
        "nose-trans-out",
        "mouth-trans-in",
        "mouth-trans-out",
    ),
    *(
        "asymm-",
        "neck-scale-vert",
        "head-angle",
        "ear-shape",
        "-push",
        "mouth-trans-backward",
        "head-age",
        "eye-scale",
    ),
    *(
        "head-square",
        "head-rectangular",
        "ear-wing",
        "eyebrows-trans-forward",
        "eyebrows-trans-backward",
        "eye-eyefold-down",
        "eye-corner",
    ),
)

#: Standard deviation of a detail's weight, by region; 1 is the extreme the model's authors drew.
_SPREAD: Final = {
    **{"nose": 0.30, "chin": 0.33, "cheek": 0.35, "head": 0.22, "forehead": 0.30},
    **{"mouth": 0.30, "ears": 0.35, "eyes": 0.24, "eyebrows": 0.33, "neck": 0.25},
}


@dataclass(frozen=True)
class Identity:
    """Who is shown. `male`, `age` (0 young, 1 old), `african`, `asian`, `caucasian` (sum 1) in [0, 1];
    `vertices` float32 [V, 3] of the whole head model in dm, neutral face.
    """

    seed: int
    male: float
    age: float
    african: float
    asian: float
    caucasian: float
    vertices: NDArray[np.float32]


def _ramp(value: float) -> dict[str, float]:
    """Weights of min, average and max around 0.5."""
    low = max(0.0, 1 - 2 * value)
    high = max(0.0, 2 * value - 1)
    return {"min": low, "average": 1 - low - high, "max": high}


def _add_macros(
    vertices: NDArray[np.float32],
    targets: Targets,
    male: float,
    age: float,
    ancestry: dict[str, float],
    muscle: float,
    weight: float,
) -> None:
    sexes = {"female": 1 - male, "male": male}
    ages = {"young": 1 - age, "old": age}
    for (sex, s), (years, a), (m, mw), (w, ww) in product(
        sexes.items(), ages.items(), _ramp(muscle).items(), _ramp(weight).items()
    ):
        targets.add(vertices, f"{_MACRO}universal-{sex}-{years}-{m}muscle-{w}weight", s * a * mw * ww)
    for (sex, s), (years, a), (name, r) in product(sexes.items(), ages.items(), ancestry.items()):
        targets.add(vertices, f"{_MACRO}{name}-{sex}-{years}", s * a * r)


def _details(targets: Targets) -> list[tuple[str, str | None]]:
    """Pairs (one direction, the other or None) of detail targets, the left side standing for both."""
    found: list[tuple[str, str | None]] = []
    for name in sorted(targets.index):
        skipped = name.startswith(_MACRO) or "/r-" in name or any(part in name for part in _EXCLUDED)
        if skipped or (name.startswith("asym/") and not name.endswith("-l")):
            continue
        ends = next(((low, high) for low, high in _OPPOSITES if name.endswith((low, high))), None)
        if ends is None:
            found.append((name, None))
        elif name.endswith(ends[0]):
            other = name.removesuffix(ends[0]) + ends[1]
            found.append((name, other if other in targets.index else None))
    return found


def _add_details(vertices: NDArray[np.float32], targets: Targets, rng: np.random.Generator) -> None:
    for one, other in _details(targets):
        region = one.partition("/")[0]
        if region == "asym":
            side = one if rng.random() < 0.5 else one[:-1] + "r"
            targets.add(vertices, side, abs(rng.normal(0, 0.16)))
            continue
        weight = float(np.clip(rng.normal(0, _SPREAD[region]), -0.75, 0.75))
        if other is None:
            weight = max(0.0, weight - 0.15)
        name = other if weight > 0 and other is not None else one
        targets.add(vertices, name, abs(weight))
        if "/l-" in name:
            targets.add(vertices, name.replace("/l-", "/r-"), abs(weight) * float(rng.uniform(0.9, 1.1)))


def sample_identity(wheel: Path, seed: int) -> Identity:
    """Draw a head: sex, age, ancestry mix, build, and some 80 details of nose, chin, eyes and so on."""
    heads = load_heads(wheel)
    rng = np.random.default_rng([seed, 0x1D])
    male = float(np.clip(rng.choice([0.08, 0.92]) + rng.normal(0, 0.07), 0, 1))
    age = float(np.clip(rng.beta(1.1, 1.9), 0, 0.92))
    share = rng.dirichlet([0.55, 0.55, 0.55])
    ancestry = {"african": float(share[0]), "asian": float(share[1]), "caucasian": float(share[2])}
    vertices = heads.vertices.copy()
    muscle, weight = rng.uniform(0.3, 0.75), float(np.clip(rng.normal(0.52, 0.16), 0.15, 0.95))
    _add_macros(vertices, heads.shape_targets, male, age, ancestry, muscle, weight)
    _add_details(vertices, heads.shape_targets, rng)
    _lower_skull(heads, vertices)
    return Identity(seed, male, age, vertices=_close_lips(heads, vertices), **ancestry)


def blend_identities(one: Identity, other: Identity, share: float) -> Identity:
    """`one` with `share` of the other's shape: what a generator does that lets the driver's face show."""
    mixed = (1 - share) * one.vertices + share * other.vertices
    return Identity(
        one.seed, one.male, one.age, one.african, one.asian, one.caucasian, mixed.astype(np.float32)
    )


def _lower_skull(heads: HeadData, vertices: NDArray[np.float32]) -> None:
    """Keep the eyes near the middle of the head's height, as in people; details add up to egg heads."""
    eyes = float(vertices[14598:14742, 1].mean())
    body = np.arange(len(vertices)) < 13380
    skull = body & (heads.vertices[:, 1] > 7.28) & (heads.head_weight > 0.9)
    face = body & (heads.vertices[:, 1] > 6.05) & (heads.vertices[:, 2] > 0.9)
    above = float(vertices[skull, 1].max()) - eyes
    below = eyes - float(vertices[face & (heads.vertices[:, 1] < 6.6), 1].min())
    factor = min(1.0, 0.94 * below / above)
    height = np.clip(vertices[skull, 1] - eyes, 0, None)
    # Brows keep their place; the crown comes down by the full factor.
    share = np.clip(height / above, 0, 1) ** 0.7
    vertices[skull, 1] -= (height * (1 - factor) * share).astype(np.float32)


def _close_lips(heads: HeadData, vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """Let the lips of the neutral face meet: details of the mouth leave gaps of up to two millimetres."""
    upper, lower = lip_border(heads)
    across = np.linspace(vertices[lower, 0].min(), vertices[lower, 0].max(), 24)
    top = np.interp(across, vertices[upper, 0], vertices[upper, 1])
    bottom = np.interp(across, vertices[lower, 0], vertices[lower, 1])
    gap = np.clip(top - bottom, 0.0, 0.2) + 0.004
    closed = vertices.copy()
    body = np.flatnonzero((heads.vertices[:13380, 1] > 6.3) & (heads.vertices[:13380, 1] < 6.95))
    for border, sign in ((upper, -1.0), (lower, 1.0)):
        distance = np.linalg.norm(heads.vertices[body, None] - heads.vertices[None, border], axis=2)
        nearest = distance.min(axis=1)
        side = np.linalg.norm(
            heads.vertices[body, None] - heads.vertices[None, upper if sign > 0 else lower], axis=2
        )
        mine = nearest <= side.min(axis=1)
        pull = np.where(mine, np.exp(-((nearest / 0.07) ** 2)), 0.0)
        closed[body, 1] += (sign * pull * 0.5 * np.interp(vertices[body, 0], across, gap)).astype(np.float32)
    return closed
