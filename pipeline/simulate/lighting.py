"""Light on a portrait: a key, a fill, a rim and a sky; occlusion and the key's soft shadow baked once."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.rasteriser import HAIR, rasterise

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Lighting:
    """`lights` float32 [5, 8] as rasteriser.light_vertices takes them; `exposure` the gain of the image."""

    lights: F32
    exposure: float


def _direction(azimuth: float, elevation: float) -> list[float]:
    return [
        float(np.sin(azimuth) * np.cos(elevation)),
        float(np.sin(elevation)),
        float(np.cos(azimuth) * np.cos(elevation)),
    ]


def sample_lighting(rng: np.random.Generator) -> Lighting:
    """Indoor light of many kinds: soft and frontal to hard and from one side, warm to cool."""
    side = rng.choice([-1.0, 1.0])
    warmth = rng.normal(0, 0.10)
    key_colour = np.exp(np.array([warmth, 0.0, -1.3 * warmth]))
    fill_colour = np.exp(np.array([-0.6 * warmth, 0.0, 0.8 * warmth]) + rng.normal(0, 0.03, 3))
    contrast = rng.beta(1.6, 2.0)  # 0 flat, 1 one lamp only
    key = (0.45 + 0.75 * contrast) * key_colour
    fill = (0.40 * (1 - contrast) + 0.06) * fill_colour
    rim = rng.uniform(0.0, 0.5) ** 2 * fill_colour
    sky = (0.30 * (1 - contrast) + 0.10) * fill_colour * np.exp(rng.normal(0, 0.1))
    lights = np.zeros((5, 8), dtype=np.float32)
    lights[0, :7] = [*_direction(side * rng.uniform(0.05, 1.1), rng.uniform(0.15, 0.95)), *key, 0.32]
    lights[1, :7] = [*_direction(-side * rng.uniform(0.3, 1.0), rng.uniform(-0.1, 0.4)), *fill, 0.5]
    lights[2, :7] = [*_direction(-side * rng.uniform(1.9, 2.7), rng.uniform(0.1, 0.7)), *rim, 0.25]
    lights[3, :3] = sky
    lights[4, :3] = sky * rng.uniform(0.3, 0.7) * np.array([1.05, 1.0, 0.9])
    return Lighting(lights, float(np.exp(rng.normal(-0.15, 0.2))))


@numba.njit(cache=True, nogil=True)
def _seen(screen: F32, depth: F32, zbuffer: F32, slack: float, seen: F32) -> None:
    for v in range(screen.shape[0]):
        x, y = int(screen[v, 0]), int(screen[v, 1])
        if 0 <= x < zbuffer.shape[1] and 0 <= y < zbuffer.shape[0]:
            seen[v] += 1.0 if depth[v] >= zbuffer[y, x] - slack else 0.0
        else:
            seen[v] += 1.0


def visibility(points: F32, normals: F32, triangles: NDArray[np.int32], directions: F32) -> F32:
    """Share of `directions` [K, 3] from which each of `points` [V, 3] is seen, by depth maps; float32 [V].

    A direction below the surface's horizon counts for occlusion neither way.
    """
    size = 160
    total = np.full(len(points), 1e-3, dtype=np.float32)
    open_ = np.full(len(points), 1e-3, dtype=np.float32)
    part = np.full(len(triangles), HAIR, dtype=np.int32)  # both sides
    zbuffer = np.empty((size, size), dtype=np.float32)
    owner = np.empty((size, size), dtype=np.int32)
    for direction in directions:
        forward = direction / np.linalg.norm(direction)
        right = np.cross([0.0, 1.0, 0.01], forward)
        right /= np.linalg.norm(right)
        up = np.cross(forward, right)
        screen = np.stack([points @ right, -(points @ up)], axis=1).astype(np.float32)
        screen = (screen * (size / 4.6) + size / 2).astype(np.float32)
        depth = (points @ forward).astype(np.float32)
        rasterise(screen, depth, triangles, part, zbuffer, owner)
        seen = np.zeros(len(points), dtype=np.float32)
        _seen(screen, depth, zbuffer, 0.06, seen)
        facing = np.clip(normals @ forward, 0, None).astype(np.float32)
        total += facing
        open_ += facing * seen
    return np.asarray(open_ / total, dtype=np.float32)


def sphere_directions(count: int) -> F32:
    """Evenly spread directions [count, 3] (Fibonacci sphere), those from straight below left out."""
    k = np.arange(count) + 0.5
    y = 1 - 1.7 * k / count
    around = np.pi * (1 + 5**0.5) * k
    radius = np.sqrt(1 - y * y)
    return np.stack([radius * np.cos(around), y, radius * np.sin(around)], axis=1).astype(np.float32)


def cone_directions(axis: F32, spread: float, count: int) -> F32:
    """Directions [count, 3] around `axis` within about `spread` radians: a lamp with an extent."""
    rng = np.random.default_rng(7)
    return (axis[None] + spread * rng.normal(0, 0.6, (count, 3))).astype(np.float32)
