"""Streaming files through workers: Ray actors, bounded work in flight, nothing lost.

A worker takes a file from its bytes to its embeddings: its guarded child decodes, then its own process cuts
and embeds. On a CPU it does this one file at a time: with a worker a core all cores are busy, some decoding,
some embedding, and no two of a worker's processes take turns on one core and in its cache (5 % slower,
tests/benchmarks/end_to_end.py). Pixels stay in the worker; only where GPUs embed do they pass through Ray's
object store, a piece at a time, and the child decodes the next file meanwhile. The driver sees
small rows and commits one shard per file. Errors are rows, whatever raised them, unless they would meet
every file: only the death of a worker process is retried, once, because that may be the machine's fault and
not the file's (`pipeline.actors`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.actors import ATTEMPTS, ActorPool, WorkerDied
from pipeline.clips.manifest import ClipSet, cut_clips
from pipeline.clips.visuals import occlusion_rows, picture_rows
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeFailure, DecodeRequest, Limits, VideoFacts
from pipeline.embed import BATCH, EmbeddingSession, embed_blank, same_model
from pipeline.gpu_embedder import PIECE, RemoteSession, gpu_embedders
from pipeline.intake.members import clause
from pipeline.ledger import FileResult
from pipeline.seats import seats
from pipeline.worker_facts import WorkerFacts

WORKER_DIED: Final = "worker_died"
PROCESSING_FAILED: Final = "processing_failed"
#: Files a worker works at. With GPUs: one decoded by the child, one cut, one whose clips are at the GPU.
FILES_AT_WORK: Final = {"CPUExecutionProvider": 1, "CUDAExecutionProvider": 3}


@dataclass(frozen=True)
class Work:
    """One source file to process; with ``occlude`` its embedding is tested too (`pipeline.occlusion`)."""

    evidence_id: str
    path: Path
    crop: tuple[int, int, int, int] | None
    occlude: bool = False


@dataclass(frozen=True)
class EngineOptions:
    """What every worker needs to know. ``fps`` is the model's frame rate in 1/s."""

    model: Path
    model_id: str
    clip_length: int
    stride: int
    fps: float
    provider: str
    workers: int
    limits: Limits = field(default_factory=Limits)
    decoder: tuple[str, ...] | None = None  # command of the decoding child; fault tests put stand-ins there


class FileWorker:
    """Ray actor: one guarded decoding child, and an ONNX Runtime session of its own unless GPUs embed.

    On a CPU many sessions of one thread each outrun one session of many, and need no tuning.
    """

    def __init__(self, options: EngineOptions, gpus: Sequence[Any]) -> None:
        """``gpus``: a `GpuEmbedder` each; none on a CPU."""
        cv2.setNumThreads(1)  # a worker has one core, and its threads would only get in each other's way
        self._options = options
        command = list(options.decoder) if options.decoder else None
        self._decoder = GuardedDecoder(options.limits, command=command)
        self._session: EmbeddingSession | RemoteSession = (
            RemoteSession(gpus) if gpus else EmbeddingSession(options.model, options.provider, threads=1)
        )
        self._piece = PIECE if gpus else BATCH[options.provider]  # clips
        # Where GPUs embed several files are at work, and each step has one of them at a time.
        self._decoding, self._cutting, self._embedding = threading.Lock(), threading.Lock(), threading.Lock()
        self._in_force: dict[str, str] = {}

    def facts(self) -> WorkerFacts:
        """What this process runs with; starts the decoding child. Raises UserError as `same_model`."""
        same_model(self._options.model, self._options.model_id)
        with self._decoding:
            self._in_force = self._decoder.in_force
        return self._worker_facts()

    def work(self, work: Work) -> FileResult:
        """Everything one file yields; called by `FILES_AT_WORK` threads at once."""
        return replace(self._result(work), worker=self._worker_facts())

    def _worker_facts(self) -> WorkerFacts:
        return WorkerFacts(self._session.providers, self._in_force)

    def _result(self, work: Work) -> FileResult:
        options = self._options
        facts = None
        try:
            with self._decoding:
                decoded = self._decoded(work)
                self._in_force = self._decoder.in_force
            facts = decoded.facts
            if isinstance(decoded, DecodeFailure):
                return failed(work.evidence_id, decoded.reason_code, decoded.reason, facts)
            with self._cutting:
                result, clips = cut_file(work.evidence_id, decoded, options.clip_length, options.stride)
            if not clips.rows:
                return result
            with self._embedding:
                return self._embedded(result, clips, occlude=work.occlude)
        except Exception as error:
            if concerns_all(error):
                raise
            reason = _why_not(error)
        with self._embedding:
            embed_blank(self._session.embed, options.clip_length)
        return failed(work.evidence_id, PROCESSING_FAILED, reason, facts)

    def _decoded(self, work: Work) -> Decoded | DecodeFailure:
        try:
            return self._decoder.decode(work.path, DecodeRequest(fps=self._options.fps, crop=work.crop))
        except BaseException:
            self._decoder.close()  # or the child would answer the next file with the rest of this one
            raise

    def _embedded(self, result: FileResult, clips: ClipSet, *, occlude: bool) -> FileResult:
        """The result with its embeddings filled in, and with its occlusion test if asked for."""
        vectors = np.concatenate([self._session.embed(piece) for piece in clips.frames.pieces(self._piece)])
        result = with_embeddings(result, vectors, self._options.model_id)
        if not occlude:
            return result
        tested = occlusion_rows(result.evidence_id, clips.rows, clips.frames, self._session.embed)
        return replace(result, visuals=[*result.visuals, *tested])


def cut_file(evidence_id: str, decoded: Decoded, clip_length: int, stride: int) -> tuple[FileResult, ClipSet]:
    """All that a decoded file yields before anything is embedded, and its clips."""
    clips = cut_clips(evidence_id, decoded, clip_length, stride)
    pictures = picture_rows(evidence_id, decoded, clips)
    facts = _facts(decoded, clips.rows)
    return FileResult(evidence_id, facts, shots=clips.shots, clips=clips.rows, visuals=pictures), clips


def with_embeddings(result: FileResult, vectors: NDArray[np.float32], model_id: str) -> FileResult:
    """The result with the embedding of each of its clips, float32 ``[n_clips, 256]``."""
    of_file = {"evidence_id": result.evidence_id, "model_id": model_id}
    rows = [
        {"clip_id": clip["clip_id"], **of_file, "embedding": vector}
        for clip, vector in zip(result.clips, vectors, strict=True)
    ]
    return replace(result, embeddings=rows)


def failed(evidence_id: str, code: str, reason: str, facts: VideoFacts | None = None) -> FileResult:
    """The result of a file that gave nothing, with whatever could still be learnt about it."""
    outcome = {"status": "failed", "reason_code": code, "reason": reason, "n_clips": 0, "n_usable": 0}
    return FileResult(evidence_id, {**asdict(facts or VideoFacts()), **outcome})


def concerns_all(error: Exception) -> bool:
    """Whether an error is the machine's, the installation's or the cluster's, and other files meet it too."""
    from ray.exceptions import RayError

    return isinstance(error, OSError | ImportError | RayError)


def _why_not(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "It takes more memory than there is: run again with --fresh and fewer --workers."
    said = f"{type(error).__name__}: {clause(error)}"
    return f"It could not be cut into clips and embedded ({said}): run 'driverprint inspect' on it."


def _facts(decoded: Decoded, clips: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        **asdict(decoded.facts),
        "n_clips": len(clips),
        "n_usable": sum(bool(clip["usable"]) for clip in clips),
        "status": "processed",
        "reason_code": decoded.reason_code,
        "reason": decoded.reason,
    }


class Engine:
    """State: the workers. Use inside a Ray session."""

    def __init__(self, options: EngineOptions) -> None:
        """Start the workers, on all nodes of the session; returns when the first is there.

        Raises UserError when none comes.
        """
        import ray

        threads = FILES_AT_WORK[options.provider]
        gpus = []
        if options.provider == "CUDAExecutionProvider":
            gpus = gpu_embedders(
                options.model, options.model_id, options.provider, callers=threads * options.workers
            )
        self._pool = ActorPool[Work](
            FileWorker,
            (options, gpus),
            seats(options.workers, ray.nodes()),
            threads=threads,
        )
        self._pool.wait()

    @property
    def workers(self) -> list[WorkerFacts]:
        """What each worker said of itself when it was last started."""
        return self._pool.facts()

    @property
    def nodes_lost(self) -> int:
        """Nodes that were lost with files on them; those files were processed by others."""
        return len(self._pool.lost_nodes)

    def run(self, works: Iterator[Work], commit: Callable[[FileResult], None]) -> None:
        """Process every file; ``commit`` is called once for each, in the order they finish."""
        for work, answer in self._pool.each(works):
            commit(_died(work) if isinstance(answer, WorkerDied) else answer)


def _died(work: Work) -> FileResult:
    reason = f"The worker process died {ATTEMPTS} times with this file: run 'driverprint inspect' on it."
    return failed(work.evidence_id, WORKER_DIED, reason)
