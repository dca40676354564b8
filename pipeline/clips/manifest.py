"""The clip manifest: which frames of which file became which clip, and in what condition."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.clips.quality import UNUSABLE, clip_flags, face_widths, steps
from pipeline.clips.shots import find_shots
from pipeline.clips.windows import Window, cut_windows
from pipeline.decode.types import Decoded, Portrait


@dataclass(frozen=True)
class Clips:
    """The pixels of a file's clips, taken out of its frames when they are asked for.

    Where the stride is short windows share most of their frames: all the clips of one hour, copied at once,
    would be 88 GiB at a stride of 1.
    """

    frames: NDArray[np.uint8]  # [n, 128, 128], the whole file's
    windows: Sequence[Window]
    length: int  # T

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """One clip, uint8 [T, 128, 128]: a view of the frames, a copy where the window is padded."""
        window = self.windows[index]
        real = self.frames[window.start : window.end]
        if len(real) == self.length:
            return real
        return np.concatenate([real, np.repeat(real[-1:], self.length - len(real), axis=0)])

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[index] for index in range(len(self)))

    def pieces(self, most: int) -> Iterator[NDArray[np.uint8]]:
        """All clips in order, uint8 [at most ``most``, T, 128, 128] at a time; single ones are not copied."""
        for start in range(0, len(self), most):
            some = [self[index] for index in range(start, min(start + most, len(self)))]
            yield np.stack(some) if len(some) > 1 else some[0][None]


@dataclass(frozen=True)
class ClipSet:
    """Clips of one file.

    rows : by schema CLIPS; shots : by schema SHOTS
    frames : their pixels, last frame repeated where a window is padded
    """

    rows: list[dict[str, Any]]
    shots: list[dict[str, Any]]
    frames: Clips


def cut_clips(evidence_id: str, decoded: Decoded, clip_length: int, stride: int) -> ClipSet:
    """All windows of a decoded file (`pipeline.clips.windows.cut_windows`)."""
    change = steps(decoded.frames)
    shots = find_shots(decoded.frames, change)
    windows = cut_windows(shots, decoded.gaps, len(decoded.frames), clip_length, stride)
    rate = decoded.fps_grid or decoded.facts.fps or 25.0
    faces: dict[float, list[float]] = {}  # of the portraits searched so far, by their second
    rows = []
    for window in windows:
        real = decoded.frames[window.start : window.end]
        begin, end = float(decoded.seconds[window.start]), float(decoded.seconds[window.end - 1]) + 1 / rate
        portrait = standing_for(begin, end, decoded.portraits, faces)
        if portrait is not None and portrait.second not in faces:
            faces[portrait.second] = face_widths(portrait)
        widths = faces[portrait.second] if portrait is not None else []
        moved = change[window.start : window.end - 1]
        energy, flags = clip_flags(real, moved, window, clip_length, decoded.facts, widths)
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
    return ClipSet(rows, shot_rows, Clips(decoded.frames, windows, clip_length))


def standing_for(
    begin: float, end: float, portraits: Sequence[Portrait], searched: Container[float]
) -> Portrait | None:
    """The portrait in which a clip's faces are looked for; ``searched`` holds the seconds of those looked at.

    Looking is slow, so of the portraits within a clip one already searched is taken, else the last, which the
    next clip may share. Where none lies within, the one nearest to the clip's middle.
    """
    within = [portrait for portrait in portraits if begin <= portrait.second < end]
    if within:
        return next((portrait for portrait in within if portrait.second in searched), within[-1])
    middle = (begin + end) / 2
    return min(portraits, key=lambda portrait: abs(portrait.second - middle), default=None)
