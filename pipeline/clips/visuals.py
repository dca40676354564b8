"""The few small pictures a report shows of a file: key frames, one motion map, one occlusion test."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.clips.manifest import Clips, ClipSet
from pipeline.decode.types import Decoded
from pipeline.occlusion import Embed, occlusion_effects

THUMBNAIL_SIDE: Final = 160  # longer side, pixels
#: Differences to the row above, run lengths and entropy coding only: for small gray photographs a tenth
#: larger than with a filter sought for each row, and twice as fast; a search for repeats only costs time.
PNG: Final = (
    *(cv2.IMWRITE_PNG_COMPRESSION, 3),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
)


def picture_rows(evidence_id: str, decoded: Decoded, clips: ClipSet) -> list[dict[str, Any]]:
    """Rows by schema VISUALS: a thumbnail of every portrait, and the motion map of the liveliest clip."""
    if not clips.rows:
        return []
    rows = []
    for portrait in decoded.portraits:
        clip = min(clips.rows, key=lambda row: _distance(portrait.second, row))
        rows.append(_row(evidence_id, clip, "thumbnail", portrait.second, thumbnail(portrait.gray)))
    chosen = liveliest([row for row in clips.rows if row["usable"]] or clips.rows)
    image, peak = motion_map(clips.frames[chosen["index"]])
    rows.append(_row(evidence_id, chosen, "motion", chosen["start_second"], image, peak))
    return rows


def occlusion_rows(
    evidence_id: str, rows: Sequence[dict[str, Any]], frames: Clips, embed: Embed
) -> list[dict[str, Any]]:
    """Rows by schema VISUALS: the first frame of the liveliest usable clip and its occlusion test.

    rows : by schema CLIPS; frames : the same clips. No usable clip, no rows.
    """
    usable = [row for row in rows if row["usable"]]
    if not usable:
        return []
    chosen = liveliest(usable)
    clip = frames[chosen["index"]]
    effects = occlusion_effects(clip, embed)
    peak = float(effects.max())
    image = np.rint(255 * effects / (peak or 1)).astype(np.uint8)
    second = chosen["start_second"]
    return [
        _row(evidence_id, chosen, "frame", second, clip[0]),
        _row(evidence_id, chosen, "occlusion", second, image, peak),
    ]


def liveliest(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of rows by schema CLIPS the one with most motion, of equal ones the first."""
    return max(rows, key=lambda row: (row["motion_energy"], -row["index"]))


def thumbnail(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [h, w] scaled down to at most 160 pixels a side, aspect kept."""
    factor = min(1.0, THUMBNAIL_SIDE / max(gray.shape))
    size = (max(1, round(gray.shape[1] * factor)), max(1, round(gray.shape[0] * factor)))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def motion_map(clip: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """Where a clip moves: mean absolute difference of neighbouring frames, its maximum shown as white.

    clip : uint8 [t, h, w] to uint8 [h, w] and the gray levels that white stands for
    """
    total = np.zeros(clip.shape[1:], np.uint32)
    for before, after in itertools.pairwise(clip):
        total += cv2.absdiff(before, after)
    peak = int(total.max())
    return (total * 255 // max(peak, 1)).astype(np.uint8), peak / max(len(clip) - 1, 1)


def _distance(second: float, row: dict[str, Any]) -> float:
    return max(float(row["start_second"]) - second, second - float(row["end_second"]), 0.0)


def _row(
    evidence_id: str,
    clip: dict[str, Any],
    kind: str,
    second: float,
    image: NDArray[np.uint8],
    white: float | None = None,
) -> dict[str, Any]:
    done, png = cv2.imencode(".png", image, PNG)
    if not done:
        raise ValueError(f"OpenCV could not write a PNG of {image.shape}")
    return {
        "evidence_id": evidence_id,
        "clip_id": clip["clip_id"],
        "kind": kind,
        "second": second,
        "white": white,
        "image": png.tobytes(),
    }
