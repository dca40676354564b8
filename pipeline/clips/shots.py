"""Shot boundaries, so that no clip mistakes a cut for motion."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

RATE: Final = Fraction(25)


def find_shots(frames: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Half-open ranges of frames between cuts, in order, covering all frames.

    frames : uint8 [n, 128, 128]
    """
    detector = AdaptiveDetector(luma_only=True, min_scene_len=1)
    cuts: list[int] = []
    for number, frame in enumerate(frames):
        colour = cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
        cuts += [cut.frame_num for cut in detector.process_frame(FrameTimecode(number, RATE), colour)]
    edges = [0, *sorted(set(cuts)), len(frames)]
    return [(a, b) for a, b in itertools.pairwise(edges) if b > a]
