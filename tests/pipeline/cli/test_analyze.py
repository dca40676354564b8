"""The main job on real video: every frame counted, every file accounted for, the same result again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from pipeline.worker_facts import WorkerFacts
from tests.pipeline.cli.conftest import Run, command, driverprint


def evidence_of(case: Path) -> dict[str, dict[str, object]]:
    return {row["path"]: row for row in pl.read_parquet(case / "evidence.parquet").to_dicts()}


def digest_of(case: Path) -> str:
    done = driverprint("verify", case)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()[2]


def test_every_file_is_accounted_for(real_run: Run) -> None:
    files = {str(p.relative_to(real_run.evidence)) for p in real_run.evidence.rglob("*") if p.is_file()}
    rows = evidence_of(real_run.case)
    assert set(rows) == files
    record = json.loads((real_run.case / "run.json").read_text(encoding="utf-8"))
    counts = record["counts"]
    assert counts["found"] == len(files)
    assert sum(counts[s] for s in ("processed", "failed", "skipped", "duplicate")) == len(files)
    assert rows["questioned/notes.mp4"]["status"] == "failed"
    assert rows["questioned/notes.mp4"]["reason_code"] == "not_video"
    assert real_run.code == 1
    assert "questioned/notes.mp4" in real_run.log
    assert "Traceback" not in real_run.log


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
def test_frames_decoded_equals_what_ffprobe_counts(real_run: Run) -> None:
    checked = 0
    for path, row in evidence_of(real_run.case).items():
        if row["status"] != "processed" or row["reason_code"] is not None:
            continue
        entries = ["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]
        command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-count_frames", *entries]
        done = subprocess.run(
            [*command, str(real_run.evidence / path)], capture_output=True, text=True, check=True
        )
        assert row["frames_decoded"] == int(done.stdout.strip().strip(",")), path
        checked += 1
    assert checked >= 4


def test_embeddings_are_unit_vectors_one_for_each_clip(real_run: Run) -> None:
    clips = pl.read_parquet(real_run.case / "clips")
    embeddings = pl.read_parquet(real_run.case / "embeddings")
    assert set(clips["clip_id"]) == set(embeddings["clip_id"])
    assert len(clips) > 50
    norms = np.linalg.norm(embeddings["embedding"].to_numpy(), axis=1)
    np.testing.assert_allclose(norms, 1.0, atol=1e-5)


def test_questioned_videos_are_ranked_against_all_known_identities(real_run: Run) -> None:
    scores = pl.read_parquet(real_run.case / "scores.parquet")
    rows = evidence_of(real_run.case)
    known = {r["identity"] for r in rows.values() if r["role"] == "known"}
    for _, group in scores.group_by("evidence_id"):
        assert set(group["identity"]) == known
        assert group.sort("rank")["score"].is_sorted(descending=True)
    assert scores["llr"].null_count() == len(scores)


def test_sealed_case_verifies_and_no_one_else_can_read_it(real_run: Run) -> None:
    record = json.loads((real_run.case / "run.json").read_text(encoding="utf-8"))
    assert digest_of(real_run.case) == record["result_digest"]
    for path in [real_run.case, *real_run.case.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    assert not (real_run.case / ".work").exists()


def test_running_again_gives_the_same_digest(real_run: Run, tmp_path: Path) -> None:
    done = driverprint("analyze", real_run.evidence, "-o", tmp_path / "again", "--workers", "1")
    assert done.returncode == real_run.code
    assert digest_of(tmp_path / "again") == digest_of(real_run.case)


def test_killed_run_continues_where_it_stopped_and_finds_the_same(real_run: Run, tmp_path: Path) -> None:
    case = tmp_path / "killed"
    with _running(real_run, case, 3) as run:
        os.killpg(run.pid, signal.SIGKILL)
    committed = _shards(case)
    _as_if_from_elsewhere(committed[0])
    unfinished = driverprint("verify", case)
    assert unfinished.returncode == 1
    assert "unfinished" in unfinished.stderr
    again = driverprint("analyze", real_run.evidence, "-o", case)
    assert f"Continuing: {len(committed)} of" in again.stderr
    assert again.returncode == real_run.code
    assert digest_of(case) == digest_of(real_run.case)
    record = json.loads((case / "run.json").read_text(encoding="utf-8"))
    assert record["provider"] == "CPUExecutionProvider / CUDAExecutionProvider"


def test_interrupted_run_says_how_to_continue_and_leaves_nothing_running(
    real_run: Run, tmp_path: Path
) -> None:
    case = tmp_path / "interrupted"
    with _running(real_run, case, 1) as run:
        os.kill(run.pid, signal.SIGINT)
        _, said = run.communicate()
        assert run.returncode == 3
    assert "same command again" in said
    assert "Traceback" not in said
    assert not list(Path("/tmp").glob(f"driverprint-{run.pid}-*"))
    again = driverprint("analyze", real_run.evidence, "-o", case)
    assert again.returncode == real_run.code
    assert digest_of(case) == digest_of(real_run.case)


def test_end_of_rays_control_process_is_said_and_the_run_continues_later(
    real_run: Run, tmp_path: Path
) -> None:
    case = tmp_path / "no-control"
    with _running(real_run, case, 1) as run:
        assert _kill(run.pid, "gcs/gcs_server") == 1
        _, said = run.communicate()
        assert run.returncode == 2
    assert "control process was ended" in said and "same command again" in said
    assert "Traceback" not in said
    assert driverprint("analyze", real_run.evidence, "-o", case).returncode == real_run.code
    assert digest_of(case) == digest_of(real_run.case)


def test_death_of_a_worker_costs_no_file(real_run: Run, tmp_path: Path) -> None:
    case = tmp_path / "worker-died"
    with _running(real_run, case, 1) as run:
        assert _kill(run.pid, "ray::FileWorker") == 2
        run.communicate(timeout=200)
        assert run.returncode == real_run.code
    assert digest_of(case) == digest_of(real_run.case)


def _as_if_from_elsewhere(shard: Path) -> None:
    """Let the file have been processed on a machine with a GPU, before the run was moved here."""
    with pa.OSFile(str(shard)) as file:
        table = pa.ipc.open_file(file).read_all()
    worker = WorkerFacts(frozenset({"CUDAExecutionProvider"}), {}).to_json()
    with pa.OSFile(str(shard), "wb") as file, pa.ipc.new_file(file, table.schema) as written:
        place = table.schema.get_field_index("worker")
        written.write_table(table.set_column(place, table.schema.field(place), pa.array([worker])))


@contextmanager
def _running(real_run: Run, case: Path, count: int) -> Iterator[subprocess.Popen[str]]:
    """The same run as a session of its own, once it has committed so many files."""
    command = [sys.executable, "-P", "-m", "pipeline", "analyze", str(real_run.evidence), "-o", str(case)]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True) as run:
        deadline = time.monotonic() + 120
        while len(_shards(case)) < count:
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield run


def _shards(case: Path) -> list[Path]:
    return list((case / ".work" / "shards").glob("*.arrow"))


def _kill(session: int, name: str) -> int:
    """SIGKILL every process with this in its command line that belongs to the run's session; how many."""
    killed = 0
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            if name.encode() in words and os.getsid(int(entry.name)) == session:
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
        except (FileNotFoundError, ProcessLookupError):
            continue
    return killed


def test_finished_case_is_not_run_twice(real_run: Run) -> None:
    before = (real_run.case / "SHA256SUMS").read_bytes()
    done = driverprint("analyze", real_run.evidence, "-o", real_run.case)
    assert done.returncode == real_run.code
    assert "finished case" in done.stderr
    assert (real_run.case / "SHA256SUMS").read_bytes() == before


def test_verify_names_the_file_that_was_altered(real_run: Run, tmp_path: Path) -> None:
    copy = shutil.copytree(real_run.case, tmp_path / "copy")
    scores = copy / "scores.parquet"
    table = pl.read_parquet(scores).with_columns(pl.col("score") + 0.5)
    table.write_parquet(scores)
    done = driverprint("verify", copy)
    assert done.returncode == 1
    assert "scores.parquet" in done.stderr
    refused = driverprint("report", copy)
    assert refused.returncode == 2
    assert "scores" in refused.stderr


def test_report_can_be_rebuilt_byte_for_byte(real_run: Run, tmp_path: Path) -> None:
    copy = shutil.copytree(real_run.case, tmp_path / "copy")
    before = (copy / "report.html").read_bytes()
    (copy / "report.html").unlink()
    done = driverprint("report", copy)
    assert done.returncode == 0, done.stderr
    assert (copy / "report.html").read_bytes() == before
    assert driverprint("verify", copy).returncode == 0


def test_redacted_report_holds_neither_names_nor_frames_and_leaves_the_case_alone(
    real_run: Run, tmp_path: Path
) -> None:
    before = (real_run.case / "SHA256SUMS").read_bytes()
    done = driverprint("report", real_run.case, "--redact", tmp_path / "for-print")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "for-print" / "report.html").read_text(encoding="utf-8")
    assert "franck" not in page
    assert "data:image" not in page
    assert (real_run.case / "SHA256SUMS").read_bytes() == before
    again = driverprint("report", real_run.case, "--redact", tmp_path / "for-print")
    assert again.returncode == 2
    assert "not empty" in again.stderr


def test_report_prints_its_figures_as_json(real_run: Run) -> None:
    done = subprocess.run(
        command("report", real_run.case, "--json"),
        env=os.environ | {"PYTHONIOENCODING": "ascii"},  # of the terminal; JSON is UTF-8 all the same
        capture_output=True,
        check=False,
    )
    numbers = set(_numbers(json.loads(done.stdout.decode("utf-8"))))
    scores = pl.read_parquet(real_run.case / "scores.parquet")["score"].to_list()
    assert len(scores) > 10
    # Printed figures are rounded to 12 significant digits.
    assert {float(f"{score:.12g}") for score in scores} <= {float(f"{n:.12g}") for n in numbers}


def _numbers(value: object) -> Iterator[float]:
    """Every number anywhere in a JSON document."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _numbers(part)
    elif isinstance(value, int | float):
        yield float(value)


def test_nothing_of_ray_is_left_behind(real_run: Run) -> None:
    assert real_run.code == 1
    assert not list(Path("/tmp").glob(f"driverprint-{real_run.pid}-*"))
    assert not (Path.home() / ".ray").exists()
