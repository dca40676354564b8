"""Workers find what plain calls find one after another, bit for bit; failures are laid at the right door."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from model.metadata import model_id
from model.shipped import shipped_model
from pipeline import gpu_embedder
from pipeline.clips.manifest import cut_clips
from pipeline.clips.visuals import occlusion_rows, picture_rows
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeRequest
from pipeline.embed import EmbeddingSession
from pipeline.engine import Engine, EngineOptions, FileWorker, Work, concerns_all
from pipeline.errors import UserError
from pipeline.gpu_embedder import GpuEmbedder, RemoteSession, gpu_embedders
from pipeline.ledger import FileResult
from pipeline.ray_session import ray_session
from pipeline.reasons import REASONS
from pipeline.worker_facts import guards_of, providers_of
from tests.pipeline.decode.test_guard import STAND_IN
from tests.pipeline.decode.videos import scene, write_video
from tests.small_model import FRAMES, broken_model, small_model

OPTIONS = EngineOptions(
    model=shipped_model(), model_id=model_id(shipped_model()), clip_length=64, stride=32, fps=25.0,
    provider="CPUExecutionProvider", workers=2,
)  # fmt: skip
TEXT = "f" * 64


def small(model: Path) -> EngineOptions:
    """The options of a run with a model of T = 16."""
    return replace(OPTIONS, model=model, model_id=model_id(model), clip_length=FRAMES, stride=FRAMES)


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> list[Work]:
    folder = tmp_path_factory.mktemp("videos")
    found = []
    for seed in range(6):
        path = write_video(folder / f"{seed}.mp4", scene(70 + 20 * seed, 64, 64, seed=seed))
        found.append(Work(f"{seed:064d}", path, None, occlude=seed == 5))
    (folder / "text.mp4").write_text("no video")
    return [*found, Work(TEXT, folder / "text.mp4", None)]


def bits(result: FileResult) -> list[tuple[str, bytes]]:
    return [(row["clip_id"], np.asarray(row["embedding"]).tobytes()) for row in result.embeddings]


@pytest.fixture(scope="module")
def plain(works: list[Work]) -> dict[str, FileResult]:
    """Clips, embeddings and pictures of every video by plain calls, one after the other."""
    found = {}
    session = EmbeddingSession(shipped_model(), "CPUExecutionProvider", threads=1)
    with GuardedDecoder() as decoder:
        for work in works[:-1]:
            decoded = decoder.decode(work.path, DecodeRequest(fps=25.0))
            assert isinstance(decoded, Decoded)
            clips = cut_clips(work.evidence_id, decoded, 64, 32)
            pictures = picture_rows(work.evidence_id, decoded, clips)
            if work.occlude:
                pictures += occlusion_rows(work.evidence_id, clips.rows, clips.frames, session.embed)
            rows = [
                {"clip_id": row["clip_id"], "embedding": vector}
                for row, vector in zip(clips.rows, session.embed(np.stack([*clips.frames])), strict=True)
            ]
            found[work.evidence_id] = FileResult(
                work.evidence_id, {}, clips.shots, clips.rows, rows, visuals=pictures
            )
    return found


def assert_same(found: dict[str, FileResult], plain: dict[str, FileResult]) -> None:
    assert set(found) == {*plain, TEXT}
    assert found[TEXT].facts["status"] == "failed"
    for key, result in plain.items():
        for table in ("shots", "clips", "visuals"):
            assert list(getattr(found[key], table)) == list(getattr(result, table)), table
        assert bits(found[key]) == bits(result)


def test_workers_find_what_plain_calls_find(works: list[Work], plain: dict[str, FileResult]) -> None:
    found: dict[str, FileResult] = {}

    def commit(result: FileResult) -> None:
        assert result.evidence_id not in found, "a file was committed twice"
        found[result.evidence_id] = result

    with ray_session(2, 80 << 20):
        engine = Engine(OPTIONS)
        engine.run(iter(works), commit)
    assert_same(found, plain)
    assert providers_of(engine.workers) == "CPUExecutionProvider"
    assert {"memory", "network", "parent"} <= guards_of(engine.workers).keys()
    assert all(result.worker in engine.workers for result in found.values())


def test_workers_that_leave_embedding_to_another_process_find_the_same(
    works: list[Work], plain: dict[str, FileResult]
) -> None:
    """The way of the clips where GPUs embed, on a CPU: gathered from many files, given back to each."""
    with ray_session(2, 128 << 20):
        import ray

        gpus = gpu_embedders(OPTIONS.model, OPTIONS.model_id, "CPUExecutionProvider", callers=8)
        worker: Any = ray.remote(FileWorker).options(max_concurrency=3).remote(OPTIONS, gpus)
        found = ray.get([worker.work.remote(work) for work in works])
        assert ray.get(worker.facts.remote()).providers == {"CPUExecutionProvider"}
    assert_same({result.evidence_id: result for result in found}, plain)


def test_file_that_cannot_be_cut_after_decoding_is_one_row_that_says_so(tmp_path: Path) -> None:
    """A rogue child hands over a picture without a row; the file after it is none the worse."""
    paths = [write_video(tmp_path / f"{name}.mp4", scene(70, 64, 64)) for name in ("blind", "good")]
    worker = FileWorker(replace(OPTIONS, decoder=tuple(STAND_IN)), [])
    blind, good = (worker.work(Work(path.stem, path, None)) for path in paths)
    assert (blind.facts["status"], blind.facts["reason_code"]) == ("failed", "processing_failed")
    assert blind.facts["reason_code"] in REASONS
    assert "error: OpenCV" in blind.facts["reason"]
    assert "driverprint inspect" in blind.facts["reason"]
    assert blind.facts["width"] == 64
    assert not blind.clips
    assert good.facts["status"] == "processed"
    assert len(good.embeddings) == len(good.clips) > 0


def test_what_no_file_could_pass_is_laid_at_no_files_door(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", scene(70, 64, 64))
    worker = FileWorker(replace(OPTIONS, clip_length=32), [])  # not the model's
    with pytest.raises(ValueError, match="the model takes"):
        worker.work(Work(path.stem, path, None))


def test_video_without_a_finite_embedding_is_one_row_that_says_so(tmp_path: Path) -> None:
    model = broken_model(tmp_path / "m.onnx", also_blank=False)
    path = write_video(tmp_path / "a.mp4", scene(40, 64, 64))
    result = FileWorker(small(model), []).work(Work("a", path, None))
    assert (result.facts["status"], result.facts["reason_code"]) == ("failed", "processing_failed")
    assert "not finite" in result.facts["reason"]
    assert not result.embeddings


def test_model_that_gives_no_finite_embedding_ends_the_run_with_one_sentence(tmp_path: Path) -> None:
    model = broken_model(tmp_path / "m.onnx", also_blank=True)
    path = write_video(tmp_path / "a.mp4", scene(40, 64, 64))
    options = replace(small(model), workers=1)
    committed: list[FileResult] = []
    with ray_session(1, 80 << 20), pytest.raises(UserError, match=r"^The model gives .* not finite.*\.$"):
        Engine(options).run(iter([Work("a", path, None)]), committed.append)
    assert not committed


def test_clips_of_others_at_a_gpu_are_none_the_worse_for_one_without_an_embedding(tmp_path: Path) -> None:
    """Clips of several files share a batch there: what is not finite is laid at its own file's door."""
    black = write_video(tmp_path / "black.mp4", np.zeros((40, 64, 64, 3), np.uint8))
    bright = write_video(tmp_path / "bright.mp4", scene(40, 64, 64))
    model = broken_model(tmp_path / "m.onnx", also_blank=False)
    with ray_session(2, 128 << 20):
        import ray

        options = small(model)
        gpus = gpu_embedders(model, options.model_id, "CPUExecutionProvider", callers=8)
        worker: Any = ray.remote(FileWorker).options(max_concurrency=3).remote(options, gpus)
        found = ray.get([worker.work.remote(Work(path.stem, path, None)) for path in (black, bright)])
    assert [result.facts["status"] for result in found] == ["processed", "failed"]


def test_full_disk_and_lost_cluster_concern_every_file() -> None:
    from ray.exceptions import RayActorError

    every = [OSError(errno.ENOSPC, "No space left on device"), ImportError("cv2"), RayActorError()]
    assert all(concerns_all(error) for error in every)
    assert not any(concerns_all(error) for error in (MemoryError(), ValueError(), cv2.error()))


def test_lost_and_busy_gpus_are_done_without_by_workers_old_and_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is started anew after a node was lost must not hang on the embedder that was there."""
    monkeypatch.setattr(gpu_embedder, "TOGETHER", 1.0)  # how long the busy one is waited for
    model = small_model(tmp_path / "m.onnx")
    clips = np.random.default_rng(0).integers(0, 256, (70, FRAMES, 128, 128), np.uint8)
    plain = EmbeddingSession(model, "CPUExecutionProvider", threads=1).embed(clips)
    with ray_session(2, 256 << 20):
        import ray

        (lost,), (sound,) = (
            gpu_embedders(model, model_id(model), "CPUExecutionProvider", callers=2) for _ in range(2)
        )
        remote: Any = ray.remote(GpuEmbedder)
        busy = remote.options(num_gpus=1).remote(
            model, "CPUExecutionProvider", model_id(model)
        )  # there is no GPU for it
        old = RemoteSession([lost, sound])
        ray.kill(lost, no_restart=True)
        for session in (old, RemoteSession([lost, busy, sound])):
            assert np.array_equal(session.embed(clips), plain)
            assert session.providers == {"CPUExecutionProvider"}


def test_model_replaced_during_the_run_never_embeds_under_the_others_name() -> None:
    """A worker or embedder that died is started anew, and loads whatever lies at the path by then."""
    said = r"onnx is no longer the model file the run began with: put that back"
    with pytest.raises(UserError, match=said):
        FileWorker(replace(OPTIONS, model_id="a" * 64), []).facts()  # asked before it is given work
    clip = np.zeros((1, 64, 128, 128), np.uint8)
    with pytest.raises(UserError, match=said) as raised:
        GpuEmbedder(shipped_model(), "CPUExecutionProvider", "a" * 64).embed(clip)
    assert concerns_all(raised.value)  # or the file would be blamed, where another embedder has the right one
    assert len(GpuEmbedder(shipped_model(), "CPUExecutionProvider", OPTIONS.model_id).embed(clip)) == 1
