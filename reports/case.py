"""A case folder read back: the run, the tables, and what each exhibit is called.

Nothing here needs the videos, the model or Ray: a report can be rebuilt from the folder years later.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.names import has_video_suffix
from pipeline.reasons import DECODE_FAILURES, ENGINE
from pipeline.schemas import EMBEDDING_SIZE, SORT_KEYS, TABLES
from reports.names import spelt_alike

Row = dict[str, Any]

#: Columns of the evidence table that name people.
PERSON_COLUMNS: Final = ("identity", "target", "claimed_driver")
#: Why a file whose content is a video's gave no result.
_OF_VIDEOS: Final = {*DECODE_FAILURES, *ENGINE, "no_identity"}


@dataclass(frozen=True)
class Exhibit:
    """One video of the case under the short name the report uses for it (Q1, K7).

    ``evidence_id`` is None where the results of that content, if there are any, are another exhibit's.
    """

    label: str
    key: str
    evidence_id: str | None
    row: Row

    @property
    def path(self) -> str:
        return str(self.row["path"])

    @property
    def anchor(self) -> str:
        return f"video-{self.label}"


@dataclass(frozen=True)
class Case:
    """Everything the report is made from.

    ``clips``, ``shots`` and ``scores`` are grouped by evidence_id; ``pairs`` stays columnar, an
    exploratory case of a thousand videos has half a million of them. ``videos``: which rows of ``evidence``
    are of a video that was decoded, failed to be or, unread, is called one by its name. ``spellings``:
    people's names that differ in their spelling alone; each is taken for a person.
    """

    folder: Path
    run: Row
    evidence: tuple[Row, ...]
    videos: tuple[bool, ...]
    spellings: tuple[tuple[str, ...], ...]
    shots: dict[str, list[Row]]
    clips: dict[str, list[Row]]
    scores: dict[str, list[Row]]
    pairs: pa.Table
    embeddings: pa.Table
    calibration: pa.Table
    redacted: bool = False

    @property
    def exploratory(self) -> bool:
        return bool(self.run.get("mode") == "exploratory")

    @cached_property
    def exhibits(self) -> tuple[Exhibit, ...]:
        """Every video that was decoded or failed to be, named in order of path: Q questioned, K known."""
        numbers = {"questioned": 0, "known": 0}
        named: list[Exhibit] = []
        decoded = {row["evidence_id"] for row in self.evidence if row["status"] == "processed"}
        seen: set[str | None] = {None}
        for row, is_video in zip(self.evidence, self.videos, strict=True):
            if not is_video:
                continue
            evidence_id = row["evidence_id"]
            if evidence_id in seen or (evidence_id in decoded and row["status"] != "processed"):
                evidence_id = None
            seen.add(evidence_id)
            numbers[row["role"]] += 1
            letter = "K" if row["role"] == "known" else "Q"
            label = f"{letter}{numbers[row['role']]}"
            named.append(Exhibit(label, evidence_id or row["path"], evidence_id, row))
        return tuple(named)

    @cached_property
    def by_id(self) -> dict[str, Exhibit]:
        """Exhibits that have an evidence_id, by it."""
        return {e.evidence_id: e for e in self.exhibits if e.evidence_id}

    @cached_property
    def _visual_files(self) -> dict[str, list[Path]]:
        """Which shard of `visuals/` holds which video: pictures are read one video at a time."""
        where: dict[str, list[Path]] = defaultdict(list)
        for shard in sorted((self.folder / "visuals").glob("*.parquet")):
            ids = pq.read_table(shard, columns=["evidence_id"]).column("evidence_id").unique()
            for evidence_id in ids.to_pylist():
                where[evidence_id].append(shard)
        return where

    def visuals(self, evidence_id: str) -> list[Row]:
        """Every picture kept of one video, by kind and time; none in a redacted report."""
        if self.redacted:
            return []
        rows: list[Row] = []
        for shard in self._visual_files.get(evidence_id, []):
            table = pq.read_table(shard, filters=[("evidence_id", "=", evidence_id)])
            rows.extend(table.to_pylist())
        return sorted(rows, key=lambda r: (r["kind"], r["second"], r["clip_id"]))

    @cached_property
    def _embedding_rows(self) -> dict[str, NDArray[np.intp]]:
        ids = self.embeddings.column("evidence_id").to_numpy(zero_copy_only=False)
        order = np.argsort(ids, kind="stable")
        keys, starts = np.unique(ids[order], return_index=True)
        return dict(zip(keys.tolist(), np.split(order, starts[1:]), strict=True)) if len(ids) else {}

    @cached_property
    def _embedding_matrix(self) -> NDArray[np.float32]:
        column = self.embeddings.column("embedding").combine_chunks()
        return np.asarray(column.flatten().to_numpy(zero_copy_only=False), np.float32).reshape(
            -1, EMBEDDING_SIZE
        )

    def clip_embeddings(self, evidence_id: str) -> dict[str, NDArray[np.float32]]:
        """clip_id -> embedding ``(256,) float32`` of every embedded window of one video."""
        rows = self._embedding_rows.get(evidence_id, np.empty(0, np.intp))
        ids = self.embeddings.column("clip_id").take(pa.array(rows)).to_pylist()
        return dict(zip(ids, self._embedding_matrix[rows], strict=True))

    def usable_embeddings(self, evidence_id: str) -> NDArray[np.float32]:
        """``(clips, 256) float32``: the windows fit for comparison, in order of time."""
        by_clip = self.clip_embeddings(evidence_id)
        rows = [
            by_clip[c["clip_id"]]
            for c in self.clips.get(evidence_id, [])
            if c["usable"] and c["clip_id"] in by_clip
        ]
        return np.stack(rows) if rows else np.empty((0, EMBEDDING_SIZE), np.float32)


def load_case(folder: Path) -> Case:
    """Reads a case folder written by ``driverprint analyze``.

    Raises UserError when ``folder`` is not such a folder or one of its tables cannot be read.
    """
    run_file = folder / "run.json"
    try:
        run = json.loads(run_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{folder} is not a case: it holds no run.json; run `driverprint analyze` first."
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{run_file} cannot be read ({error}); restore it or analyse again.") from None
    if not isinstance(run, dict):
        raise UserError(f"{run_file} does not describe a run; restore it or analyse again.")
    evidence = tuple(_rows(folder, "evidence"))
    return Case(
        folder=folder,
        run=run,
        evidence=evidence,
        videos=tuple(map(_is_video, evidence)),
        spellings=spelt_alike(row[c] for row in evidence for c in PERSON_COLUMNS if row[c] is not None),
        shots=_grouped(_rows(folder, "shots")),
        clips=_grouped(_rows(folder, "clips")),
        scores=_grouped(_rows(folder, "scores")),
        pairs=_table(folder, "pairs"),
        embeddings=_table(folder, "embeddings"),
        calibration=_table(folder, "calibration"),
    )


def _is_video(row: Row) -> bool:
    if row["status"] != "failed":
        return bool(row["status"] == "processed")
    judged = row["evidence_id"] is not None and row["reason_code"] in _OF_VIDEOS
    return judged or has_video_suffix(row["path"])


def _table(folder: Path, name: str) -> pa.Table:
    """``name.parquet`` or all shards below ``name/``, in the order the schema declares."""
    single = folder / f"{name}.parquet"
    files = [single] if single.is_file() else sorted((folder / name).glob("*.parquet"))
    schema = TABLES[name]
    parts = []
    for file in files:
        try:
            parts.append(pq.read_table(file).select(schema.names).cast(schema))
        except (OSError, KeyError, ValueError) as error:
            raise UserError(f"{file} is not a {name} table ({error}); restore it or analyse again.") from None
    table = pa.concat_tables(parts) if parts else schema.empty_table()
    return table.sort_by([(key, "ascending") for key in SORT_KEYS[name]])


def _rows(folder: Path, name: str) -> list[Row]:
    rows: list[Row] = _table(folder, name).to_pylist()
    return rows


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["evidence_id"]].append(row)
    return dict(groups)
