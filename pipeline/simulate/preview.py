"""Contact sheet of a corpus's targets."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.motion import perform, sample_content, sample_driver
from pipeline.simulate.plan import Person, stable_seed
from pipeline.simulate.portrait import build_portrait, render, sample_scene
from pipeline.simulate.rig import pose

COLUMNS: Final = 4
SHOWN: Final = 16


def contact_sheet(wheel: Path, people: list[Person], seed: int) -> NDArray[np.uint8]:
    """The first 16 targets as they look in mid-speech, RGB uint8 [H, W, 3]."""
    tiles: list[NDArray[np.uint8]] = []
    style = sample_driver(stable_seed(seed, "preview"))
    for number, person in enumerate(people[:SHOWN]):
        portrait = build_portrait(wheel, person.seed)
        scene = sample_scene(portrait, stable_seed(seed, "preview", person.name))
        track = perform(style, sample_content(number, 12), 12, number)
        points = pose(portrait.rig, track)[11:]
        tiles.append(render(portrait, scene, points, [scene.camera])[0])
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % COLUMNS)
    rows = [np.concatenate(tiles[k : k + COLUMNS], axis=1) for k in range(0, len(tiles), COLUMNS)]
    return np.concatenate(rows)


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an RGB picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise RuntimeError(f"OpenCV could not encode {path.name}")
    path.write_bytes(data.tobytes())
