"""Share of sampled frames in which OpenCV's frontal-face cascade finds the face, per generator, 20 targets.

Run: python tests/benchmarks/simulate_faces.py [TARGETS].
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

from pipeline.simulate.generators import RENDERERS, Request
from pipeline.simulate.head_data import find_wheel
from pipeline.simulate.motion import FPS, MotionTrack, perform, sample_content, sample_driver
from pipeline.simulate.plan import sample_people

EVERY = 10  # frames


def main() -> None:
    targets = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    wheel = find_wheel()
    detector = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"))
    people = sample_people(targets, 1)
    for name, renderer in RENDERERS.items():
        found = seen = 0
        for number, person in enumerate(people):
            whole = perform(sample_driver(number % 4), sample_content(number, 4 * FPS), 4 * FPS, number)
            track = MotionTrack(whole.coefficients[::EVERY], whole.head[::EVERY], whole.translation[::EVERY])
            driver = people[(number + 1) % targets].seed
            for frame in renderer(Request(wheel, person.seed, driver, track, number)).frames:
                gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
                found += len(detector.detectMultiScale(gray, 1.1, 3, minSize=(60, 60))) > 0
                seen += 1
        print(f"{name:10} {found / seen:.3f} of {seen} frames")


if __name__ == "__main__":
    main()
