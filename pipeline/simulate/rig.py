"""Pose a head: face units, eyeballs turned by the gaze, head turned on the neck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.appearance import Appearance
from pipeline.simulate.head_data import HeadData
from pipeline.simulate.identity import Identity
from pipeline.simulate.mesh import AXIS_Z, Mesh
from pipeline.simulate.motion.track import INDEX, MotionTrack
from pipeline.simulate.paint import hairline_height
from pipeline.simulate.wear import glasses_points

F32 = NDArray[np.float32]

#: Turn of the eyeball at coefficient 1, radians (Apple's range is about 30 degrees across and 25 down).
_GAZE_ACROSS: Final = 0.50
_GAZE_DOWN: Final = 0.40
#: Half the distance between the ears and the chin's depth: the unit of a track's translation (dm).
HEAD_RADIUS: Final = 0.95
_JOINT_HEAD: Final = slice(14070, 14078)
_JOINT_NECK: Final = slice(14534, 14542)


@dataclass(frozen=True)
class Rig:
    """Neutral points and how they move. Lengths in dm, origin between the eyes.

    `neutral` float32 [V, 3]; `units` float32 [52, V * 3]; `follows` float32 [V] share of the head's
    turn; `sways` float32 [V] share of its translation; `pivot` [3] the joint it turns about; `eyes` the
    two eyeballs as (vertices, centre).
    """

    neutral: F32
    units: F32
    follows: F32
    sways: F32
    pivot: F32
    eyes: tuple[tuple[NDArray[np.int32], F32], ...]


def build_rig(heads: HeadData, mesh: Mesh, identity: Identity, looks: Appearance) -> Rig:
    """Fit the face units to one identity and lift its hair off the scalp."""
    shaped = identity.vertices
    eyes_at = np.stack([shaped[14598:14670].mean(axis=0), shaped[14670:14742].mean(axis=0)])
    origin = eyes_at.mean(axis=0).astype(np.float32)
    neutral = shaped[mesh.source] - origin
    units = heads.face_units[:, mesh.source].copy()
    region = mesh.region
    for side, name in (("Left", "left_eye"), ("Right", "right_eye")):
        for way in ("Up", "Down", "In", "Out"):
            units[INDEX[f"eyeLook{way}{side}"], region[name]] = 0  # turned below instead
    # The tongue lies on the floor of the mouth when the jaw opens; the unit alone leaves it at the palate.
    tongue = region["tongue"]
    units[INDEX["jawOpen"], tongue, 1] -= 0.16
    units[INDEX["jawOpen"], tongue, 2] -= 0.05
    neutral[tongue, 1] -= 0.05
    neutral[tongue, 2] -= 0.06
    for name in ("upper_teeth", "lower_teeth"):
        neutral[region[name], 2] -= 0.035
    neutral[region["lower_teeth"], 1] -= 0.05
    neutral[region["upper_teeth"], 1] -= 0.04  # the incisors' edge shows as soon as the lips part
    _fit_blink(units, heads, identity)
    _lift_hair(neutral, mesh, looks)
    _put_on(neutral, units, mesh, looks)
    follows = heads.head_weight[mesh.source].copy()
    if "curtain" in region:  # the ends lie on the shoulders
        follows[region["curtain"]] = np.clip((mesh.base[region["curtain"], 1] - 5.0) / 1.6, 0.3, 1)
    sways = np.clip(0.25 + 0.75 * follows, 0, 1)
    pivot = 0.5 * (shaped[_JOINT_HEAD].mean(axis=0) + shaped[_JOINT_NECK].mean(axis=0)) - origin
    sides = (region["left_eye"], region["right_eye"])
    eyes = tuple((eye, 0.5 * (neutral[eye].min(axis=0) + neutral[eye].max(axis=0))) for eye in sides)
    return Rig(
        neutral=neutral.astype(np.float32),
        units=np.ascontiguousarray(units.reshape(len(units), -1), dtype=np.float32),
        follows=follows.astype(np.float32),
        sways=sways.astype(np.float32),
        pivot=pivot.astype(np.float32),
        eyes=eyes,
    )


def _fit_blink(units: F32, heads: HeadData, identity: Identity) -> None:
    """Scale the blink so that eyes of any height close: the unit was drawn for one opening."""
    for side, eye in (("Left", slice(14598, 14670)), ("Right", slice(14670, 14742))):
        row = INDEX[f"eyeBlink{side}"]
        radius = np.ptp(heads.vertices[eye, 1]) / 2
        shaped = np.ptp(identity.vertices[eye, 1]) / 2
        units[row] *= float(np.clip(shaped / radius, 0.9, 1.2)) * 1.02


def _lift_hair(neutral: F32, mesh: Mesh, looks: Appearance) -> None:
    """Move the hair shell off the scalp, most over the crown, and the part without hair under the skin."""
    rng = np.random.default_rng([looks.seed, 0x4A])
    hair, root = mesh.region["hair"], mesh.region["hair_root"]
    base = mesh.base[hair]
    angle = np.arctan2(base[:, 0], base[:, 2] - AXIS_Z)
    inside = base[:, 1] - hairline_height(angle.astype(np.float32), looks)
    rise = np.clip(inside / 0.32, 0, 1)
    rise = rise * rise * (3 - 2 * rise)
    crown = np.clip((base[:, 1] - 7.3) / 1.0, 0.25, 1.0)
    waves = 1 + 0.16 * np.sin(base @ rng.normal(0, 5, (3, 3))).mean(axis=1)
    thickness = looks.hair_lift * (0.45 + 0.75 * crown) * waves
    outward = neutral[root] - np.array(
        [0, neutral[root, 1].mean() - 0.15, neutral[root, 2].mean()], dtype=np.float32
    )
    outward /= np.linalg.norm(outward, axis=1, keepdims=True) + 1e-6
    lift = np.where(inside > 0, 0.004 + thickness * rise, -0.02)
    neutral[hair] = neutral[root] + outward * lift[:, None]


def _put_on(neutral: F32, units: F32, mesh: Mesh, looks: Appearance) -> None:
    """Hang the hair where it grows and set the glasses before the eyes; neither takes part in expressions."""
    region = mesh.region
    if "curtain" in region:
        hair = region["curtain"]
        root_of = {
            int(s): int(v) for v, s in zip(region["hair_root"], mesh.source[region["hair_root"]], strict=True)
        }
        roots = np.array([root_of[int(s)] for s in mesh.source[hair]])
        neutral[hair] = neutral[roots] + (mesh.base[hair] - mesh.base[roots])
        units[:, hair] = 0
    if looks.glasses is not None:
        eyes = np.stack([neutral[region[name]].mean(axis=0) for name in ("left_eye", "right_eye")])
        eyes[:, 2] = [neutral[region[name], 2].max() - 0.15 for name in ("left_eye", "right_eye")]
        skin = region["skin"]
        temple = skin[(np.abs(mesh.base[skin, 1] - 7.35) < 0.15) & (np.abs(mesh.base[skin, 2] - 0.5) < 0.2)]
        half = float(np.abs(neutral[temple, 0]).max())
        neutral[region["glasses"]] = glasses_points(eyes, half, looks.glasses_shape, looks.glasses_wire)
        units[:, region["glasses"]] = 0


def _turn(angles: F32) -> F32:
    """Rotations [N, 3, 3] = Ry(yaw) Rx(pitch) Rz(roll) of angles [N, 3] in radians."""
    yaw, pitch, roll = angles.T.astype(np.float64)
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)

    def stack(*rows: tuple[NDArray[np.float64], ...]) -> NDArray[np.float64]:
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    cy, sy, cp, sp, cr, sr = (
        np.cos(yaw),
        np.sin(yaw),
        np.cos(pitch),
        np.sin(pitch),
        np.cos(roll),
        np.sin(roll),
    )
    ry = stack((cy, zero, sy), (zero, one, zero), (-sy, zero, cy))
    rx = stack((one, zero, zero), (zero, cp, -sp), (zero, sp, cp))
    rz = stack((cr, -sr, zero), (sr, cr, zero), (zero, zero, one))
    return (ry @ rx @ rz).astype(np.float32)


def pose(rig: Rig, track: MotionTrack) -> F32:
    """Points float32 [N, V, 3] of every frame, in dm, origin between the neutral eyes."""
    frames = len(track)
    coefficients = np.clip(track.coefficients, 0, 1)
    points = (coefficients @ rig.units).reshape(frames, -1, 3) + rig.neutral
    for (vertices, centre), side in zip(rig.eyes, ("Left", "Right"), strict=True):
        look = {way: coefficients[:, INDEX[f"eyeLook{way}{side}"]] for way in ("Up", "Down", "In", "Out")}
        outward = (look["Out"] - look["In"]) * _GAZE_ACROSS
        yaw = outward if side == "Left" else -outward
        angles = np.stack(
            [yaw, (look["Down"] - look["Up"]) * _GAZE_DOWN, np.zeros(frames, np.float32)], axis=1
        )
        around = points[:, vertices] - centre
        points[:, vertices] = np.einsum("nij,nvj->nvi", _turn(angles.astype(np.float32)), around) + centre
    turned = np.matmul(points - rig.pivot, _turn(track.head).transpose(0, 2, 1)) + rig.pivot
    shift = (track.translation * HEAD_RADIUS)[:, None, :] * rig.sways[None, :, None]
    moved = points + rig.follows[None, :, None] * (turned - points) + shift
    return np.ascontiguousarray(moved, dtype=np.float32)


def subset(rig: Rig, vertices: NDArray[np.int32]) -> Rig:
    """The rig of some vertices only, in the order of `vertices` [K]."""
    place = {int(vertex): k for k, vertex in enumerate(vertices)}
    eyes = tuple(
        (np.array([place[int(v)] for v in eye if int(v) in place], dtype=np.int32), centre)
        for eye, centre in rig.eyes
    )
    units = rig.units.reshape(len(rig.units), -1, 3)[:, vertices].reshape(len(rig.units), -1)
    return Rig(
        neutral=rig.neutral[vertices],
        units=np.ascontiguousarray(units),
        follows=rig.follows[vertices],
        sways=rig.sways[vertices],
        pivot=rig.pivot,
        eyes=eyes,
    )
