"""Chunks of videos through workers: what plain calls find, whoever embeds and whatever dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.metadata import model_id, read_metadata
from pipeline.benchmark import embedding
from pipeline.benchmark.embedding import ChunkClips, ChunkWork, ClipWorker, EmbedOptions, embed_videos
from pipeline.benchmark.run_folder import RunFolder
from pipeline.gpu_embedder import gpu_embedders
from pipeline.ray_session import ray_session
from tests.pipeline.frames.corpus import write_video
from tests.small_model import small_model

PATHS = tuple(f"{number}.mp4" for number in range(9))
KILLER = PATHS[5]


class MortalWorker(ClipWorker):
    """Dies of one of the videos."""

    def work(self, work: ChunkWork) -> ChunkClips:
        """As any worker, if it lives."""
        if KILLER in work.paths:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().work(work)


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> EmbedOptions:
    folder = tmp_path_factory.mktemp("videos")
    for seed, path in enumerate(PATHS):
        write_video(folder / path, frames=20 + seed, seed=seed)
    model = small_model(folder / "small.onnx")
    key, length = model_id(model), read_metadata(model).clip_length
    return EmbedOptions(folder, {key: model}, {key: length}, "CPUExecutionProvider", True, chunk=4)


@pytest.fixture(scope="module", autouse=True)
def ray_running() -> Iterator[None]:
    with ray_session(2, 128 << 20):
        yield


def bits(found: ChunkClips) -> dict[str, list[tuple[str, int, bytes]]]:
    return {
        key: [(row["path"], row["start_frame"], np.asarray(row["embedding"]).tobytes()) for row in rows]
        for key, rows in found.embeddings.items()
    }


def test_a_video_that_kills_its_worker_is_named_and_the_others_of_its_chunk_are_embedded(
    options: EmbedOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "ClipWorker", MortalWorker)
    (key,) = options.models
    run = RunFolder(tmp_path / "run")
    run.prepare({})
    run.add_model(key, "small.onnx", read_metadata(options.models[key]))
    done: list[int] = []
    provider, nodes_lost = embed_videos(run, PATHS, options, 1, done.append)
    assert (provider, nodes_lost, sum(done)) == ("CPUExecutionProvider", 0, len(PATHS))
    assert not run.missing(3, [key])
    videos = run.read_videos().to_pylist()
    assert [row["path"] for row in videos] == list(PATHS)
    assert {row["path"]: row["reason_code"] for row in videos if row["status"] == "failed"} == {
        KILLER: "worker_died"
    }
    embedded = run.read_embeddings(key).column("path").unique().to_pylist()
    assert embedded == [path for path in PATHS if path != KILLER]


def test_workers_that_leave_embedding_to_another_process_find_the_same(options: EmbedOptions) -> None:
    """The way of the clips where GPUs embed, on a CPU; one chunk has nothing to embed."""
    import ray

    (key,) = options.models
    (options.root / "text.mp4").write_text("no video")
    works = [
        ChunkWork(0, PATHS[:4], (key,)),
        ChunkWork(1, PATHS[4:], (key,)),
        ChunkWork(2, ("text.mp4",), (key,)),
    ]
    gpus = {key: gpu_embedders(options.models[key], key, "CPUExecutionProvider", callers=2)}
    remote: Any = ray.remote(ClipWorker)
    far = remote.options(max_concurrency=2).remote(options, gpus)
    near = remote.remote(options, {})
    found = ray.get([far.work.remote(work) for work in works])
    plain = ray.get([near.work.remote(work) for work in works])
    assert [bits(one) for one in found] == [bits(one) for one in plain]
    assert [len(one.embeddings[key]) > 0 for one in found] == [True, True, False]
