"""The painted skin of a head: tone, blotches, freckles, lips, brows, beard, hair and clothes.

The texture lies on a cylinder about the unshaped head (see mesh.cylinder_uv), so that eyes, mouth and
hairline have fixed places on it, whatever the shape of the head that wears it.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.appearance import Appearance
from pipeline.simulate.mesh import TEXTURE_BOTTOM, TEXTURE_TOP

WIDTH: Final = 1024
HEIGHT: Final = 560
_ACROSS: Final = WIDTH / (2 * np.pi)  # pixels per radian
_DOWN: Final = HEIGHT / (TEXTURE_TOP - TEXTURE_BOTTOM)  # pixels per dm

F32 = NDArray[np.float32]

# Places on the cylinder: angle (radians) and height (dm) in the unshaped head.
_EYE: Final = (0.327, 7.285)
_MOUTH: Final = 6.612
_CORNER: Final = 0.262


def _smooth(value: NDArray[np.floating[Any]], low: float, high: float) -> F32:
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def _noise(rng: np.random.Generator, across: float, down: float) -> F32:
    """Smooth noise with blobs of the given size in pixels, unit standard deviation, seamless across."""
    rows, columns = max(3, int(HEIGHT / down) + 2), max(4, int(WIDTH / across))
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    wrapped = np.concatenate([coarse[:, -2:], coarse, coarse[:, :2]], axis=1)
    scale = WIDTH / columns
    wide = cv2.resize(wrapped, (round((columns + 4) * scale), HEIGHT), interpolation=cv2.INTER_CUBIC)
    start = round(2 * scale)
    field = wide[:, start : start + WIDTH]
    return np.asarray(field / (field.std() + 1e-6), dtype=np.float32)


def _mix(texture: F32, colour: tuple[float, float, float] | F32, amount: F32) -> None:
    texture += amount[..., None] * (np.asarray(colour, dtype=np.float32) - texture)


def hairline_height(angle: F32, looks: Appearance) -> F32:
    """Height (dm) above which hair grows, by angle from the nose (radians)."""
    front = looks.hairline
    temple = 0.10 * max(0.0, looks.wrinkles - 0.3) if looks.hair_style != "long" else 0.0
    angles = [0.0, 0.35, 0.7, 0.95, 1.15, 1.3, 1.42, 1.6, 1.9, 2.2, 2.5, 3.2]
    side = 7.12 if looks.hair_style != "buzz" else 7.25
    heights = [
        front,
        front + 0.02,
        front - 0.02 + temple,
        7.72 + temple,
        7.5,
        7.35,
        side,
        7.5,
        7.52,
        7.25,
        6.65,
        6.42,
    ]
    if looks.hair_style == "bald":
        heights = [9.0, 9.0, 9.0, 9.0, 8.2, 7.6, 7.2, 7.5, 7.55, 7.3, 6.7, 6.42]
    swept = looks.sweep * np.sin(2.2 * angle) * (np.abs(angle) < 1.42)  # a fringe brushed to one side
    return np.asarray(np.interp(np.abs(angle), angles, heights) + swept, dtype=np.float32)


def paint_skin(looks: Appearance) -> tuple[F32, F32]:
    """Albedo [H, W, 3] (linear) of the head's cylinder, and the gloss of hair strands [H, W, 3] in [0, 1]."""
    rng = np.random.default_rng([looks.seed, 0x5C])
    angle = ((np.arange(WIDTH) + 0.5) / WIDTH * 2 * np.pi - np.pi).astype(np.float32)[None, :]
    height = (TEXTURE_TOP - (np.arange(HEIGHT) + 0.5) / _DOWN).astype(np.float32)[:, None]
    texture = np.empty((HEIGHT, WIDTH, 3), dtype=np.float32)
    texture[:] = looks.skin
    _complexion(texture, looks, rng, angle, height)
    _lips(texture, looks, rng, angle, height)
    _lids(texture, looks, angle, height)
    _beard(texture, looks, rng, angle, height)
    _brows(texture, looks, rng)
    strands = _hair(texture, looks, rng, angle, height)
    _clothes(texture, strands, looks, rng, angle, height)
    return np.ascontiguousarray(np.clip(texture, 0.002, 0.95)), strands


def _blob(angle: F32, height: F32, at: tuple[float, float], size: tuple[float, float]) -> F32:
    """A Gaussian spot, mirrored left to right. Angle and height in radians and dm."""
    across = (np.abs(angle) - at[0]) / size[0]
    return np.exp(-(across**2) - ((height - at[1]) / size[1]) ** 2).astype(np.float32)


def _complexion(texture: F32, looks: Appearance, rng: np.random.Generator, angle: F32, height: F32) -> None:
    mottle = 0.03 * _noise(rng, 90, 70) + 0.025 * _noise(rng, 24, 20) + 0.022 * _noise(rng, 7, 6)
    pores = 0.03 * _noise(rng, 2.6, 2.6)
    texture *= (1 + mottle + pores)[..., None]
    hue = 0.03 * _noise(rng, 40, 34)
    texture[..., 0] *= 1 + hue
    texture[..., 2] *= 1 - hue
    red = 0.9 * _blob(angle, height, (0.52, 6.92), (0.24, 0.2)) + 0.8 * _blob(
        angle, height, (0.0, 6.93), (0.14, 0.12)
    )
    red += 0.6 * _blob(angle, height, (1.9, 7.1), (0.3, 0.35)) + 0.35 * _blob(
        angle, height, (0.0, 6.3), (0.2, 0.12)
    )
    red *= (1 + 0.25 * _noise(rng, 26, 24)) * looks.redness
    texture *= 1 - np.clip(red, 0, 1.4)[..., None] * np.array([0.02, 0.20, 0.17], dtype=np.float32)
    socket = _blob(angle, height, (0.33, 7.27), (0.24, 0.15)) + 0.7 * _blob(
        angle, height, (0.27, 7.15), (0.18, 0.06)
    )
    texture *= 1 - (0.10 + 0.12 * looks.wrinkles) * socket[..., None] * np.array(
        [0.8, 1, 0.9], dtype=np.float32
    )
    _creases(texture, looks, rng)
    if looks.freckles > 0.05:
        spots = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
        for _ in range(int(500 * looks.freckles)):
            a, h = rng.normal(0, 0.5), rng.normal(6.98, 0.22)
            centre = (int(WIDTH / 2 + a * _ACROSS), int((TEXTURE_TOP - h) * _DOWN))
            cv2.circle(spots, centre, int(rng.integers(1, 3)), float(rng.uniform(0.15, 0.6)), -1, cv2.LINE_AA)
        texture *= 1 - cv2.GaussianBlur(spots, (0, 0), 0.8)[..., None] * np.array(
            [0.25, 0.4, 0.5], np.float32
        )
    for _ in range(int(rng.integers(0, 4))):
        a, h = rng.uniform(-0.9, 0.9), rng.uniform(6.2, 7.8)
        mole = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
        centre = (int(WIDTH / 2 + a * _ACROSS), int((TEXTURE_TOP - h) * _DOWN))
        cv2.circle(mole, centre, int(rng.integers(1, 4)), float(rng.uniform(0.4, 0.8)), -1, cv2.LINE_AA)
        texture *= 1 - cv2.GaussianBlur(mole, (0, 0), 0.7)[..., None] * np.array(
            [0.5, 0.62, 0.66], np.float32
        )


def _creases(texture: F32, looks: Appearance, rng: np.random.Generator) -> None:
    """Lines of age and of expression: forehead, corners of the eyes, nose to mouth, bags."""
    dark = np.zeros((HEIGHT, WIDTH), dtype=np.float32)

    def line(points: list[tuple[float, float]], strength: float, width: int) -> None:
        pixels = [(WIDTH / 2 + a * _ACROSS, (TEXTURE_TOP - h) * _DOWN) for a, h in points]
        polyline = np.array(pixels, dtype=np.float32).reshape(-1, 1, 2)
        stroke = np.zeros_like(dark)
        cv2.polylines(
            stroke, [np.rint(polyline * 8).astype(np.int32)], False, strength, width, cv2.LINE_AA, 3
        )
        np.maximum(dark, stroke, out=dark)

    age = looks.wrinkles
    for side in (-1, 1):
        fold = [(0.2, 6.93), (0.27, 6.84), (0.33, 6.72), (0.36, 6.6)]
        line([(side * a, h) for a, h in fold], 0.12 + 0.35 * age, 2)
        bag = [(0.22, 7.19), (0.3, 7.15), (0.4, 7.17), (0.46, 7.21)]
        line([(side * a, h) for a, h in bag], 0.1 + 0.3 * age, 2)
        fold = [(0.2, 7.33), (0.27, 7.375), (0.36, 7.385), (0.45, 7.355), (0.5, 7.31)]
        line([(side * a, h) for a, h in fold], 0.35, 2)
        for k in range(3):
            rise = (k - 1) * 0.05
            line([(side * 0.55, 7.28 + rise * 0.4), (side * 0.66, 7.28 + rise * 1.5)], 0.3 * age, 1)
    for k in range(3):
        level = 7.62 + 0.11 * k + rng.normal(0, 0.01)
        points = [
            (a, level + 0.015 * np.cos(5 * a) + rng.normal(0, 0.006)) for a in np.linspace(-0.5, 0.5, 9)
        ]
        line(points, 0.3 * age, 1)
    soft = cv2.GaussianBlur(dark, (0, 0), 1.6)
    texture *= 1 - 0.75 * soft[..., None] * np.array([0.75, 1.0, 1.05], dtype=np.float32)


def _lips(texture: F32, looks: Appearance, rng: np.random.Generator, angle: F32, height: F32) -> None:
    along = np.clip(np.abs(angle) / _CORNER, 0, 1.2)
    bow = (
        0.086 * looks.lip_fullness * (1 - along**2.2)
        - 0.012 * np.exp(-((angle / 0.035) ** 2))
        - 0.012 * (along > 1)
    )
    under = 0.112 * looks.lip_fullness * np.sqrt(np.clip(1 - along**2, 0, 1)) * (0.9 + 0.1 * along)
    top, bottom = _MOUTH + bow, _MOUTH - under
    inside = _smooth(height - bottom, -0.012, 0.014) * _smooth(top - height, -0.012, 0.012)
    inside = inside * _smooth(_CORNER * 1.04 - np.abs(angle), -0.01, 0.02)
    fine = 1 + 0.10 * _noise(rng, 2.5, 14)
    amount = (0.85 * inside).astype(np.float32)
    _mix(texture, np.asarray(looks.lips, dtype=np.float32) * fine[..., None], amount)
    part = np.exp(-(((height - _MOUTH) / 0.012) ** 2)) * _smooth(_CORNER * 1.1 - np.abs(angle), -0.02, 0.03)
    texture *= 1 - 0.55 * part[..., None].astype(np.float32)


def _lids(texture: F32, looks: Appearance, angle: F32, height: F32) -> None:
    across = (np.abs(angle) - _EYE[0]) / 0.145
    rise = np.where(height > _EYE[1], 0.047, 0.04)
    ring = np.sqrt(across**2 + ((height - _EYE[1]) / rise) ** 2)
    rim = np.exp(-(((ring - 0.95) / 0.22) ** 2)) * np.where(height > _EYE[1] - 0.015, 1.0, 0.5)
    _mix(texture, (0.012, 0.008, 0.007), (rim * (0.35 + 0.55 * looks.liner)).astype(np.float32))
    texture *= 1 - 0.18 * np.exp(-((ring / 1.6) ** 2))[..., None].astype(np.float32)


def _brows(texture: F32, looks: Appearance, rng: np.random.Generator) -> None:
    cover = np.zeros((HEIGHT * 2, WIDTH * 2), dtype=np.float32)
    for side in (-1, 1):
        for _ in range(330):
            t = float(rng.beta(0.9, 1.15))
            a = 0.13 + 0.45 * t
            spine = (
                7.448
                + looks.brow_height
                + 0.075 * looks.brow_arch * np.sin(np.pi * min(1, t * 0.85))
                - 0.05 * t**2.5
            )
            half = 0.038 * looks.brow_thickness * (1 - 0.7 * t**1.6) * (0.55 + 0.45 * min(1.0, t * 8))
            h = spine + half * float(np.clip(rng.normal(0, 0.55), -1, 1))
            lean = np.deg2rad(80 - 75 * min(1.0, t * 1.7) + rng.normal(0, 10))
            length = float(rng.uniform(0.025, 0.05))
            start = np.array([WIDTH + side * a * _ACROSS * 2, (TEXTURE_TOP - h) * _DOWN * 2])
            step = np.array([side * np.cos(lean) * length * _ACROSS * 2, -np.sin(lean) * length * _DOWN * 2])
            begin, end = np.rint(start * 8).astype(int), np.rint((start + step) * 8).astype(int)
            stroke = float(rng.uniform(0.5, 0.95))
            cv2.line(cover, tuple(map(int, begin)), tuple(map(int, end)), stroke, 1, cv2.LINE_AA, 3)
    cover = cv2.GaussianBlur(cover, (0, 0), 0.8)
    amount = cv2.resize(cover, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    veil = cv2.GaussianBlur(amount, (0, 0), 3.0)
    _mix(texture, looks.brow, np.clip(amount * 1.25 + 0.45 * veil, 0, 0.95))


def _beard(texture: F32, looks: Appearance, rng: np.random.Generator, angle: F32, height: F32) -> None:
    if looks.beard <= 0:
        return
    jaw = np.interp(np.abs(angle), [0, 0.3, 0.6, 1.0, 1.3, 1.5], [6.52, 6.5, 6.62, 6.8, 7.1, 7.2]).astype(
        np.float32
    )
    below = _smooth(jaw + 0.03 * _noise(rng, 12, 10) - height, -0.06, 0.1) * _smooth(height, 6.08, 6.26)
    below = below * _smooth(1.55 - np.abs(angle), -0.1, 0.1)
    lip = _blob(angle, height, (0.12, 6.755), (0.17, 0.055)) + _blob(
        angle, height, (0.31, 6.62), (0.06, 0.14)
    )
    mouth = _smooth(np.hypot(angle / 0.29, (height - _MOUTH + 0.01) / 0.115), 0.85, 1.05)
    area = np.clip(below * looks.beard + np.clip(lip, 0, 1) * looks.moustache, 0, 1) * mouth
    grain = np.clip(0.62 + 0.5 * _noise(rng, 1.6, 3.2), 0, 1.3)
    shade = tuple(0.6 * h + 0.1 * s for h, s in zip(looks.hair, looks.skin, strict=True))
    _mix(texture, (shade[0], shade[1], shade[2]), np.clip(area * grain * (0.3 + 0.62 * looks.beard), 0, 0.93))


def _hair(texture: F32, looks: Appearance, rng: np.random.Generator, angle: F32, height: F32) -> F32:
    """Paint hair above the hairline; returns the gloss of its strands."""
    curl = looks.curl
    locks = _noise(rng, 14 + 10 * curl, 90 - 60 * curl)
    strand = _noise(rng, 2.2 + 2.0 * curl, 60 - 52 * curl)
    fine = _noise(rng, 1.6, 30 - 24 * curl)
    depth = np.clip(1 + 0.22 * locks + 0.30 * strand + 0.18 * fine, 0.25, 1.9)
    edge = hairline_height(angle, looks) + 0.03 * strand + 0.035 * fine
    soft = 0.05 if looks.hair_style in ("short", "full", "long", "bob") else 0.14
    cover = _smooth(height - edge, -soft, soft)
    if looks.hair_style in ("buzz", "bald"):
        cover *= 0.72 if looks.hair_style == "buzz" else 0.5
    line = 0.5 * np.exp(-(((angle - looks.parting) / 0.02) ** 2)) * _smooth(height, 8.0, 8.3)
    cover = cover * (1 - (line if looks.hair_style in ("long", "bob") else 0))
    _mix(texture, np.asarray(looks.hair, dtype=np.float32) * depth[..., None], cover.astype(np.float32))
    gloss = np.clip(0.5 + 0.5 * strand + 0.3 * fine, 0, 2) * cover * (1 - 0.7 * curl)
    return np.repeat(gloss[..., None], 3, axis=2).astype(np.float32)


def _clothes(
    texture: F32, strands: F32, looks: Appearance, rng: np.random.Generator, angle: F32, height: F32
) -> None:
    front = np.exp(-((angle / (0.35 + 0.25 * looks.neckline_depth)) ** 2))
    side = _smooth(np.abs(angle), 0.35, 1.1)  # over the shoulders, up to the neck
    collar = looks.neckline + (5.93 - looks.neckline) * side - looks.neckline_depth * front
    below = _smooth(collar - height, -0.008, 0.008)
    band = _smooth(collar - height, 0.0, 0.01) * _smooth(height - collar + 0.07, -0.01, 0.01)
    weave = 1 + 0.05 * _noise(rng, 3, 3) + 0.10 * _noise(rng, 40, 26)
    _mix(texture, np.asarray(looks.cloth, dtype=np.float32) * weave[..., None], below.astype(np.float32))
    _mix(texture, looks.cloth_trim, (0.8 * band).astype(np.float32))
    strands *= 1 - below[..., None].astype(np.float32)
