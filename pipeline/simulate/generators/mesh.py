"""`mesh`: the target's head itself re-rendered with the driver's blendshapes, as a game engine does."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d

from pipeline.simulate.degrade import Damage, degrade, wander
from pipeline.simulate.generators.request import Request, Shot
from pipeline.simulate.generators.retarget import retarget
from pipeline.simulate.motion.track import MotionTrack
from pipeline.simulate.portrait import Camera, Scene, build_portrait, render, sample_scene
from pipeline.simulate.rig import pose
from pipeline.simulate.video import sample_codec

_DAMAGE: Final = Damage(
    blur=(0.0, 0.75),
    sharpen=(0.0, 0.5),
    grain=(0.0, 2.5),
    grain_size=(0.0, 1.0),
    fixed=(0.0, 1.0),
    flicker=(0.0, 0.006),
    jitter=(0.0, 0.12),
    freeze=(0.0, 0.01),
    crf=(18, 31),
)
_CAMERA_DAMAGE: Final = Damage(
    blur=(0.25, 0.6),
    sharpen=(0.0, 0.35),
    grain=(0.4, 2.2),
    grain_size=(0.0, 0.7),
    fixed=(0.0, 0.5),
    flicker=(0.0, 0.003),
    jitter=(0.0, 0.05),
    freeze=(0.0, 0.0),
    crf=(16, 22),
)


def hand_held(scene: Scene, frames: int, rng: np.random.Generator) -> list[Camera]:
    """One camera a frame: on a stand, or (three in ten) held with a slow drift of a few millimetres."""
    if rng.random() > 0.3:
        return [scene.camera] * frames
    drift = gaussian_filter1d(wander(rng, frames, 3, 0.985), 5, axis=0) * rng.uniform(0.004, 0.025)
    drift -= drift.mean(axis=0)
    base = scene.camera
    return [
        replace(
            base, aim=(base.aim[0] + d[0], base.aim[1] + d[1], base.aim[2]), azimuth=base.azimuth + 0.2 * d[2]
        )
        for d in drift
    ]


def _render(request: Request, track: MotionTrack, damage: Damage, rng: np.random.Generator) -> Shot:
    portrait = build_portrait(request.wheel, request.target)
    scene = sample_scene(portrait, request.seed)
    cameras = hand_held(scene, len(track), rng)
    frames = render(portrait, scene, pose(portrait.rig, track), cameras)
    return Shot(degrade(frames, damage, rng), sample_codec(rng, *damage.crf))


def render_mesh(request: Request) -> Shot:
    """The blendshape avatar."""
    rng = np.random.default_rng([request.seed, 0x3E])
    return _render(request, retarget(request.track, rng), _DAMAGE, rng)


def render_original(request: Request) -> Shot:
    """A recording of the person: the same renderer, the losses of a good camera only."""
    return _render(request, request.track, _CAMERA_DAMAGE, np.random.default_rng([request.seed, 0x3F]))
