"""The part of the open head model that a portrait shows, as triangles ready for the rasteriser."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.head_data import HeadData, lip_border, load_heads
from pipeline.simulate.rasteriser import EYE, HAIR, PLAIN, SKIN, VEIL
from pipeline.simulate.wear import HANGING, curtain, glasses_quads

#: Axis of the cylinder the skin texture is wrapped on, and the heights at its lower and upper edge (dm).
AXIS_Z: Final = 0.45
TEXTURE_BOTTOM: Final = 4.4
TEXTURE_TOP: Final = 8.6

_LOWEST: Final = 4.6  # body below this height (dm) never shows
_WIDEST: Final = 2.4
_BRIDGE: Final = np.array([0.0, 7.3, 1.5], dtype=np.float32)  # of the nose


@dataclass(frozen=True)
class Mesh:
    """Triangles of one portrait. `source` int32 [V] is each vertex's number in HeadData.

    `triangles` int32 [T, 3]; `part` int32 [T] see rasteriser; `corner_uv` float32 [T, 3, 2] on the
    texture cylinder; `base` float32 [V, 3] positions in the unshaped model, where textures and hair
    are laid out; `region` maps names (skin, socket, cavity, left_eye, right_eye, upper_teeth,
    lower_teeth, tongue, lashes, lids, upper_lip, lower_lip, hair and its hair_root, curtain, glasses)
    to vertices.
    """

    source: NDArray[np.int32]
    triangles: NDArray[np.int32]
    part: NDArray[np.int32]
    corner_uv: NDArray[np.float32]
    base: NDArray[np.float32]
    region: dict[str, NDArray[np.int32]]


def cylinder_uv(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Texture coordinates [..., 2] of points [..., 3]: angle about the head's axis and height, top is 0."""
    angle = np.arctan2(points[..., 0], points[..., 2] - AXIS_Z)
    height = (TEXTURE_TOP - points[..., 1]) / (TEXTURE_TOP - TEXTURE_BOTTOM)
    return np.stack([0.5 + angle / (2 * np.pi), height], axis=-1).astype(np.float32)


def _quads_of(heads: HeadData) -> dict[str, NDArray[np.bool_]]:
    centre_uv = heads.corner_uv.mean(axis=1)
    centre = heads.vertices[heads.quads].mean(axis=1)
    group = heads.quad_group
    body = (group == "body") & (centre[:, 1] > _LOWEST) & (np.abs(centre[:, 0]) < _WIDEST)
    # The model's own UV map keeps the linings of mouth and eye sockets on islands of their own.
    cavity = body & (centre_uv[:, 0] > 0.74) & (centre_uv[:, 0] < 0.94) & (centre_uv[:, 1] < 0.14)
    cavity &= centre[:, 1] > 6.0
    socket = body & (centre_uv[:, 0] < 0.17) & (np.abs(centre_uv[:, 1] - 0.59) < 0.06) & (centre[:, 1] > 6.8)
    return {
        "skin": body & ~cavity & ~socket,
        "socket": socket,
        "cavity": cavity,
        "left_eye": group == "helper-l-eye",
        "right_eye": group == "helper-r-eye",
        "upper_teeth": group == "helper-upper-teeth",
        "lower_teeth": group == "helper-lower-teeth",
        "tongue": group == "helper-tongue",
        "lashes": np.char.find(group, "eyelashes") >= 0,
    }


_PART: Final = {"skin": SKIN, "left_eye": EYE, "right_eye": EYE, "lashes": VEIL}


def _scalp(base: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Skin that may carry hair: above the ears, behind the brow."""
    x, y, z = base.T
    grows: NDArray[np.bool_] = (
        (y > 6.35) & ((y > 7.62) | (z < 0.75)) & ~((np.abs(x) > 0.74) & (y < 7.45) & (z > 0.1))
    )
    return grows


@lru_cache(maxsize=6)
def portrait_mesh(wheel: Path, hair_style: str, glasses: bool) -> Mesh:
    """Build the portrait's triangles; a second skin over the scalp, welded at nothing, carries the hair.

    `hair_style` matters where hair hangs (see wear.HANGING). What is worn takes the `source` of the skin
    it hangs on.
    """
    heads = load_heads(wheel)
    chosen = _quads_of(heads)
    quads = np.concatenate([heads.quads[mask] for mask in chosen.values()])
    part = np.concatenate([np.full(m.sum(), _PART.get(name, PLAIN)) for name, m in chosen.items()])
    source, packed = np.unique(quads, return_inverse=True)
    quads = packed.reshape(-1, 4).astype(np.int32)
    base = heads.vertices[source]
    region = {
        name: np.flatnonzero(np.isin(source, np.unique(heads.quads[mask]))).astype(np.int32)
        for name, mask in chosen.items()
    }
    for name, border in zip(("upper_lip", "lower_lip"), lip_border(heads), strict=True):
        region[name] = np.searchsorted(source, border).astype(np.int32)
    region["lids"] = np.intersect1d(region["skin"], region["socket"]).astype(np.int32)
    scalp = _scalp(base)
    is_skin = np.zeros(len(source), dtype=bool)
    is_skin[region["skin"]] = True
    shell_quads = quads[(part == SKIN) & (scalp & is_skin)[quads].all(axis=1)]
    shell_source, shell_packed = np.unique(shell_quads, return_inverse=True)
    shell = (shell_packed.reshape(-1, 4) + len(source)).astype(np.int32)
    region["hair"] = (np.arange(len(shell_source)) + len(source)).astype(np.int32)
    region["hair_root"] = shell_source.astype(np.int32)
    base = np.concatenate([base, base[shell_source]])
    source = np.concatenate([source, source[shell_source]]).astype(np.int32)
    part = np.concatenate([part, np.full(len(shell), HAIR)])
    quads = np.concatenate([quads, shell])
    uv_points = cylinder_uv(base)
    if hair_style in HANGING:
        points, faces, uv = curtain(AXIS_Z, HANGING[hair_style])
        roots = shell_source[base[shell_source, 1] > 6.9]
        region["curtain"] = (np.arange(len(points)) + len(base)).astype(np.int32)
        across = np.linalg.norm(base[roots] - points[:, None], axis=2)
        source = np.concatenate([source, source[roots[across.argmin(axis=1)]]])
        quads, part = np.concatenate([quads, faces + len(base)]), np.append(part, np.full(len(faces), HAIR))
        base, uv_points = np.concatenate([base, points]), np.concatenate([uv_points, uv])
    if glasses:
        faces = glasses_quads()
        count = int(faces.max()) + 1
        bridge = region["skin"][np.linalg.norm(base[region["skin"]] - _BRIDGE, axis=1).argmin()]
        region["glasses"] = (np.arange(count) + len(base)).astype(np.int32)
        source = np.concatenate([source, np.full(count, source[bridge])])
        quads, part = np.concatenate([quads, faces + len(base)]), np.append(part, np.full(len(faces), PLAIN))
        base = np.concatenate([base, np.repeat(base[bridge][None], count, axis=0)])
        uv_points = np.concatenate([uv_points, np.zeros((count, 2), np.float32)])
    source = source.astype(np.int32)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    part = np.concatenate([part, part]).astype(np.int32)
    uv = uv_points[triangles]
    # A triangle across the seam at the back of the head takes one side's coordinates throughout.
    wide = np.ptp(uv[..., 0], axis=1) > 0.5
    uv[wide, :, 0] = np.where(uv[wide, :, 0] < 0.5, uv[wide, :, 0] + 1, uv[wide, :, 0])
    return Mesh(source, triangles, part, uv, base, region)
