"""What is asked of the decoder and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

SIDE: Final = 128  # the network's input side, pixels
PORTRAIT_SIDE: Final = 320  # longer side of the sampled pictures, pixels

Crop = tuple[int, int, int, int]
DecoderName = Literal["pyav", "decord"]


@dataclass(frozen=True)
class Limits:
    """What one file may cost. Each is enforced in the child, by the kernel, or by the parent."""

    memory: int = 4 << 30  # address space of the child, bytes
    cpu_seconds: int = 3600  # processor time for one file, s
    stall_seconds: float = 60.0  # silence of the child before it is taken as hanging, s
    wall_seconds: float = 7200.0  # for one file in all, s
    pixels: int = 1 << 26  # of one coded frame: 8192 × 8192
    streams: int = 64
    frames: int = 90_000  # frames handed back: an hour at 25 fps; the rest is left out and said so
    open_files: int = 64


@dataclass(frozen=True)
class DecodeRequest:
    """How to decode one file.

    fps : rate of the frame grid, 1/s; None hands back every decoded frame once (the paper's protocol)
    crop : x, y, width, height in pixels of the picture as displayed; None is the full frame
    thumbnails : number of portraits wanted
    centre : hand back only this many frames from the middle of the video (the paper's clip) and decode
        no more than they need, where that is sure to give the same pictures; else the video comes whole.
        For native frames without portraits; see `pipeline.decode.centre`
    decoder : `pyav` leads: 1.3 to 3 times decord's frames per core second, luma without the rounding of
        RGB, damage survived (tests/benchmarks/decode_speed.py); `decord` is kept to be compared with
    """

    fps: float | None = 25.0
    crop: Crop | None = None
    thumbnails: int = 6
    decoder: DecoderName = "pyav"
    centre: int | None = None


@dataclass(frozen=True)
class Encoding:
    """How to encode: H.264, 4:2:0. ``crf`` 0 loses nothing; ``halve`` averages width and height by two."""

    crf: int
    halve: bool = False


@dataclass(frozen=True)
class VideoFacts:
    """What is known of a video. The names are those of the evidence table's columns.

    Everything a probe cannot know without decoding is None until the file was decoded.
    """

    container: str | None = None
    codec: str | None = None
    pixel_format: str | None = None
    width: int | None = None
    height: int | None = None
    rotation: int | None = None
    interlaced: bool | None = None
    fps: float | None = None
    vfr: bool | None = None
    frames_declared: int | None = None
    frames_decoded: int | None = None
    frames_on_grid: int | None = None
    frames_duplicated: int | None = None
    frames_dropped: int | None = None
    duration: float | None = None
    decoder: str | None = None
    decoder_version: str | None = None
    rejected_packets: int | None = None


@dataclass(frozen=True)
class Portrait:
    """One sampled picture: gray uint8 [height, width], upright, square pixels, at most 320 a side."""

    second: float
    gray: NDArray[np.uint8]


@dataclass(frozen=True)
class Decoded:
    """The frames of one file.

    frames : uint8 [n, 128, 128], luma 0..255
    seconds : float64 [n], presentation time of the source frame shown, s from the first frame
    source_index : int32 [n], number of that source frame in presentation order
    gaps : half-open ranges of grid frames that show nothing decodable; an empty range (k, k) stands
        where frames k-1 and k both exist and what lay between them is lost
    reason_code, reason : a caveat, or None
    left_out : frames of the video before and behind these that were not asked for
    """

    frames: NDArray[np.uint8]
    seconds: NDArray[np.float64]
    source_index: NDArray[np.int32]
    gaps: tuple[tuple[int, int], ...]
    fps_grid: float | None
    facts: VideoFacts
    portraits: tuple[Portrait, ...] = ()
    reason_code: str | None = None
    reason: str | None = None
    left_out: tuple[int, int] = (0, 0)

    @property
    def total(self) -> int:
        """Frames the video has in all, those left out among them."""
        return len(self.frames) + sum(self.left_out)


@dataclass(frozen=True)
class DecodeFailure:
    """Why a file gave no frames: a code of `pipeline.reasons` and one sentence."""

    reason_code: str
    reason: str
    facts: VideoFacts = field(default_factory=VideoFacts)
