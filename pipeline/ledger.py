"""The commit ledger: one shard per source file, done when its rename has happened.

A shard is a single row that holds everything one file yields (its decode facts, shots, clips,
embeddings, pictures) as nested columns, so one atomic rename commits all of it or none. It is an Arrow
IPC file: for one row of sixty columns Parquet takes ten times as long to write and to read.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline import schemas
from pipeline.custody import write_atomically
from pipeline.errors import UserError
from pipeline.worker_facts import WorkerFacts

Row = Mapping[str, Any]
Crop = tuple[int, int, int, int]

SUFFIX = ".arrow"
PASSING = "-passing"
NESTED = ("shots", "clips", "embeddings", "visuals")
WORKER = "worker"
#: Evidence columns that decoding fills; the rest come from intake and differ between paths.
FACTS = (
    "container", "codec", "pixel_format", "width", "height", "rotation", "interlaced", "fps", "vfr",
    "frames_declared", "frames_decoded", "frames_on_grid", "frames_duplicated", "frames_dropped",
    "duration", "decoder", "decoder_version", "rejected_packets", "n_clips", "n_usable", "status",
    "reason_code", "reason",
)  # fmt: skip

SHARD = pa.schema(
    [
        pa.field("evidence_id", pa.string(), nullable=False),
        *(schemas.EVIDENCE.field(name) for name in FACTS),
        *(pa.field(name, pa.list_(pa.struct(list(schemas.TABLES[name])))) for name in NESTED),
        pa.field(WORKER, pa.string()),  # JSON of WorkerFacts
    ]
)


@dataclass(frozen=True)
class FileResult:
    """Everything one source file yields; ``worker``: None when the worker died of it."""

    evidence_id: str
    facts: Row
    shots: Sequence[Row] = ()
    clips: Sequence[Row] = ()
    embeddings: Sequence[Row] = ()
    visuals: Sequence[Row] = ()
    worker: WorkerFacts | None = None


class Ledger:
    """The shards of one case.

    ``files``: what the run is about, evidence_id -> crop (x, y, width, height in pixels) or None. Shards of
    other files, or made with another crop, are of an earlier session over other evidence and passed over.
    None: whatever lies there, uncropped.
    """

    def __init__(self, folder: Path, files: Mapping[str, Crop | None] | None = None) -> None:
        self._folder = folder
        self._files = files
        self._passing: set[Path] = set()

    def _path(self, evidence_id: str) -> Path:
        crop = (self._files or {}).get(evidence_id)
        return self._folder / ("-".join([evidence_id, *map(str, crop or ())]) + SUFFIX)

    def done(self) -> set[str]:
        """evidence_id of every file whose results are committed."""
        return {path.stem.partition("-")[0] for path in self._paths()}

    def commit(self, result: FileResult, *, for_good: bool = True) -> None:
        """Write the shard under a temporary name, fsync, rename. Afterwards the file is done.

        Not ``for_good``: in this session only. Of a file that changed since its bytes were hashed nobody can
        say that the results are those of its evidence_id, under which a later session may find a sound copy.
        """
        row: dict[str, Any] = {"evidence_id": result.evidence_id}
        row |= {name: result.facts.get(name) for name in FACTS}
        row |= {name: [dict(part) for part in getattr(result, name)] for name in NESTED}
        row[WORKER] = result.worker and result.worker.to_json()
        buffer = io.BytesIO()
        with pa.ipc.new_file(buffer, SHARD) as shard:
            shard.write_table(pa.Table.from_pylist([row], schema=SHARD))
        path = self._path(result.evidence_id)
        if for_good:
            write_atomically(path, buffer.getvalue())
            return
        passing = path.with_name(path.stem + PASSING + SUFFIX)
        write_atomically(passing, buffer.getvalue())
        self._passing.add(passing)
        path.unlink(missing_ok=True)  # or the file's rows would stand twice

    def facts(self) -> dict[str, dict[str, Any]]:
        """Decode facts of every done file, by evidence_id."""
        found = {}
        for path in self._paths():
            row = _read(path, ["evidence_id", *FACTS]).to_pylist()[0]
            found[row.pop("evidence_id")] = row
        return found

    def workers(self) -> list[WorkerFacts]:
        """Under what the done files were processed, in whichever session: each way once."""
        ways = {_read(path, [WORKER])[WORKER][0].as_py() for path in self._paths()}
        return [WorkerFacts.from_json(way) for way in sorted(ways - {None})]

    def rows(self, name: str) -> Iterator[pa.Table]:
        """The table ``name`` (shots, clips, embeddings, visuals), one piece per done file by evidence_id."""
        schema = schemas.TABLES[name]
        for path in self._paths():
            nested = _read(path, [name]).column(name).combine_chunks()
            flat = nested.flatten()
            yield pa.Table.from_arrays([flat.field(i) for i in range(len(schema))], schema=schema)

    def _paths(self) -> list[Path]:
        there = sorted(self._folder.glob(f"*{SUFFIX}"))
        if self._files is None:
            return [path for path in there if not path.stem.endswith(PASSING) or path in self._passing]
        wanted = {self._path(evidence_id) for evidence_id in self._files} | self._passing
        return [path for path in there if path in wanted]


def _read(path: Path, columns: Sequence[str]) -> pa.Table:
    """Some columns of a shard; the others are neither read nor kept in memory. Raises UserError."""
    wanted = pa.ipc.IpcReadOptions(included_fields=[SHARD.get_field_index(name) for name in columns])
    try:
        with pa.OSFile(str(path)) as file:
            return pa.ipc.open_file(file, options=wanted).read_all()
    except pa.ArrowException as error:  # it was written whole: the disk has lost something since
        raise UserError(
            f"{path} cannot be read ({error}): check the disk, remove that file and run the same command "
            "again, its video is done anew."
        ) from None
