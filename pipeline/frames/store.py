"""A corpus decoded once into the frame store that training reads, continued after a kill.

Frames are decoded natively and consecutively, the paper's protocol: every decoded frame once, no
frame grid. A frame costs 16 KiB, so a video of N frames costs N × 16 KiB (10 s at 25 fps: 4 MiB).

While it grows, the store keeps a journal: one line for each video whose frames are on the disk, or
for each that gave none. A killed run cuts the frames back to what the journal vouches for and goes on;
where frames are lost that the journal vouches for, it goes on before the first of them. The finished
store is the same, byte for byte, as one written undisturbed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from model.frame_store import FRAME_BYTES, VIDEOS, FrameStore
from pipeline.actors import WorkerDied
from pipeline.custody import UNFINISHED_PREFIX, make_private_folder, write_atomically
from pipeline.datasets.label import Dataset
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.sources import decoder_version
from pipeline.decode.types import DecodeFailure, DecodeRequest
from pipeline.errors import UserError
from pipeline.frames.ordered import OrderedActors

#: Bytes of frames written between two journal entries; a kill costs at most this much work.
COMMIT_BYTES: Final = 64 * 2**20
REQUEST: Final = DecodeRequest(fps=None, thumbnails=0)
#: Of a corpus's video that killed its worker twice.
DIED: Final = DecodeFailure("worker_died", "The process that held the video died twice.")
FAILURES: Final = pa.schema([("path", pa.string()), ("reason_code", pa.string()), ("reason", pa.string())])


@dataclass(frozen=True)
class DecodedVideo:
    """All frames of a video, uint8 [n, 128, 128], n ≥ 2, and their rate in 1/s (None: unknown)."""

    frames: NDArray[np.uint8]
    fps: float | None


class VideoDecoder:
    """Ray actor: one guarded decoding child."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._decoder = GuardedDecoder()

    def work(self, path: str) -> DecodedVideo | DecodeFailure:
        """Every frame of one video, or why there is none; ``path`` is below the dataset's root."""
        decoded = self._decoder.decode(self._root / path, REQUEST)
        if isinstance(decoded, DecodeFailure):
            return decoded
        return DecodedVideo(decoded.frames, decoded.facts.fps)


def store_plan(dataset: Dataset) -> dict[str, str]:
    """What decides a store's content: the labels, the files, and how frames are decoded.

    A file is known by its name and size: a corpus made anew under the same names is another one, the same
    corpus on another disk is not.
    """
    labels = dataset.labels.select("path", "target", "driver", "generator", "split")
    content = "\n".join("\t".join(value or "" for value in row) for row in labels.iter_rows())
    sizes = "\n".join(_size(dataset.root / path) for path in labels["path"])
    return {
        "labels_sha256": hashlib.sha256(content.encode()).hexdigest(),
        "sizes_sha256": hashlib.sha256(sizes.encode()).hexdigest(),
        "decoder": f"{REQUEST.decoder} {decoder_version(REQUEST.decoder)}",
        "grid": "native",
    }


def _size(path: Path) -> str:
    try:
        return str(path.stat().st_size)
    except OSError:
        return ""


def differs(noted: Mapping[str, Any], plan: Mapping[str, Any]) -> bool:
    """Whether a folder's plan is not this one; sizes, which earlier versions did not note, may be missing."""
    return {"sizes_sha256": plan["sizes_sha256"], **noted} != plan


def holds_others_work(folder: Path) -> bool:
    """Whether a path is taken: by a file, or by a folder with more in it than a first file half-written."""
    if not folder.is_dir():
        return folder.exists()
    return any(not entry.name.startswith(UNFINISHED_PREFIX) for entry in folder.iterdir())


def finished_store(folder: Path, plan: dict[str, str]) -> bool:
    """Whether ``folder`` holds the finished store of this plan.

    Raises UserError when it holds anything but a store, or the store of another plan.
    """
    found = _read_json(folder / "store.json")
    if found is not None:
        if differs(found.get("plan", {}), plan):
            raise UserError(
                f"{folder} is the frame store of other videos, of files since changed, or of another "
                "decoder: name another folder."
            )
        return True
    begun = _read_json(folder / "plan.json")
    if begun is not None and differs(begun, plan):
        raise UserError(
            f"{folder} is the unfinished frame store of other videos, of files since changed, or of another "
            "decoder: remove it or name another folder."
        )
    if begun is None and holds_others_work(folder):
        raise UserError(f"{folder} exists and is not a frame store: name another folder.")
    return False


def write_store(
    dataset: Dataset, folder: Path, workers: int, expect: Callable[[int], None], step: Callable[[int], None]
) -> FrameStore:
    """Decode every video of ``dataset`` into ``folder``; use inside ``ray_session``.

    ``expect`` is told how many videos there are, ``step`` how many more are done. Videos that give no
    frames are listed in ``failures.parquet``. Raises UserError when none gives any, or the folder holds
    something else (see ``finished_store``).
    """
    plan = store_plan(dataset)
    expect(len(dataset))
    if finished_store(folder, plan):
        step(len(dataset))
        return FrameStore(folder)
    make_private_folder(folder)
    write_atomically(folder / "plan.json", json.dumps(plan, indent=1).encode())
    with _Journal(folder) as journal:
        step(len(journal.done))
        left = [path for path in dataset.labels["path"] if path not in journal.done]
        decoders = OrderedActors[str](VideoDecoder, (dataset.root,), workers, num_cpus=0)
        for path, result in decoders.map(left):
            journal.note(path, result)
            step(1)
        journal.commit()
        entries = journal.entries
    return _finish(dataset, folder, plan, entries)


class _Journal:
    """State: the growing frames, and the lines that vouch for them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.entries: list[dict[str, Any]] = list(_backed(folder))
        self.done = {entry["path"] for entry in self.entries}
        self._offset = sum(entry.get("frames", 0) for entry in self.entries)
        self._pending: list[dict[str, Any]] = []
        self._unsynced = 0

    def __enter__(self) -> _Journal:
        self._frames: BinaryIO = (self._folder / "frames.bin").open("ab")
        self._frames.truncate(self._offset * FRAME_BYTES)
        journal = self._folder / "journal.jsonl"
        write_atomically(journal, b"".join(map(_line, self.entries)))  # less a torn line; at no moment none
        self._lines: BinaryIO = journal.open("ab")
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._lines, self._frames):
            with _naming(file):  # what could not be written is tried once more
                file.close()

    def note(self, path: str, result: DecodedVideo | DecodeFailure | WorkerDied) -> None:
        """Append one video's frames, or why there are none."""
        if isinstance(result, DecodedVideo):
            with _naming(self._frames):
                self._frames.write(np.ascontiguousarray(result.frames).data)
            count = len(result.frames)
            self._pending.append({"path": path, "offset": self._offset, "frames": count, "fps": result.fps})
            self._offset += count
            self._unsynced += count * FRAME_BYTES
        else:
            why = DIED if isinstance(result, WorkerDied) else result
            self._pending.append({"path": path, "reason_code": why.reason_code, "reason": why.reason})
        if self._unsynced >= COMMIT_BYTES:
            self.commit()

    def commit(self) -> None:
        """First the frames reach the disk, then the lines that vouch for them."""
        for file, lines in ((self._frames, []), (self._lines, self._pending)):
            with _naming(file):
                file.write(b"".join(map(_line, lines)))
                file.flush()
                os.fsync(file.fileno())
        self.entries += self._pending
        self._pending, self._unsynced = [], 0


@contextmanager
def _naming(file: BinaryIO) -> Iterator[None]:
    """Let an OSError, a full disk most likely, tell which file could not be written."""
    try:
        yield
    except OSError as error:
        error.filename = file.name
        raise


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False).encode("utf-8", "surrogateescape") + b"\n"


def _backed(folder: Path) -> Iterator[dict[str, Any]]:
    """The journal up to the first video whose frames are not all there: filled up they would be black."""
    frames = folder / "frames.bin"
    size = frames.stat().st_size if frames.exists() else 0
    for entry in _journal_lines(folder / "journal.jsonl"):
        if (entry.get("offset", 0) + entry.get("frames", 0)) * FRAME_BYTES > size:
            return
        yield entry


def _journal_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Whole lines up to the first that is not: the last may be torn, and a lost block reads as zeros."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines(keepends=True):
        try:
            entry = json.loads(line.decode("utf-8", "surrogateescape"))
        except ValueError:
            return
        if not line.endswith(b"\n"):
            return
        yield entry


def _finish(
    dataset: Dataset, folder: Path, plan: dict[str, str], entries: list[dict[str, Any]]
) -> FrameStore:
    stored = [entry for entry in entries if "frames" in entry]
    failures = [entry for entry in entries if "frames" not in entry]
    if not stored:
        raise UserError(
            f"{dataset.root}: none of its {len(entries)} videos could be decoded "
            f"(the first: {failures[0]['path']}: {failures[0]['reason']}): check the dataset."
        )
    labels = dataset.labels.select("path", "target", "driver", "generator", pl.col("split").fill_null(""))
    places = pl.DataFrame(
        {name: [entry[name] for entry in stored] for name in ("path", "offset", "frames")},
        schema={"path": pl.String, "offset": pl.Int64, "frames": pl.Int32},
    )
    videos = labels.join(places, on="path", how="inner", maintain_order="right").sort("offset")
    _write_parquet(folder / "videos.parquet", videos.to_arrow().cast(VIDEOS))
    rows = [{name: entry[name] for name in FAILURES.names} for entry in failures]
    _write_parquet(folder / "failures.parquet", pa.Table.from_pylist(rows, schema=FAILURES))
    rates = [entry["fps"] for entry in stored if entry["fps"]]
    summary = {
        "fps": round(float(np.median(rates)), 3) if rates else 25.0,
        "fps_range": [round(min(rates), 3), round(max(rates), 3)] if rates else None,
        "videos": len(stored),
        "failed": len(failures),
        "frames": sum(entry["frames"] for entry in stored),
        "plan": plan,
        "sha256": {name: _sha256(folder / name) for name in ("frames.bin", "videos.parquet")},
    }
    write_atomically(folder / "store.json", json.dumps(summary, indent=1).encode())
    for name in ("journal.jsonl", "plan.json"):
        (folder / name).unlink()
    return FrameStore(folder)


def _write_parquet(path: Path, table: pa.Table) -> None:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    write_atomically(path, buffer.getvalue())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        raise UserError(f"{path} cannot be read: remove its folder and run again.") from None
    return found
