"""The clip manifest: which frames of which file became which clip, and in what condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.clips.quality import UNUSABLE, clip_flags, face_widths
from pipeline.clips.shots import find_shots
from pipeline.clips.windows import Range, Window, centre_window, cut_windows
from pipeline.decode.types import Decoded


@dataclass(frozen=True)
class ClipSet:
    """Clips of one file.

    rows : by schema CLIPS; shots : by schema SHOTS
    frames : uint8 [n_clips, T, 128, 128], last frame repeated where a window is padded
    windows : the windows behind the rows
    """

    rows: list[dict[str, Any]]
    shots: list[dict[str, Any]]
    frames: NDArray[np.uint8]
    windows: list[Window]


def cut_clips(evidence_id: str, decoded: Decoded, clip_length: int, stride: int) -> ClipSet:
    """All windows of a decoded file (`pipeline.clips.windows.cut_windows`)."""
    shots = find_shots(decoded.frames)
    windows = cut_windows(shots, decoded.gaps, len(decoded.frames), clip_length, stride)
    return _clip_set(evidence_id, decoded, clip_length, shots, windows)


def centre_clip(evidence_id: str, decoded: Decoded, clip_length: int) -> ClipSet:
    """The one centre window of the paper's protocol, cuts or not."""
    whole = [(0, len(decoded.frames))]
    return _clip_set(
        evidence_id, decoded, clip_length, whole, [centre_window(len(decoded.frames), clip_length)]
    )


def _clip_set(
    evidence_id: str, decoded: Decoded, clip_length: int, shots: Sequence[Range], windows: list[Window]
) -> ClipSet:
    frames = np.empty((len(windows), clip_length, *decoded.frames.shape[1:]), np.uint8)
    rate = decoded.fps_grid or decoded.facts.fps or 25.0
    faces: dict[float, list[float]] = {}  # looked for in the portraits asked about only: the search is slow
    rows = []
    for window in windows:
        real = decoded.frames[window.start : window.end]
        frames[window.index, : len(real)] = real
        frames[window.index, len(real) :] = real[-1]
        begin, end = float(decoded.seconds[window.start]), float(decoded.seconds[window.end - 1]) + 1 / rate
        middle = (begin + end) / 2
        portrait = min(decoded.portraits, key=lambda p: abs(p.second - middle), default=None)
        if portrait is not None and portrait.second not in faces:
            faces[portrait.second] = face_widths(portrait)
        widths = faces[portrait.second] if portrait is not None else []
        energy, flags = clip_flags(real, window, clip_length, decoded.facts, widths)
        shown = decoded.source_index[window.start : window.end]
        rows.append(
            {
                "clip_id": f"{evidence_id}-{window.start:07d}-{clip_length}",
                "evidence_id": evidence_id,
                "index": window.index,
                "shot": window.shot,
                "start_frame": window.start,
                "end_frame": window.end,
                "start_second": begin,
                "end_second": end,
                "padded_frames": window.padded,
                "duplicated_frames": int(np.count_nonzero(np.diff(shown) == 0)),
                "motion_energy": energy,
                "flags": flags,
                "usable": not UNUSABLE.intersection(flags),
            }
        )
    shot_rows = [
        {"evidence_id": evidence_id, "shot": number, "start_frame": start, "end_frame": end}
        for number, (start, end) in enumerate(shots)
    ]
    return ClipSet(rows, shot_rows, frames, windows)
