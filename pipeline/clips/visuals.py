"""The few small pictures a report shows of a file: key frames and one motion map."""

from __future__ import annotations

import itertools
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.clips.manifest import ClipSet
from pipeline.decode.types import Decoded

THUMBNAIL_SIDE: Final = 160  # longer side, pixels


def picture_rows(evidence_id: str, decoded: Decoded, clips: ClipSet) -> list[dict[str, Any]]:
    """Rows by schema VISUALS: a thumbnail of every portrait, and the motion map of the liveliest clip."""
    if not clips.rows:
        return []
    rows = []
    for portrait in decoded.portraits:
        clip = min(clips.rows, key=lambda row: _distance(portrait.second, row))
        rows.append(_row(evidence_id, clip, "thumbnail", portrait.second, thumbnail(portrait.gray)))
    usable = [row for row in clips.rows if row["usable"]] or clips.rows
    liveliest = max(usable, key=lambda row: (row["motion_energy"], -row["index"]))
    image = motion_map(clips.frames[liveliest["index"]])
    rows.append(_row(evidence_id, liveliest, "motion", liveliest["start_second"], image))
    return rows


def thumbnail(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [h, w] scaled down to at most 160 pixels a side, aspect kept."""
    factor = min(1.0, THUMBNAIL_SIDE / max(gray.shape))
    size = (max(1, round(gray.shape[1] * factor)), max(1, round(gray.shape[0] * factor)))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def motion_map(clip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Where a clip moves: mean absolute difference of neighbouring frames, its maximum shown as white.

    clip : uint8 [t, h, w] to uint8 [h, w]
    """
    total = np.zeros(clip.shape[1:], np.uint32)
    for before, after in itertools.pairwise(clip):
        total += cv2.absdiff(before, after)
    peak = int(total.max())
    return (total * 255 // peak).astype(np.uint8) if peak else np.zeros(clip.shape[1:], np.uint8)


def _distance(second: float, row: dict[str, Any]) -> float:
    return max(float(row["start_second"]) - second, second - float(row["end_second"]), 0.0)


def _row(
    evidence_id: str, clip: dict[str, Any], kind: str, second: float, image: NDArray[np.uint8]
) -> dict[str, Any]:
    done, png = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise ValueError(f"OpenCV could not write a PNG of {image.shape}")
    return {
        "evidence_id": evidence_id,
        "clip_id": clip["clip_id"],
        "kind": kind,
        "second": second,
        "image": png.tobytes(),
    }
