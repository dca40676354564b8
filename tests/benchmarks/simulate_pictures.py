"""Draws the README's pictures of the simulated corpus: 16 targets, and a film strip of every generator.

Run: python tests/benchmarks/simulate_pictures.py [FOLDER]; the folder is docs/ when not given.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.generators import RENDERERS, Request
from pipeline.simulate.head_data import find_wheel
from pipeline.simulate.motion import perform, sample_content, sample_driver
from pipeline.simulate.plan import sample_people, stable_seed
from pipeline.simulate.preview import contact_sheet
from pipeline.simulate.video import write_video

SHOWN = range(30, 94, 8)  # frames of the strip
SEED = 3


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs")
    wheel = find_wheel()
    people = sample_people(40, SEED)
    sheet = contact_sheet(wheel, people, SEED)
    _write(folder / "simulated-targets.jpg", sheet)
    driver, target = people[7], people[1]
    track = perform(sample_driver(driver.seed), sample_content(stable_seed("strip"), 100), 100, 1)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("original", "mesh", "tps", "latent"):
            # The recording shows the driver's own face; the generators put its motion on the target's.
            face = driver if name == "original" else target
            shot = RENDERERS[name](Request(wheel, face.seed, driver.seed, track, stable_seed("strip", name)))
            video = Path(scratch) / f"{name}.mp4"
            write_video(video, shot.frames, shot.codec)
            with av.open(str(video)) as container:
                decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
            rows.append(np.concatenate([decoded[k] for k in SHOWN], axis=1))
    _write(folder / "simulated-generators.jpg", np.concatenate(rows))


def _write(path: Path, image: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    small = cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
