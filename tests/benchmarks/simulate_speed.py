"""Frames a second of processor time, per generator, H.264 encoding included.

Run: python -m tests.benchmarks.simulate_speed [SECONDS OF VIDEO]. One thread, so a figure per core.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import cv2

from pipeline.simulate.generators import RENDERERS, Request
from pipeline.simulate.head_data import find_wheel
from pipeline.simulate.motion import FPS, perform, sample_content, sample_driver
from pipeline.simulate.video import write_video
from tests.benchmarks.harness import keep, machine


def main() -> None:
    frames = round(float(sys.argv[1]) * FPS) if len(sys.argv) > 1 else 4 * FPS
    cv2.setNumThreads(1)
    wheel = find_wheel()
    track = perform(sample_driver(1), sample_content(1, frames), frames, 1)
    print(f"{'generator':10} {'frames/s of one core':>22}   (clips of {frames} frames, 256 x 256, 3 targets)")
    described, rates = machine(), {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, renderer in RENDERERS.items():
            spent = 0.0
            for target in range(4):
                started = time.process_time()
                shot = renderer(Request(wheel, target, 100 + target, track, target))
                write_video(Path(scratch) / "clip.mp4", shot.frames, shot.codec)
                if target:  # the first clip pays for compilation and loading
                    spent += time.process_time() - started
            rates[name] = 3 * frames / spent
            print(f"{name:10} {rates[name]:22.1f}")
    keep("simulate_speed", described, {"frames_per_core_second": rates})


if __name__ == "__main__":
    main()
