"""A target ready to be rendered: shape, paint and rig of one identity, and the scene it is filmed in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.appearance import Appearance, sample_appearance
from pipeline.simulate.exposure import expose
from pipeline.simulate.head_data import load_heads
from pipeline.simulate.identity import Identity, blend_identities, sample_identity
from pipeline.simulate.lighting import (
    Lighting,
    cone_directions,
    sample_lighting,
    sphere_directions,
    visibility,
)
from pipeline.simulate.mesh import Mesh, portrait_mesh
from pipeline.simulate.paint import paint_skin
from pipeline.simulate.rasteriser import SAMPLES, VEIL, light_vertices, rasterise, shade, vertex_normals
from pipeline.simulate.rig import Rig, build_rig

F32 = NDArray[np.float32]
Frame = NDArray[np.uint8]

SIZE: Final = 256  # pixels, as NVFAIR's videos


@dataclass(frozen=True)
class Portrait:
    """One identity's static data. `colour` float32 [V, 3] albedo of unpainted parts, `gloss` [V],
    `occlusion` [V] in [0, 1], `eye_frame` [V, 3], `iris` [5] colour, iris and pupil radius.
    """

    identity: Identity
    looks: Appearance
    mesh: Mesh
    rig: Rig
    skin: F32
    strands: F32
    colour: F32
    gloss: F32
    occlusion: F32
    eye_frame: F32
    iris: F32


@dataclass(frozen=True)
class Camera:
    """`distance` (dm) and `focal` (pixels per radian at the centre of a SIZE image), `aim` [3] the point
    looked at, `azimuth` and `elevation` of the camera about it, radians.
    """

    distance: float
    focal: float
    aim: tuple[float, float, float]
    azimuth: float
    elevation: float


@dataclass(frozen=True)
class Scene:
    """Light, camera and what lies behind: `background` float32 [SIZE, SIZE, 3], linear."""

    lighting: Lighting
    camera: Camera
    background: F32


@lru_cache(maxsize=6)
def build_portrait(wheel: Path, seed: int) -> Portrait:
    """The portrait of identity `seed`; about a quarter of a second, kept for the next clip."""
    return portrait_of(wheel, sample_identity(wheel, seed))


def bled_portrait(wheel: Path, seed: int, driver: int, share: float) -> Portrait:
    """The portrait of `seed` with `share` of the driver's head shape in it."""
    mixed = blend_identities(sample_identity(wheel, seed), sample_identity(wheel, driver), share)
    return portrait_of(wheel, mixed)


def portrait_of(wheel: Path, identity: Identity) -> Portrait:
    """Everything about an identity that does not change from frame to frame."""
    looks = sample_appearance(identity)
    mesh = portrait_mesh(wheel, looks.hair_style, looks.glasses is not None)
    rig = build_rig(load_heads(wheel), mesh, identity, looks)
    skin, strands = _painted(looks)
    normals = np.empty_like(rig.neutral)
    vertex_normals(rig.neutral, mesh.triangles, normals)
    casts = np.ascontiguousarray(mesh.triangles[mesh.part != VEIL])
    occlusion = visibility(rig.neutral, normals, casts, sphere_directions(40))
    colour, gloss = _materials(mesh, looks)
    eye_frame = np.zeros_like(rig.neutral)
    for vertices, centre in rig.eyes:
        eye_frame[vertices] = rig.neutral[vertices] - centre
        # The lid's shadow on the eyeball; depth maps are too coarse for it.
        height = (rig.neutral[vertices, 1] - centre[1]) / 0.15
        occlusion[vertices] = np.clip(0.80 - 0.9 * height, 0.25, 0.95)
    for name, value in (("upper_teeth", 0.42), ("lower_teeth", 0.26), ("tongue", 0.10)):
        occlusion[mesh.region[name]] = value
    inside = mesh.region["cavity"]
    lining = np.setdiff1d(inside, mesh.region["skin"])
    depth = mesh.base[lining, 2]
    occlusion[lining] = np.clip(0.03 + 0.4 * (depth - 1.32) / 0.2, 0.02, 0.35)
    iris = np.array([*looks.iris, looks.iris_radius, looks.pupil], dtype=np.float32)
    return Portrait(identity, looks, mesh, rig, skin, strands, colour, gloss, occlusion, eye_frame, iris)


@lru_cache(maxsize=8)
def _painted(looks: Appearance) -> tuple[F32, F32]:
    return paint_skin(looks)


def _materials(mesh: Mesh, looks: Appearance) -> tuple[F32, F32]:
    region = mesh.region
    colour = np.full((len(mesh.source), 3), 0.3, dtype=np.float32)
    gloss = np.zeros(len(mesh.source), dtype=np.float32)
    base = mesh.base
    gloss[region["skin"]] = 0.42 * looks.oil
    gloss[base[:, 1] < 6.2] *= 0.6
    gloss[base[:, 1] < looks.neckline + 0.12] = 0.0
    lips = (np.abs(base[:, 1] - 6.61) < 0.1) & (np.abs(base[:, 0]) < 0.25) & (base[:, 2] > 1.2)
    gloss[lips] *= 1.5
    gloss[region["hair"]] = 0.8
    if "curtain" in region:
        gloss[region["curtain"]] = 0.8
    if looks.glasses is not None:
        colour[region["glasses"]] = looks.glasses
        gloss[region["glasses"]] = 0.8
    gum = np.array([0.42, 0.16, 0.14], dtype=np.float32)
    enamel = np.array([0.72, 0.66, 0.55], dtype=np.float32)
    for name, root in (("upper_teeth", base[region["upper_teeth"], 1].max()), ("lower_teeth", 6.42)):
        away = np.abs(base[region[name], 1] - root)[:, None]
        colour[region[name]] = gum + np.clip(away / 0.06 - 0.2, 0, 1) * (enamel - gum)
        gloss[region[name]] = 0.5
    colour[region["tongue"]] = (0.42, 0.14, 0.13)
    gloss[region["tongue"]] = 0.25
    colour[region["cavity"]] = np.asarray(looks.lips, dtype=np.float32) * np.array(
        [0.8, 0.6, 0.6], np.float32
    )
    colour[region["socket"]] = np.asarray(looks.skin, dtype=np.float32) * np.array(
        [0.9, 0.6, 0.55], np.float32
    )
    colour[region["lashes"]] = (0.012, 0.009, 0.008)
    return colour, gloss


def sample_scene(portrait: Portrait, seed: int) -> Scene:
    """Light, camera and background of one recording; the seed belongs to the clip, not to the person."""
    rng = np.random.default_rng([seed, 0x5E])
    lighting = sample_lighting(rng)
    rig = portrait.rig
    skin = portrait.mesh.region["skin"]
    face = skin[(portrait.mesh.base[skin, 2] > 0.9) & (portrait.mesh.base[skin, 1] > 6.05)]
    chin = float(rig.neutral[face, 1].min())
    brow_top = float(np.interp(7.95, [7.28, 8.49], [0.0, float(rig.neutral[skin, 1].max())]))
    face_height = brow_top - chin
    share = float(np.clip(rng.normal(0.68, 0.06), 0.54, 0.82))  # of the frame's height
    distance = float(rng.uniform(7.0, 16.0))
    focal = share * SIZE / face_height * (distance - 1.0)
    middle = 0.5 * (chin + brow_top) + face_height * float(rng.normal(0.03, 0.03))
    aim = (float(rng.normal(0, 0.06)), middle, 0.0)
    camera = Camera(distance, focal, aim, float(rng.normal(0, 0.09)), float(rng.normal(0.02, 0.06)))
    return Scene(lighting, camera, _background(rng))


def _background(rng: np.random.Generator) -> F32:
    """A wall, a blurred room or a studio gradient, linear RGB."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / SIZE
    tone = np.exp(rng.uniform(np.log(0.03), np.log(0.55)))
    colour = tone * np.exp(rng.normal(0, 0.22, 3))
    tilt = rng.normal(0, 0.5, 2)
    image = colour[None, None] * np.exp(tilt[0] * (x - 0.5) + tilt[1] * (y - 0.5))[..., None]
    kind = rng.random()
    if kind < 0.5:  # a room out of focus: upright and level shapes
        for _ in range(int(rng.integers(4, 12))):
            x0, y0, w, h = (
                rng.uniform(-0.2, 1.0),
                rng.uniform(-0.2, 1.0),
                rng.uniform(0.05, 0.6),
                rng.uniform(0.05, 0.8),
            )
            inside = (x > x0) & (x < x0 + w) & (y > y0) & (y < y0 + h)
            image[inside] *= np.exp(rng.normal(0, 0.5) + rng.normal(0, 0.15, 3))
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(2.5, 14)))
    elif kind < 0.8:  # a painted wall or cloth
        blotch = cv2.resize(
            rng.standard_normal((12, 12)).astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC
        )
        fine = cv2.GaussianBlur(rng.standard_normal((SIZE, SIZE)).astype(np.float32), (0, 0), 1.0)
        image = image * np.exp(0.12 * blotch + 0.03 * fine)[..., None]
    falloff = 1 - rng.uniform(0, 0.7) * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    return np.ascontiguousarray(np.clip(image * falloff[..., None], 0.002, 1.0), dtype=np.float32)


def camera_points(points: F32, camera: Camera, size: int) -> tuple[F32, F32]:
    """Project points [..., 3]: pixels float32 [..., 2] in an image of `size`, and depth, larger is nearer."""
    seen = (points - np.asarray(camera.aim, dtype=np.float32)) @ _axes(camera).T
    away = np.float32(camera.distance) - seen[..., 2]
    scale = np.float32(camera.focal * size / SIZE) / away
    screen = np.stack([size / 2 + seen[..., 0] * scale, size / 2 - seen[..., 1] * scale], axis=-1)
    return np.ascontiguousarray(screen, dtype=np.float32), np.ascontiguousarray(1.0 / away, dtype=np.float32)


def eye_position(camera: Camera) -> F32:
    """Where the camera stands, float32 [3] in dm."""
    place: F32 = np.asarray(camera.aim, np.float32) + np.float32(camera.distance) * _axes(camera)[2]
    return place


def _axes(camera: Camera) -> F32:
    """Right, up and towards the camera, as rows: float32 [3, 3]."""
    ca, sa = np.cos(camera.azimuth), np.sin(camera.azimuth)
    ce, se = np.cos(camera.elevation), np.sin(camera.elevation)
    return np.array([[ca, 0, -sa], [-sa * se, ce, -ca * se], [sa * ce, se, ca * ce]], dtype=np.float32)


def render(portrait: Portrait, scene: Scene, points: F32, cameras: list[Camera], size: int = SIZE) -> Frame:
    """Frames uint8 [N, size, size, 3] RGB of `points` [N, V, 3]; one camera a frame."""
    mesh, lights = portrait.mesh, scene.lighting.lights
    normals = np.empty_like(portrait.rig.neutral)
    vertex_normals(portrait.rig.neutral, mesh.triangles, normals)
    casts = np.ascontiguousarray(mesh.triangles[mesh.part != VEIL])
    lamp = cone_directions(lights[0, :3], 0.22, 12)
    shadow = visibility(portrait.rig.neutral, normals, casts, lamp)
    for name in ("left_eye", "right_eye", "upper_teeth", "lower_teeth", "tongue", "cavity"):
        shadow[mesh.region[name]] = portrait.occlusion[mesh.region[name]]
    background = scene.background
    if size != SIZE:
        background = np.ascontiguousarray(cv2.resize(background, (size, size), interpolation=cv2.INTER_AREA))
    count = len(portrait.rig.neutral)
    diffuse, shine = np.empty((count, 3), np.float32), np.empty(count, np.float32)
    zbuffer = np.empty((size * SAMPLES, size * SAMPLES), np.float32)
    owner = np.empty((size * SAMPLES, size * SAMPLES), np.int32)
    image = np.empty((size, size, 3), np.float32)
    frames = np.empty((len(points), size, size, 3), np.uint8)
    for n, camera in enumerate(cameras):
        screen, depth = camera_points(points[n], camera, size * SAMPLES)
        vertex_normals(points[n], mesh.triangles, normals)
        eye = eye_position(camera)
        light_vertices(
            points[n], normals, portrait.occlusion, shadow, portrait.gloss, lights, eye, diffuse, shine
        )
        rasterise(screen, depth, mesh.triangles, mesh.part, zbuffer, owner)
        glints = _glints(lights, eye)
        shade(
            *(
                screen,
                mesh.triangles,
                mesh.part,
                mesh.corner_uv,
                portrait.skin,
                portrait.strands,
                portrait.colour,
            ),
            *(diffuse, shine, normals, portrait.eye_frame, portrait.iris, glints, owner, background, image),
        )
        expose(image, scene.lighting.exposure, frames[n])
    return frames


def _glints(lights: F32, eye: F32) -> F32:
    """Half vectors and strengths [2, 4] of the lamps mirrored in the eyes."""
    toward = eye / np.linalg.norm(eye)
    half = lights[:2, :3] + toward
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    return np.concatenate([half, 0.8 * lights[:2, 3:6].mean(axis=1, keepdims=True)], axis=1).astype(
        np.float32
    )
