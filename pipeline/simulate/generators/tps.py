"""`tps`: one still of the target, warped by a thin-plate spline on sparse keypoints of the driver.

The driver's keypoints move as on the driver's own head, and their displacements are added to the
target's (relative motion, as first-order and thin-plate motion models do). The inside of an opening
mouth, which the still does not show, is synthesised.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.degrade import Damage, degrade
from pipeline.simulate.generators.keypoints import INNER_LOWER, INNER_UPPER, in_order, keypoint_vertices
from pipeline.simulate.generators.request import Request, Shot
from pipeline.simulate.generators.retarget import retarget
from pipeline.simulate.motion.track import INDEX, MotionTrack
from pipeline.simulate.portrait import (
    SIZE,
    Portrait,
    Scene,
    build_portrait,
    camera_points,
    render,
    sample_scene,
)
from pipeline.simulate.rig import Rig, pose, subset
from pipeline.simulate.video import sample_codec

F32 = NDArray[np.float32]

_DAMAGE: Final = Damage(
    blur=(0.2, 1.1),
    sharpen=(0.0, 0.4),
    grain=(0.0, 1.5),
    grain_size=(0.0, 1.4),
    fixed=(0.0, 1.0),
    flicker=(0.0, 0.006),
    jitter=(0.0, 0.10),
    freeze=(0.0, 0.01),
    crf=(19, 32),
)
_STEP: Final = 2  # pixels between two points where the spline is evaluated


def _radial(squared: NDArray[np.float64]) -> NDArray[np.float64]:
    """The spline's basis r^2 log r^2 of squared distances, finite at zero."""
    shifted = squared + 1e-3
    return np.asarray(shifted * np.log(shifted))


#: The basis at whole squared distances, up to beyond the frame's diagonal: a logarithm costs ten times more.
_BASIS: Final = _radial(np.arange(2 * (2 * SIZE) ** 2, dtype=np.float64)).astype(np.float32)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _evaluate(nodes: F32, weights: F32, basis: F32, step: float, out: F32) -> None:
    down, across = out.shape[0], out.shape[1]
    count = nodes.shape[0]
    for j in range(down):
        for i in range(across):
            x, y = i * step, j * step
            u = weights[count, 0] + weights[count + 1, 0] * x + weights[count + 2, 0] * y
            v = weights[count, 1] + weights[count + 1, 1] * x + weights[count + 2, 1] * y
            for k in range(count):
                dx, dy = x - nodes[k, 0], y - nodes[k, 1]
                squared = min(dx * dx + dy * dy, basis.shape[0] - 2.0)
                whole = int(squared)
                part = squared - whole
                value = basis[whole] + part * (basis[whole + 1] - basis[whole])
                u += weights[k, 0] * value
                v += weights[k, 1] * value
            out[j, i, 0] = u
            out[j, i, 1] = v


def spline(nodes: F32, weights: F32, step: float, out: F32) -> None:
    """Evaluate a spline every `step` pixels: `nodes` [K, 2], `weights` [K + 3, 2], `out` [H, W, 2]."""
    _evaluate(nodes, weights, _BASIS, step, out)


def fit(nodes: F32, values: F32, stiffness: float) -> F32:
    """Weights [K + 3, 2] of the thin-plate spline with `values` [K, 2] at `nodes` [K, 2] (Bookstein 1989)."""
    count = len(nodes)
    difference = nodes[:, None].astype(np.float64) - nodes[None]
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _radial((difference**2).sum(axis=2)) + stiffness * np.eye(count)
    system[:count, count] = system[count, :count] = 1
    system[:count, count + 1 :] = nodes
    system[count + 1 :, :count] = nodes.T
    right = np.zeros((count + 3, 2))
    right[:count] = values
    return np.linalg.solve(system, right).astype(np.float32)


def _neutral(frames: int = 1) -> MotionTrack:
    zero = np.zeros((frames, 3), np.float32)
    return MotionTrack(np.zeros((frames, len(INDEX)), np.float32), zero, zero)


@lru_cache(maxsize=64)
def _driver_rig(wheel: Path, seed: int) -> tuple[Rig, float]:
    """The driver's keypoints with their motion, and the height of its face (dm)."""
    portrait = build_portrait(wheel, seed)
    rig = subset(portrait.rig, keypoint_vertices(portrait.mesh))
    return rig, float(np.ptp(rig.neutral[:, 1]))


def _still(portrait: Portrait, scene: Scene, rng: np.random.Generator) -> tuple[NDArray[np.uint8], F32]:
    """One picture of the target at ease, uint8 [SIZE, SIZE, 3], and its keypoints [K, 2] in pixels."""
    track = _neutral()
    coefficients = track.coefficients.copy()
    for name in ("mouthSmileLeft", "mouthSmileRight"):
        coefficients[0, INDEX[name]] = float(rng.uniform(0, 0.1))
    head = rng.normal(0, [0.05, 0.03, 0.02], (1, 3)).astype(np.float32)
    points = pose(portrait.rig, replace(track, coefficients=coefficients, head=head))
    picture = render(portrait, scene, points, [scene.camera])[0]
    screen, _ = camera_points(points[0, keypoint_vertices(portrait.mesh)], scene.camera, SIZE)
    return picture, screen


def _anchors() -> F32:
    """Points that stay: the frame's border."""
    edge = np.linspace(0, SIZE - 1, 6)
    side = [(x, y) for x in edge for y in (0.0, SIZE - 1.0)] + [
        (x, y) for x in (0.0, SIZE - 1.0) for y in edge[1:-1]
    ]
    return np.array([p for p in side if p[1] < SIZE - 2], dtype=np.float32)


def _mouth(image: NDArray[np.uint8], points: F32, shade: float, warm: F32) -> NDArray[np.uint8]:
    """Fill the opening between the inner lips `points` [K, 2] with a dark cavity and a row of teeth."""
    upper, lower = points[INNER_UPPER], points[INNER_LOWER]
    gap = lower[:, 1] - upper[:, 1]
    opening = float(gap.max())
    if opening < 1.2:
        return image
    scale = 8
    outline = np.rint(np.concatenate([upper, lower[::-1]]) * scale).astype(np.int32)
    x0, y0 = np.maximum(np.floor(np.concatenate([upper, lower]).min(axis=0)).astype(int) - 4, 0)
    x1, y1 = np.minimum(np.ceil(np.concatenate([upper, lower]).max(axis=0)).astype(int) + 5, SIZE)
    mask = np.zeros((SIZE, SIZE), np.float32)
    cv2.fillPoly(mask, [outline], 1.0, cv2.LINE_AA, 3)
    window = mask[y0:y1, x0:x1]
    window = cv2.GaussianBlur(window, (0, 0), 0.7) * min(1.0, (opening - 1.2) / 2.0)
    y = np.arange(y0, y1, dtype=np.float32)[:, None]
    x = np.arange(x0, x1, dtype=np.float32)
    top = np.interp(x, upper[:, 0], upper[:, 1])[None]
    bottom = np.interp(x, lower[:, 0], lower[:, 1])[None]
    width = float(np.ptp(upper[:, 0]))
    below, above = (y - top) / width, (bottom - y) / width
    arch = 1 - ((x - upper[:, 0].mean()) / (0.56 * width)) ** 2
    teeth = (
        1
        / (1 + np.exp((below - min(0.12, 0.45 * opening / width) * np.clip(arch, 0, 1)) / 0.018))
        * np.clip(arch[None] * 2, 0, 1)
    )
    tongue = np.exp(-(((above - 0.05) / 0.11) ** 2)) * np.clip(arch[None], 0, 1)
    colour = (
        np.array([38, 16, 15], np.float32) * shade
        + tongue[..., None] * np.array([95, 38, 36], np.float32) * shade
    )
    colour += teeth[..., None] * (warm * shade - colour)
    patch = image[y0:y1, x0:x1].astype(np.float32)
    patch += window[..., None] * (colour - patch)
    out = image.copy()
    out[y0:y1, x0:x1] = np.clip(patch, 0, 255).astype(np.uint8)
    return out


def render_tps(request: Request) -> Shot:
    """The target's still, moved by the driver's keypoints."""
    rng = np.random.default_rng([request.seed, 0x7B])
    portrait = build_portrait(request.wheel, request.target)
    scene = sample_scene(portrait, request.seed)
    picture, home = _still(portrait, scene, rng)
    rig, driver_height = _driver_rig(request.wheel, request.driver)
    own = float(np.ptp(portrait.rig.neutral[keypoint_vertices(portrait.mesh), 1]))
    driven, _ = camera_points(pose(rig, retarget(request.track, rng)), scene.camera, SIZE)
    rest, _ = camera_points(pose(rig, _neutral())[0], scene.camera, SIZE)
    moved = home + (driven - rest) * np.float32(own / driver_height * rng.uniform(0.9, 1.05))
    moved = in_order(moved, home)
    anchors = _anchors()
    count = SIZE // _STEP + 2
    grid = np.empty((count, count, 2), np.float32)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / _STEP
    stiffness = float(np.exp(rng.uniform(np.log(0.5), np.log(15.0))))
    source = np.concatenate([home, anchors])
    face = picture[
        int(home[:, 1].min()) : int(home[:, 1].max()), int(home[:, 0].min()) : int(home[:, 0].max())
    ]
    light = float(face.mean()) / 140
    warm = np.array([212, 192, 165], np.float32) * float(rng.uniform(0.65, 0.95))
    frames = np.empty((len(request.track), SIZE, SIZE, 3), np.uint8)
    for n, points in enumerate(moved):
        nodes = np.concatenate([points, anchors]).astype(np.float32)
        spline(nodes, fit(nodes, source, stiffness), float(_STEP), grid)
        warp = cv2.remap(grid, x, y, cv2.INTER_LINEAR)
        image = cv2.remap(
            picture, warp[..., 0], warp[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        frames[n] = _mouth(image, points, light, warm)
    return Shot(degrade(frames, _DAMAGE, rng), sample_codec(rng, *_DAMAGE.crf))
