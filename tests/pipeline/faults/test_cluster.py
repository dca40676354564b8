"""The job on a Ray cluster that is not ours: checked before, whole though a node was lost, left running."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from model.crop import centre_start
from model.metadata import model_id
from model.shipped import shipped_model
from pipeline.benchmark.run_folder import CHUNK, RunFolder
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded
from pipeline.embed import EmbeddingSession
from pipeline.frames.store import REQUEST
from tests.pipeline.faults.conftest import (
    CONSOLE_SCRIPT,
    Finished,
    assert_holds,
    mark_of,
    record_of,
)
from tests.pipeline.frames.corpus import write_video
from tests.small_model import small_model
from tests.soak.kills import shards_of, state_of

SCRIPT = Path(__file__).with_name("local_cluster.py")
NODES = 3
CHUNKS = 4

Committed = dict[str, tuple[int, int]]  # as `state_of` gives it


@dataclass
class Running:
    """A cluster of nodes with one core each, ``NODES`` at first."""

    process: subprocess.Popen[str]
    address: str
    environment: dict[str, str]
    nodes: int = NODES

    def kill_a_node(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "killed\n"
        self.nodes -= 1

    def lose_a_node_during(
        self, command: list[str], committed: Callable[[], Committed | None], cwd: Path | None = None
    ) -> tuple[int, str]:
        """Exit status and messages of a run that loses a node once something is committed.

        ``committed``: what is, None where that cannot be seen now; it must never vanish or change.
        """
        before: Committed = {}
        killed = False
        with subprocess.Popen(
            command, env=self.environment, cwd=cwd, stderr=subprocess.PIPE, text=True
        ) as run:
            while run.poll() is None:
                now = committed()
                if now is not None:
                    assert now.keys() >= before.keys(), "something committed vanished"
                    assert {name: now[name] for name in before} == before, "something was committed twice"
                    before = now
                if before and not killed:
                    self.kill_a_node()
                    killed = True
                time.sleep(0.005)
            assert run.stderr is not None
            said = run.stderr.read()
        assert killed, said
        return run.returncode, said

    def analyze(self, evidence: Path, case: Path, *words: str | Path) -> list[str]:
        command = [CONSOLE_SCRIPT, "analyze", evidence, "-o", case, "--address", "auto", *words]
        return [str(word) for word in command]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Running]:
    # Not below pytest's folder: a socket's path holds 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="cluster-", dir="/tmp"))
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text("a" * 64)
    environment = {
        **os.environ, "RAY_TMPDIR": str(folder), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_health_check_timeout_ms": "60000",  # slow to answer while the suite keeps the cores busy
    }  # fmt: skip
    log = (folder / "log").open("w")
    with subprocess.Popen(
        [sys.executable, "-P", str(SCRIPT), str(NODES)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, text=True, cwd="/",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        address = process.stdout.readline().strip()
        assert address, (folder / "log").read_text()
        yield Running(process, address, environment)
        process.stdin.close()
        process.wait(timeout=100)
    log.close()
    shutil.rmtree(folder)


@pytest.mark.timeout(600)
def test_a_node_killed_at_work_costs_nothing_but_its_files_in_flight(
    cluster: Running, undisturbed: Finished, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    command = cluster.analyze(undisturbed.evidence, case)

    def committed() -> Committed | None:
        now = shards_of(case)  # before the look whether the run is tidying up
        under_way = (case / ".work" / "shards").exists() and not (case / "SHA256SUMS").exists()
        return now if under_way else None

    code, said = cluster.lose_a_node_during(command, committed, cwd=undisturbed.evidence)
    assert code == 1, said  # the letter
    assert_holds(case, undisturbed.digest)
    record = record_of(case)
    assert record["cluster"]["nodes_lost"] <= 1, said  # 0 where it had just finished what it held
    assert len(record["cluster"]["nodes"]) == record["cluster"]["cores_offered"] == NODES
    assert f"{NODES} nodes, {NODES} cores" in said
    assert "NOT encrypted" in said
    assert record["counts"] == undisturbed.record["counts"]
    assert not mark_of(undisturbed.evidence).exists(), "something was imported from the evidence"
    assert cluster.process.poll() is None, "a cluster that is not ours was stopped"


def linked_corpus(folder: Path) -> tuple[Path, list[Path]]:
    """A table of ``CHUNKS`` chunks of videos, the last one small, and the few behind its many names."""
    videos = [write_video(folder / f"{seed}.mp4", frames=20, seed=seed) for seed in range(4)]
    rows = ["path,target,driver,generator"]
    for number in range((CHUNKS - 1) * CHUNK + 4):
        name = f"{number:03}.mp4"
        os.link(videos[number % 4], folder / name)
        rows.append(f"{name},{'ab'[number % 2]},{'ab'[number // 2 % 2]},mesh")
    table = folder / "labels.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return table, videos


def centre_embeddings(model: Path, videos: list[Path]) -> list[bytes]:
    """The embedding of each video's centre clip, by plain calls in this process."""
    session = EmbeddingSession(model, "CPUExecutionProvider", threads=1)
    length = session.metadata.clip_length
    found = []
    with GuardedDecoder() as decoder:
        for video in videos:
            decoded = decoder.decode(video, REQUEST)
            assert isinstance(decoded, Decoded)
            start = centre_start(len(decoded.frames), length)
            found.append(session.embed(decoded.frames[None, start : start + length]).tobytes())
    return found


@pytest.mark.timeout(600)
def test_a_node_killed_in_a_benchmark_costs_its_chunks_in_flight_and_changes_no_embedding(
    cluster: Running, tmp_path: Path
) -> None:
    model, (table, videos), out = (
        small_model(tmp_path / "small.onnx"),
        linked_corpus(tmp_path),
        tmp_path / "run",
    )
    command = [CONSOLE_SCRIPT, "benchmark", table, "-o", out, "--split", "all", "--robustness", "0"]
    command += ["--model", model, "--address", "auto"]
    nodes = cluster.nodes
    code, said = cluster.lose_a_node_during(
        [str(word) for word in command],
        lambda: state_of(list(out.glob("embeddings/*/part-*.parquet"))),
    )
    assert code == 0, said
    (used,) = json.loads((out / "benchmark.json").read_text("utf-8"))["clusters"]
    assert len(used["nodes"]) == nodes
    assert used["nodes_lost"] <= 1, said  # 0 where it had just finished what it held
    rows = RunFolder(out).read_embeddings(model_id(model)).to_pylist()
    assert [row["path"] for row in rows] == [f"{number:03}.mp4" for number in range(len(rows))]
    assert len(rows) == (CHUNKS - 1) * CHUNK + 4
    found = [np.asarray(row["embedding"], np.float32).tobytes() for row in rows]
    assert found == len(rows) // 4 * centre_embeddings(model, videos)
    assert cluster.process.poll() is None, "a cluster that is not ours was stopped"


@pytest.mark.timeout(300)
def test_a_node_that_does_not_see_the_evidence_is_named(
    cluster: Running, undisturbed: Finished, tmp_path: Path
) -> None:
    """Nodes whose view differs are made by one mount namespace: the driver's, with the evidence elsewhere."""
    hidden = tmp_path / "evidence"
    hidden.mkdir()
    command = cluster.analyze(hidden, tmp_path / "case", "--model", shipped_model())
    script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    words = [*unshare, str(undisturbed.evidence / "known"), str(hidden)]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespace can be made here")
    done = subprocess.run(
        [*words, *command], env=cluster.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "does not see" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(300)
def test_without_the_token_nobody_gets_in(cluster: Running, undisturbed: Finished, tmp_path: Path) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("b" * 64)
    environment = {**cluster.environment, "RAY_AUTH_TOKEN_PATH": str(wrong)}
    command = cluster.analyze(undisturbed.evidence, tmp_path / "case")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "cannot be joined" in done.stderr
    assert "Traceback" not in done.stderr
