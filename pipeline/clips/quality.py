"""Quality flags of a clip: what makes it unusable, and what the reader should know.

A clip without motion has the same embedding as any other without motion: a perfect match that
means nothing. Such clips are kept in the manifest and counted, but neither scored nor used for
calibration. All other flags are advice.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.clips.windows import Window
from pipeline.decode.types import Portrait, VideoFacts

FLAGS: Final[dict[str, str]] = {
    "black": "the picture is dark and empty",
    "frozen": "nothing moves",
    "too_short": "fewer real frames than the shortest clip that was ever validated",
    "padded": "the shot is shorter than the clip; its last frame is repeated",
    "upsampled": "a quarter of the frames or more repeat the one before: the true frame rate is lower",
    "interlaced": "frames are coded as two fields, which area averaging blends",
    "aspect": "the picture is far from the formats the model knows and is squeezed into a square",
    "letterbox": "dark bars at the edges take room from the face",
    "face_absent": "no face was found in the sampled picture that stands for the clip",
    "face_small": "the face found is small in the picture",
    "faces_several": "more than one face was found in the sampled picture that stands for the clip",
}
UNUSABLE: Final = frozenset({"black", "frozen", "too_short"})

LEAST_FRAMES: Final = 16  # shortest T of the published ablation
BLACK_MEAN, BLACK_BRIGHT = 12.0, 40  # gray levels: mean of the clip, 99th percentile
STILL_STEP: Final = 0.02  # gray levels; a smaller step is no motion
MOVING_SHARE: Final = 0.1  # of the steps; the calmest clip of real talking footage has 0.65
REPEAT_STEP, REPEAT_SHARE = 0.3, 0.25  # of the steps around it; of all steps
WIDEST: Final = 16 / 9 + 0.01  # either way round
BAR_LEVEL, BAR_SHARE = 24, 0.04  # gray levels; share of the side, on both opposite edges
SMALL_FACE: Final = 0.2  # of the picture's width or height, whichever is larger
CASCADE_SIDE: Final = 128  # longer side of the picture searched for faces, pixels
LEAST_FACE: Final = 20  # pixels of that
SIZES_APART, HITS = 1.2, 2  # ratio of the sizes searched; neighbouring hits that make a face


def steps(clip: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean absolute difference of each frame to the one before, float64 [t - 1]."""
    return np.asarray([cv2.norm(a, b, cv2.NORM_L1) / a.size for a, b in itertools.pairwise(clip)])


def clip_flags(
    clip: NDArray[np.uint8],
    change: NDArray[np.float64],
    window: Window,
    clip_length: int,
    facts: VideoFacts,
    faces: Sequence[float],
) -> tuple[float, list[str]]:
    """Motion energy and flags of one window.

    clip : uint8 [t, 128, 128], its real frames only; change : float64 [t - 1], their `steps`
    faces : widths of the faces in the portrait that stands for it, as shares of the picture's longer side
    """
    energy = float(change.mean()) if len(change) else 0.0
    frozen = not len(change) or float(np.mean(change >= STILL_STEP)) < MOVING_SHARE
    found = {
        "black": cv2.mean(clip.reshape(-1, clip.shape[-1]))[0] < BLACK_MEAN
        and np.percentile(clip[:: max(1, len(clip) // 8)], 99) < BLACK_BRIGHT,
        "frozen": frozen,
        "too_short": len(clip) < min(LEAST_FRAMES, clip_length),
        "padded": window.padded > 0,
        "upsampled": not frozen and repeated_share(change) >= REPEAT_SHARE,
        "interlaced": bool(facts.interlaced),
        "aspect": not_usual_aspect(facts),
        "letterbox": has_bars(clip),
        "face_absent": not faces,
        "face_small": bool(faces) and max(faces) < SMALL_FACE,
        "faces_several": len(faces) > 1,
    }
    return energy, [name for name in FLAGS if found[name]]


def repeated_share(change: NDArray[np.float64]) -> float:
    """Share of frames that repeat the one before, judged by the picture.

    A repeat in a recompressed video is not exact: its step is below three tenths of the larger of its
    two neighbours. Cameras with a steady clock stay under a share of 0.1.
    """
    if len(change) < 4:
        return 0.0
    around = np.maximum(
        np.concatenate(([change[1]], change[:-1])), np.concatenate((change[1:], [change[-2]]))
    )
    return float(np.mean(change <= REPEAT_STEP * around))


def not_usual_aspect(facts: VideoFacts) -> bool:
    """True for pictures wider than 16:9 or narrower than 9:16."""
    if not facts.width or not facts.height:
        return False
    ratio = facts.width / facts.height
    return not 1 / WIDEST <= ratio <= WIDEST


def has_bars(clip: NDArray[np.uint8]) -> bool:
    """True where dark bars lie on two opposite edges of every frame."""
    bright = clip.max(axis=0)
    if bright.max() <= BAR_LEVEL:
        return False
    for axis in (0, 1):
        lit = np.flatnonzero(bright.max(axis=1 - axis) > BAR_LEVEL)
        side = bright.shape[axis]
        if min(lit[0], side - 1 - lit[-1]) >= BAR_SHARE * side:
            return True
    return False


def face_widths(portrait: Portrait) -> list[float]:
    """Widths of the upright frontal faces in a portrait, as shares of its longer side, largest first.

    Viola-Jones with the cascade OpenCV ships: advice only, it misses turned and tilted heads. Sizes a
    fifth apart and two hits find what sizes a seventh apart and three hits find, a quarter sooner.
    """
    gray = portrait.gray
    longer = max(gray.shape)
    factor = min(1.0, CASCADE_SIDE / longer)
    size = (max(1, round(gray.shape[1] * factor)), max(1, round(gray.shape[0] * factor)))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    boxes = _cascade().detectMultiScale(small, SIZES_APART, HITS, minSize=(LEAST_FACE, LEAST_FACE))
    return sorted((float(w) / max(size) for _, _, w, _ in boxes), reverse=True)


@functools.cache
def _cascade() -> Any:
    path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_alt2.xml"
    return cv2.CascadeClassifier(str(path))
