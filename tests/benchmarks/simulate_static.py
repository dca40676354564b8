"""Can a driver be told from single rendered frames of one target? Chance is 5 %, the limit 7.5 %.

20 drivers each perform the same number of clips on one face; a linear classifier sees single frames
(32×32 gray) and is cross-validated by clip and content. A generator renders every tenth frame only,
which is all that single frames need. The same drivers are told apart by the statistics of their
motion, printed beside it.

Run: python tests/benchmarks/simulate_static.py [CLIPS PER DRIVER].
"""

from __future__ import annotations

import sys

import cv2
import numpy as np

from pipeline.simulate.generators import GENERATORS, RENDERERS, Request
from pipeline.simulate.head_data import find_wheel
from pipeline.simulate.motion import FPS, MotionTrack, perform, sample_content, sample_driver
from pipeline.simulate.plan import sample_people
from tests.pipeline.simulate.motion.style_statistics import linear_accuracy, window_statistics

DRIVERS = 20
EVERY = 10  # frames
SECONDS = 4


def main() -> None:
    """Print the accuracy per generator and that of the motion statistics."""
    clips = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    wheel = find_wheel()
    people = sample_people(DRIVERS, 1)
    frames = SECONDS * FPS
    takes = [(driver, content) for driver in range(DRIVERS) for content in range(clips)]
    tracks = [
        perform(
            sample_driver(people[driver].seed),
            sample_content(1000 * driver + content, frames),
            frames,
            1000 * driver + content,
        )
        for driver, content in takes
    ]
    drivers, contents = np.array(takes).T
    motion = np.stack([window_statistics(track, 0, frames) for track in tracks])
    print(f"motion statistics: {linear_accuracy(motion, drivers, contents):.1%} of {len(tracks)} clips")
    for name in GENERATORS:
        rows, whose, which = [], [], []
        for number, (track, (driver, content)) in enumerate(zip(tracks, takes, strict=True)):
            part = MotionTrack(track.coefficients[::EVERY], track.head[::EVERY], track.translation[::EVERY])
            request = Request(wheel, people[0].seed, people[driver].seed, part, number)
            for frame in RENDERERS[name](request).frames:
                gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
                rows.append(cv2.resize(gray, (32, 32), interpolation=cv2.INTER_AREA).ravel())
                whose.append(driver)
                which.append(content)
        accuracy = linear_accuracy(np.array(rows, np.float64), np.array(whose), np.array(which))
        print(f"single frames, {name:7} {accuracy:.1%} of {len(rows)} frames; chance {1 / DRIVERS:.0%}")


if __name__ == "__main__":
    main()
