"""A file is done when, and only when, its shard has been renamed into place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.digest import pieces_digest, table_digest
from pipeline.errors import UserError
from pipeline.ledger import FileResult, Ledger
from pipeline.tables import (
    PICTURES_GROUP,
    from_pieces,
    from_rows,
    read_table,
    table_path,
    write_pieces,
)
from pipeline.worker_facts import WorkerFacts, guards_of, providers_of


def result(evidence_id: str, clips: int) -> FileResult:
    facts = {
        "codec": "h264",
        "frames_decoded": 64 * clips,
        "n_clips": clips,
        "n_usable": clips,
        "status": "processed",
    }
    rows = [
        {
            "clip_id": f"{evidence_id}-{64 * i:07d}-64",
            "evidence_id": evidence_id,
            "index": i,
            "shot": 0,
            "start_frame": 64 * i,
            "end_frame": 64 * i + 64,
            "start_second": 2.56 * i,
            "end_second": 2.56 * (i + 1),
            "padded_frames": 0,
            "duplicated_frames": 0,
            "motion_energy": 1.5,
            "flags": ["letterbox"],
            "usable": True,
        }
        for i in range(clips)
    ]
    vectors = np.eye(256, dtype=np.float32)
    embeddings = [
        {"clip_id": row["clip_id"], "evidence_id": evidence_id, "model_id": "m", "embedding": vectors[i]}
        for i, row in enumerate(rows)
    ]
    return FileResult(evidence_id, facts, clips=rows, embeddings=embeddings)


def test_committed_file_is_done_and_its_rows_come_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.commit(result("a" * 64, 2))
    ledger.commit(result("b" * 64, 3))
    assert ledger.done() == {"a" * 64, "b" * 64}
    clips = from_pieces("clips", ledger.rows("clips"))
    assert clips.num_rows == 5
    assert set(clips.column("flags").to_pylist()[0]) == {"letterbox"}
    embeddings = from_pieces("embeddings", ledger.rows("embeddings"))
    assert embeddings.column("embedding").to_pylist()[1] == np.eye(256)[1].tolist()
    assert ledger.facts()["b" * 64]["n_clips"] == 3


def test_half_written_shard_is_not_done(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.commit(result("a" * 64, 1))
    whole = next(tmp_path.glob("*.arrow")).read_bytes()
    (tmp_path / ".x.part").write_bytes(whole[: len(whole) // 2])
    assert ledger.done() == {"a" * 64}
    assert len(ledger.facts()) == 1


def test_shard_the_disk_has_spoilt_is_named_with_what_to_do(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.commit(result("a" * 64, 1))
    (shard,) = tmp_path.glob("*.arrow")
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"a\.arrow cannot be read .* remove that file and run the same"):
        ledger.facts()


def test_file_without_clips_leaves_facts_and_empty_tables(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    facts = {"status": "failed", "reason_code": "no_frames", "reason": "no", "n_clips": 0, "n_usable": 0}
    ledger.commit(FileResult("c" * 64, facts))
    assert ledger.facts()["c" * 64]["reason_code"] == "no_frames"
    assert from_pieces("visuals", ledger.rows("visuals")).num_rows == 0


def test_ways_in_which_files_were_processed_come_back_once_each(tmp_path: Path) -> None:
    here = WorkerFacts(frozenset({"CPUExecutionProvider"}), {"memory": "at most 4"})
    elsewhere = WorkerFacts(frozenset({"CUDAExecutionProvider"}), {"memory": "not in force"})
    ledger = Ledger(tmp_path)
    for letter, worker in zip("abcd", (elsewhere, here, here, None), strict=True):  # the last: it died
        ledger.commit(replace(result(letter * 64, 1), worker=worker))
    assert ledger.workers() == [here, elsewhere]
    assert providers_of(ledger.workers()) == "CPUExecutionProvider / CUDAExecutionProvider"
    assert guards_of(ledger.workers()) == {"memory": "at most 4 / not in force"}


def test_shard_of_a_file_that_is_no_longer_evidence_or_cropped_otherwise_is_passed_over(
    tmp_path: Path,
) -> None:
    before = Ledger(tmp_path, {"a" * 64: None, "b" * 64: (0, 0, 64, 48), "c" * 64: None})
    for letter in "abc":
        before.commit(result(letter * 64, 2))
    now = Ledger(tmp_path, {"b" * 64: (8, 0, 64, 48), "c" * 64: None, "d" * 64: None})
    assert now.done() == {"c" * 64}
    assert set(now.facts()) == {"c" * 64}
    for name in ("clips", "embeddings"):
        rows = from_pieces(name, now.rows(name))
        assert set(rows.column("evidence_id").to_pylist()) == {"c" * 64}
    now.commit(result("b" * 64, 3))
    assert now.facts()["b" * 64]["n_clips"] == 3
    assert before.facts()["b" * 64]["n_clips"] == 2


def test_results_of_a_file_that_changed_after_hashing_count_once_and_in_their_session_only(
    tmp_path: Path,
) -> None:
    """Another copy of the bytes that were hashed may be evidence of a later session."""
    files = {"a" * 64: None, "b" * 64: (0, 0, 64, 48)}
    ledger = Ledger(tmp_path, files)
    for key in files:
        ledger.commit(result(key, 2))
        ledger.commit(result(key, 3), for_good=False)
    assert ledger.done() == set(files)
    assert {facts["n_clips"] for facts in ledger.facts().values()} == {3}
    assert from_pieces("clips", ledger.rows("clips")).num_rows == 6
    assert Ledger(tmp_path, files).done() == Ledger(tmp_path).done() == set()


def test_shards_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.commit(result("a" * 64, 1))
    assert next(tmp_path.glob("*.arrow")).stat().st_mode & 0o777 == 0o600


def test_table_written_piece_by_piece_is_the_table_written_whole(tmp_path: Path) -> None:
    """Whatever came first, rows end sorted, and digest and table are those of the rows in one piece."""
    ledger = Ledger(tmp_path / "shards")
    (tmp_path / "shards").mkdir()
    for letter in "cab":
        done = result(letter * 64, 3)
        ledger.commit(replace(done, embeddings=list(reversed(done.embeddings))))
    whole = from_pieces("embeddings", ledger.rows("embeddings"))
    assert pieces_digest("embeddings", ledger.rows("embeddings")) == table_digest("embeddings", whole)
    for case, pieces in (("whole", [whole]), ("pieces", ledger.rows("embeddings"))):
        write_pieces(tmp_path / case, "embeddings", pieces)
    written = read_table(tmp_path / "pieces", "embeddings")
    assert written.equals(read_table(tmp_path / "whole", "embeddings"))
    ids = written.column("clip_id").to_pylist()
    assert ids == sorted(ids) and len(ids) == 9


def test_pictures_lie_in_small_groups_so_that_one_video_is_read_without_the_others(tmp_path: Path) -> None:
    pictures = [
        {"evidence_id": f"{k:064x}", "clip_id": f"{k}", "kind": "motion", "second": 0.0, "image": b"x"}
        for k in range(3 * PICTURES_GROUP)
    ]
    write_pieces(tmp_path, "visuals", [from_rows("visuals", pictures)])
    file = pq.ParquetFile(table_path(tmp_path, "visuals"))
    assert [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)] == [PICTURES_GROUP] * 3
