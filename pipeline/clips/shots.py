"""Shot boundaries, so that no clip mistakes a cut for motion.

PySceneDetect's adaptive detector looks for a change that stands out from the changes around it. Fed
with plain pictures it takes a lamp or an automatic exposure for a cut, and misses jump cuts within
one take. So it is fed with pictures freed of light: 32×32, local mean taken out, divided by local
contrast. On real talking footage the largest step within a take is then 0.15 (a fast turn of the
head at 25 frames/s), the smallest step between two recordings 0.46, and a lamp switched on 0.11.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.clips.quality import steps

SMALL: Final = 32  # side of the pictures compared, pixels
SPREAD: Final = 4.0  # standard deviation of the neighbourhood, pixels of 32
QUIET: Final = 6.0  # gray levels added to the contrast, so that noise on a plain wall stays small
LEVELS: Final = 48.0  # gray levels given to a contrast of one
LEAST_CHANGE: Final = 0.22  # mean change of contrast at a cut
LEAST_RATIO: Final = 3.0  # times the mean of the two changes before and the two after
AROUND: Final = 2
TOGETHER: Final = 64  # frames filtered at a time; OpenCV takes 512 channels at most
ANY_RATE: Final = Fraction(25)  # the detector counts frames; it only wants to be told a rate


def find_shots(frames: NDArray[np.uint8], change: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Half-open ranges of frames between cuts, in order, covering all frames.

    frames : uint8 [n, 128, 128]; change : float64 [n - 1], their `pipeline.clips.quality.steps`

    Frames that repeat the one before are passed over: a low frame rate shown on a faster grid moves
    in steps, each of which would stand out.
    """
    if len(frames) == 0:
        return []
    fresh = np.concatenate(([0], 1 + np.flatnonzero(change)))
    pictures = without_light(frames, fresh)
    # The detector sees a cut only where the change reaches its least, so where none does it is not asked.
    if not np.any(steps(pictures) >= LEAST_CHANGE * LEVELS):
        return [(0, len(frames))]
    # Loading it takes a third of a second, and every worker would.
    from scenedetect.common import FrameTimecode
    from scenedetect.detectors import AdaptiveDetector

    # Still pictures at both ends let cuts next to them be judged.
    order = [0] * AROUND + list(range(len(fresh))) + [len(fresh) - 1] * AROUND
    detector = AdaptiveDetector(
        adaptive_threshold=LEAST_RATIO,
        min_content_val=LEAST_CHANGE * LEVELS,
        min_scene_len=1,
        window_width=AROUND,
        luma_only=True,
    )
    cuts: set[int] = set()
    for place, number in enumerate(order):
        picture = cv2.cvtColor(pictures[number], cv2.COLOR_GRAY2BGR)
        for cut in detector.process_frame(FrameTimecode(place, ANY_RATE), picture):
            cuts.add(int(fresh[order[cut.frame_num]]))
    return list(itertools.pairwise([0, *sorted(cuts), len(frames)]))


def without_light(frames: NDArray[np.uint8], chosen: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Local contrast of the chosen frames, uint8 [m, 32, 32], 128 where a pixel equals the mean around it.

    frames : uint8 [n, 128, 128]; chosen : int64 [m], numbers of frames
    """
    found = np.empty((len(chosen), SMALL, SMALL), np.uint8)
    for start in range(0, len(chosen), TOGETHER):
        some = frames[chosen[start : start + TOGETHER]]
        # Frames below each other are one tall picture to be scaled, whose areas never span two of them, and
        # as channels one to be filtered: both are then called once and not once a frame.
        tall = cv2.resize(
            some.reshape(-1, some.shape[2]), (SMALL, SMALL * len(some)), interpolation=cv2.INTER_AREA
        )
        small = tall.reshape(-1, SMALL, SMALL).transpose(1, 2, 0).astype(np.float32, order="C")
        mean = _around(small)
        variance = _around(small * small) - mean * mean
        contrast = (small - mean) / (np.sqrt(np.maximum(variance, 0.0)) + QUIET)
        found[start : start + TOGETHER] = (contrast * LEVELS + 128.0).clip(0, 255).transpose(2, 0, 1)
    return found


def _around(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weighted mean around each pixel, float32 [32, 32, n]."""
    blurred = cv2.GaussianBlur(pictures, (0, 0), SPREAD)
    return np.asarray(blurred, np.float32).reshape(pictures.shape)  # OpenCV drops a single channel
