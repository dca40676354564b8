"""A benchmark's folder: which videos are decoded, what each model made of them, what was measured.

``videos/`` and ``embeddings/<model_id>/`` hold one Parquet part for each chunk of the sorted labels. A
part that exists is done. Models may join later: only their parts are missing then.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from model.metadata import ModelMetadata
from pipeline.benchmark import schemas
from pipeline.benchmark.imported import Imported
from pipeline.custody import make_private_folder, remove_unfinished, write_atomically
from pipeline.errors import UserError
from pipeline.frames.store import differs, holds_others_work

#: Videos a part covers: few enough that a kill costs little, enough that 650,000 make 10,000 files.
CHUNK: Final = 64
NOT_FINITE: Final = "processing_failed"  # as of a case's video that was decoded and could not be embedded


@dataclass(frozen=True)
class RunFolder:
    """Paths and parts of one run. The robustness rerun is a run of its own with other columns."""

    root: Path
    video_columns: pa.Schema = schemas.VIDEOS
    embedding_columns: pa.Schema = schemas.EMBEDDINGS

    @property
    def robustness(self) -> RunFolder:
        """The rerun with altered videos, in a folder below."""
        return RunFolder(self.root / "robustness", schemas.ALTERED_VIDEOS, schemas.ALTERED_EMBEDDINGS)

    @property
    def record(self) -> Path:
        return self.root / "benchmark.json"

    @property
    def report(self) -> Path:
        return self.root / "benchmark.html"

    def prepare(self, plan: dict[str, Any]) -> None:
        """Make the folder ready for these videos; what is done already stays.

        Raises UserError when it holds another plan's run or something else.
        """
        path = self.root / "plan.json"
        if self.begun():
            if differs(json.loads(path.read_text("utf-8")), plan):
                raise UserError(
                    f"{self.root} holds a benchmark of other videos, of files since changed, of another "
                    "decoder or of other options: name another folder with -o, or give the same dataset and "
                    "options."
                )
        elif holds_others_work(self.root):
            raise UserError(f"{self.root} exists and is not a benchmark: name a new or empty folder with -o.")
        else:
            make_private_folder(self.root)
            # First of all: it makes the folder ours.
            write_atomically(path, json.dumps(plan, indent=1).encode())
        remove_unfinished(self.root)
        make_private_folder(self.root / "videos")
        make_private_folder(self.root / "models")

    def begun(self) -> bool:
        """Whether a plan was noted."""
        return (self.root / "plan.json").is_file()

    def take_back_record(self) -> dict[str, Any]:
        """The record of the last finished run, removed: an unfinished run must not look finished."""
        if not self.record.is_file():
            return {}
        record: dict[str, Any] = json.loads(self.record.read_text("utf-8"))
        self.record.unlink()
        return record

    def passes(self) -> list[dict[str, Any]]:
        """How videos were decoded and embedded, a record a sitting, those that were interrupted too."""
        path = self.root / "passes.json"
        noted: list[dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.is_file() else []
        return noted

    def note_passes(self, passes: list[dict[str, Any]]) -> None:
        """Write what `passes` reads."""
        write_atomically(self.root / "passes.json", json.dumps(passes, indent=1).encode())

    def add_model(self, model_id: str, file_name: str, metadata: ModelMetadata) -> None:
        """Note a model, so that its results stay in the tables when others join."""
        make_private_folder(self.root / "embeddings" / model_id)
        record = {"model_id": model_id, "file": file_name, **asdict(metadata)}
        write_atomically(self.root / "models" / f"{model_id}.json", json.dumps(record, indent=1).encode())

    def add_imported(self, imported: Imported) -> None:
        """Note another system's embeddings or scores as a model that needs no videos."""
        make_private_folder(self.root / "imports")
        buffer = io.BytesIO()
        imported.table.write_parquet(buffer)
        write_atomically(self.root / "imports" / f"{imported.id}.parquet", buffer.getvalue())
        record = {
            "model_id": imported.id,
            "file": imported.file,
            "model_name": Path(imported.file).stem,
            "imported": imported.kind,
            "problems": [str(problem) for problem in imported.problems],
        }
        write_atomically(self.root / "models" / f"{imported.id}.json", json.dumps(record, indent=1).encode())

    def read_imported(self, model_id: str) -> pl.DataFrame:
        """What ``add_imported`` kept: embeddings or pair scores, see ``pipeline.benchmark.imported``."""
        return pl.read_parquet(self.root / "imports" / f"{model_id}.parquet")

    def models(self) -> list[dict[str, Any]]:
        """Every model noted, by name and id."""
        found = [json.loads(path.read_text("utf-8")) for path in (self.root / "models").glob("*.json")]
        return sorted(found, key=lambda record: (record["model_name"], record["model_id"]))

    def missing(self, chunks: int, model_ids: list[str]) -> dict[int, tuple[str, ...]]:
        """Chunk -> models whose part is not there; chunks with nothing missing are left out."""
        done = {
            model_id: {path.stem for path in (self.root / "embeddings" / model_id).glob("*.parquet")}
            for model_id in model_ids
        }
        found = {
            chunk: tuple(model_id for model_id in model_ids if part_name(chunk) not in done[model_id])
            for chunk in range(chunks)
        }
        return {chunk: models for chunk, models in found.items() if models}

    def commit(
        self, chunk: int, videos: list[dict[str, Any]], embeddings: dict[str, list[dict[str, Any]]]
    ) -> None:
        """Write the chunk's parts; a model's part last, because it says that the chunk is done for it."""
        _write(
            self.root / "videos" / f"{part_name(chunk)}.parquet",
            pa.Table.from_pylist(videos, schema=self.video_columns),
        )
        for model_id, rows in embeddings.items():
            _write(
                self.root / "embeddings" / model_id / f"{part_name(chunk)}.parquet",
                pa.Table.from_pylist(rows, schema=self.embedding_columns),
            )

    def read_videos(self) -> pa.Table:
        """All rows of ``videos``; none where nothing was decoded."""
        if not any((self.root / "videos").glob("*.parquet")):
            return self.video_columns.empty_table()
        return pq.read_table(self.root / "videos", schema=self.video_columns)

    def read_embeddings(self, model_id: str) -> pa.Table:
        """All rows of one model's ``embeddings``."""
        return pq.read_table(self.root / "embeddings" / model_id, schema=self.embedding_columns)

    def without_embedding(self, model_id: str, videos: pl.DataFrame) -> list[dict[str, Any]]:
        """Of the rows of ``videos`` the decoded ones without a finite embedding by a model, as failed."""
        keys = [name for name in ("path", "alteration") if name in self.embedding_columns.names]
        of_model = pq.read_table(
            self.root / "embeddings" / model_id, schema=self.embedding_columns, columns=keys
        )
        lost = videos.filter(status="processed").join(
            pl.DataFrame(of_model), on=keys, how="anti", maintain_order="left"
        )
        file = next(model["file"] for model in self.models() if model["model_id"] == model_id)
        reason = f"The model {file} gives an embedding of it that is not finite and cannot be compared."
        failed = {"status": "failed", "reason_code": NOT_FINITE, "reason": reason}
        return [{**row, **failed} for row in lost.iter_rows(named=True)]

    def has_results(self) -> bool:
        """Whether every result table is there."""
        return all((self.root / f"{name}.parquet").is_file() for name in schemas.RESULT_TABLES)

    def write_result(self, name: str, rows: list[dict[str, Any]]) -> None:
        """Write one of ``schemas.RESULT_TABLES``."""
        table = pa.Table.from_pylist(rows, schema=schemas.RESULT_TABLES[name])
        _write(self.root / f"{name}.parquet", table)


def part_name(chunk: int) -> str:
    """Name of a chunk's part, without suffix."""
    return f"part-{chunk:05}"


def _write(path: Path, table: pa.Table) -> None:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    write_atomically(path, buffer.getvalue())
