"""Decoded videos on disk, ready for training: 128×128 gray frames, memory-mapped.

A store is a folder of three files: ``frames.bin``, all frames of all videos one after another as
uint8 128×128 (16 KiB a frame, so 10 s of video at 25 fps cost 4 MiB); ``videos.parquet``, one row a
video with its labels and where its frames lie; ``store.json``, counts, frame rate and the SHA-256 of
the other two, written last: a folder without it is not a finished store. Neither torch nor any
decoder is needed here; `pipeline.frames.store` decodes into one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

SIDE: Final = 128
FRAME_BYTES: Final = SIDE * SIDE

Frames = npt.NDArray[np.uint8]

VIDEOS: Final = pa.schema(
    [
        ("path", pa.string()),
        ("target", pa.string()),
        ("driver", pa.string()),
        ("generator", pa.string()),
        ("split", pa.string()),
        ("offset", pa.int64()),
        ("frames", pa.int32()),
    ]
)


class FrameStoreError(ValueError):
    """A folder cannot serve as frame store: one sentence that names it and the remedy."""


@dataclass(frozen=True)
class VideoLabel:
    """Whose face a video shows, who drives it, what made it (`original`: a camera), its split."""

    path: str
    target: str
    driver: str
    generator: str
    split: str


class FrameSource(Protocol):
    """What training reads: labelled videos, their frames by number, from disk or decoded on demand."""

    @property
    def corpus(self) -> str:
        """Identifies the content, for the model's metadata."""

    @property
    def fps(self) -> float:
        """Frames per second of all videos."""

    @property
    def labels(self) -> Sequence[VideoLabel]:
        """One label a video."""

    def length(self, video: int) -> int:
        """Number of frames of a video, at least 2."""

    def read(self, video: int, start: int, count: int) -> Frames:
        """Frames start … start+count of a video, uint8 ``[count, 128, 128]``."""


class FrameStore:
    """A finished frame store, its frames memory-mapped; see :class:`FrameSource`.

    Raises FrameStoreError when the folder is no finished store or its files do not fit each other.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            summary = json.loads((folder / "store.json").read_text(encoding="utf-8"))
            table = pq.read_table(folder / "videos.parquet", schema=VIDEOS)
            self.fps = float(summary["fps"])
            self.sha256: dict[str, str] = dict(summary["sha256"])
            n_frames = int(summary["frames"])
            size = (folder / "frames.bin").stat().st_size
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            raise FrameStoreError(
                f"{folder}: is not a finished frame store; name another folder or write it again."
            ) from None
        self.offsets: list[int] = table["offset"].to_pylist()
        self.lengths: list[int] = table["frames"].to_pylist()
        self.labels: list[VideoLabel] = [
            VideoLabel(**row) for row in table.drop_columns(["offset", "frames"]).to_pylist()
        ]
        if size != n_frames * FRAME_BYTES or sum(self.lengths) != n_frames or not n_frames:
            raise FrameStoreError(
                f"{folder}: frames.bin holds {size // FRAME_BYTES} frames where {n_frames} are recorded; "
                "write the frame store again."
            )
        self._frames = np.memmap(folder / "frames.bin", np.uint8, "r", shape=(n_frames, SIDE, SIDE))

    @property
    def corpus(self) -> str:
        """Folder name and the hash of the video table and the frames: equal content, equal corpus."""
        content = hashlib.sha256("".join(sorted(self.sha256.values())).encode()).hexdigest()
        return f"{self.folder.resolve().name} sha256:{content}"

    def length(self, video: int) -> int:
        """Number of frames of a video."""
        return self.lengths[video]

    def read(self, video: int, start: int, count: int) -> Frames:
        """Frames start … start+count, a read-only view, uint8 ``[count, 128, 128]``."""
        if not 0 <= start <= start + count <= self.lengths[video]:
            raise IndexError(f"frames {start} to {start + count} of {self.lengths[video]}")
        first = self.offsets[video] + start
        return self._frames[first : first + count]

    def verify(self) -> None:
        """Hash both files again. Raises FrameStoreError when one has changed since it was written."""
        for name, recorded in self.sha256.items():
            with (self.folder / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != recorded:
                    raise FrameStoreError(
                        f"{self.folder / name}: has changed since it was written; write the store again."
                    )


def write_frame_store(
    rows: Iterable[tuple[VideoLabel, Frames]], folder: Path, fps: float = 25.0
) -> FrameStore:
    """Write videos as they come, one at a time in memory, and open the finished store.

    rows: label and frames, uint8 ``[n, 128, 128]``, n ≥ 2. An unfinished or older store in ``folder``
    is replaced; any other folder with content is not touched. Raises FrameStoreError for it, for a
    video of fewer than 2 frames, and when there is no video at all.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "frames.bin").exists():
        raise FrameStoreError(f"{folder}: is not empty and not a frame store; choose another folder.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with (folder / "frames.bin").open("wb") as file:
        videos = list(_append(rows, file))
    if not videos:
        raise FrameStoreError(f"{folder}: there is no video to store; check the dataset folder.")
    pq.write_table(pa.Table.from_pylist(videos, schema=VIDEOS), folder / "videos.parquet")
    sha256 = {}
    for name in ("frames.bin", "videos.parquet"):
        with (folder / name).open("rb") as file:
            sha256[name] = hashlib.file_digest(file, "sha256").hexdigest()
    summary = {
        "fps": fps,
        "videos": len(videos),
        "frames": sum(int(str(video["frames"])) for video in videos),
        "sha256": sha256,
    }
    unfinished = folder / "store.json.partial"
    unfinished.write_text(json.dumps(summary, indent=2), encoding="utf-8")
    unfinished.replace(folder / "store.json")
    return FrameStore(folder)


def _append(rows: Iterable[tuple[VideoLabel, Frames]], file: BinaryIO) -> Iterator[dict[str, str | int]]:
    offset = 0
    for label, frames in rows:
        if frames.dtype != np.uint8 or frames.shape[1:] != (SIDE, SIDE) or len(frames) < 2:
            raise FrameStoreError(
                f"{label.path}: {frames.dtype} frames of shape {frames.shape} cannot be stored; "
                f"a video needs at least 2 uint8 frames of {SIDE}×{SIDE}."
            )
        file.write(np.ascontiguousarray(frames).data)
        yield {**asdict(label), "offset": offset, "frames": len(frames)}
        offset += len(frames)
