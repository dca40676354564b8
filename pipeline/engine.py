"""Streaming files through decoders and embedders: Ray actors, bounded work in flight, nothing lost.

A decoder actor turns one file into clips; an embedder actor turns the clips into embeddings. Pixels
pass between them through Ray's object store only. The driver sees small rows, commits one shard per
file and never waits for a whole stage. Errors are rows: only the death of a worker process is
retried, once, because that may be the machine's fault and not the file's.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.clips.manifest import cut_clips
from pipeline.clips.visuals import occlusion_rows, picture_rows
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeFailure, DecodeRequest, Limits, VideoFacts
from pipeline.embed import BATCH, EmbeddingSession
from pipeline.ledger import FileResult

WORKER_DIED: Final = "worker_died"
ATTEMPTS: Final = 2
RESTART_SECONDS: Final = 120.0


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


class ClipDecoder:
    """Ray actor: holds one guarded decoding child, cuts clips from whole files."""

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        command = list(options.decoder) if options.decoder else None
        self._decoder = GuardedDecoder(options.limits, command=command)

    def in_force(self) -> dict[str, str]:
        """The guards the decoding child really runs under."""
        return self._decoder.in_force

    def cut(self, work: Work) -> tuple[FileResult, NDArray[np.uint8]]:
        """Everything but the embeddings, and the clips (n, T, 128, 128)."""
        options = self._options
        decoded = self._decoder.decode(work.path, DecodeRequest(fps=options.fps, crop=work.crop))
        if isinstance(decoded, DecodeFailure):
            nothing = np.zeros((0, options.clip_length, 128, 128), np.uint8)
            return failed(work.evidence_id, decoded.reason_code, decoded.reason, decoded.facts), nothing
        clips = cut_clips(work.evidence_id, decoded, options.clip_length, options.stride)
        result = FileResult(
            work.evidence_id,
            _facts(decoded, clips.rows),
            shots=clips.shots,
            clips=clips.rows,
            visuals=picture_rows(work.evidence_id, decoded, clips),
        )
        return result, clips.frames


class Embedder:
    """Ray actor: holds one ONNX Runtime session."""

    def __init__(self, options: EngineOptions, threads: int) -> None:
        self._model_id = options.model_id
        self._session = EmbeddingSession(options.model, options.provider, threads)

    def provider(self) -> str:
        """The execution provider ONNX Runtime really took."""
        return self._session.provider

    def embed(self, result: FileResult, clips: NDArray[np.uint8], occlude: bool) -> FileResult:
        """The result with its embeddings filled in, and with its occlusion test if asked for."""
        vectors = self._session.embed(clips)
        rows = [
            {
                "clip_id": clip["clip_id"],
                "evidence_id": result.evidence_id,
                "model_id": self._model_id,
                "embedding": vector,
            }
            for clip, vector in zip(result.clips, vectors, strict=True)
        ]
        tested = []
        if occlude:
            tested = occlusion_rows(
                result.evidence_id, [dict(row) for row in result.clips], clips, self._session.embed
            )
        return replace(result, embeddings=rows, visuals=[*result.visuals, *tested])


def failed(evidence_id: str, code: str, reason: str, facts: VideoFacts | None = None) -> FileResult:
    """The result of a file that gave nothing, with whatever could still be learnt about it."""
    outcome = {"status": "failed", "reason_code": code, "reason": reason, "n_clips": 0, "n_usable": 0}
    return FileResult(evidence_id, {**asdict(facts or VideoFacts()), **outcome})


def _facts(decoded: Decoded, clips: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        **asdict(decoded.facts),
        "n_clips": len(clips),
        "n_usable": sum(bool(clip["usable"]) for clip in clips),
        "status": "processed",
        "reason_code": decoded.reason_code,
        "reason": decoded.reason,
    }


@dataclass
class _Pool:
    """Actors of one kind and how many calls each has in flight."""

    actors: list[Any]
    load: list[int]

    def least_loaded(self) -> int:
        return min(range(len(self.actors)), key=self.load.__getitem__)


@dataclass(frozen=True)
class _Flight:
    """A call on its way."""

    work: Work
    attempt: int
    pool: _Pool
    actor: int
    parts: tuple[Any, Any] | None


class Engine:
    """State: the actor pools. Use inside ``ray_session``."""

    def __init__(self, options: EngineOptions) -> None:
        import ray

        gpu = options.provider == "CUDAExecutionProvider"
        embedders = max(1, int(ray.cluster_resources().get("GPU", 1))) if gpu else options.workers
        # On a CPU many sessions of one thread each outrun one session of many, and need no tuning.
        threads = max(1, (os.cpu_count() or 1) // 2) if gpu else 1
        share = {"num_gpus": 1, "num_cpus": 0} if gpu else {"num_cpus": 0}
        forever = {"max_restarts": -1, "max_task_retries": 0}
        decoder = ray.remote(ClipDecoder).options(num_cpus=0, **forever)
        embedder = ray.remote(Embedder).options(**share, **forever)
        decoders = options.workers if gpu else max(1, options.workers // 2)
        self._decoders = _Pool([decoder.remote(options) for _ in range(decoders)], [0] * decoders)
        self._embedders = _Pool(
            [embedder.remote(options, threads) for _ in range(embedders)], [0] * embedders
        )
        self.provider: str = ray.get(self._embedders.actors[0].provider.remote())
        self.in_force: dict[str, str] = ray.get(self._decoders.actors[0].in_force.remote())
        self._batch = BATCH[self.provider]

    def run(self, works: Iterator[Work], commit: Callable[[FileResult], None]) -> None:
        """Process every file; ``commit`` is called once for each, in the order they finish."""
        import ray

        waiting: deque[tuple[Work, int]] = deque()
        flights: dict[Any, _Flight] = {}
        # Enough to keep every actor busy and one file ahead; memory stays flat however long the list is.
        limit = 2 * (len(self._decoders.actors) + len(self._embedders.actors))
        more = True
        while more or waiting or flights:
            if waiting and not flights:
                self._await_restart()
                # A file that was there when a worker died is tried again alone, so that a second
                # death can be laid at its door and no neighbour's.
                self._decode(*waiting.popleft(), flights)
            while more and not waiting and len(flights) < limit:
                work = next(works, None)
                if work is None:
                    more = False
                else:
                    self._decode(work, 1, flights)
            if not flights:
                continue
            ready, _ = ray.wait(list(flights), num_returns=1)
            flight = flights.pop(ready[0])
            flight.pool.load[flight.actor] -= 1
            try:
                result: FileResult = ray.get(ready[0])
            except ray.exceptions.RayActorError:
                if flight.attempt < ATTEMPTS:
                    waiting.append((flight.work, flight.attempt + 1))
                else:
                    commit(_died(flight.work))
                continue
            if flight.parts is not None and result.clips:
                self._embed(flight, flights)
            else:
                commit(result)

    def _await_restart(self) -> None:
        """Wait until every actor answers: a call to one that is still being restarted fails at once."""
        import ray

        deadline = time.monotonic() + RESTART_SECONDS
        for actor in (*self._decoders.actors, *self._embedders.actors):
            while True:
                try:
                    ray.get(actor.__ray_ready__.remote())
                    break
                except ray.exceptions.RayActorError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)

    def _decode(self, work: Work, attempt: int, flights: dict[Any, _Flight]) -> None:
        pool = self._decoders
        index = pool.least_loaded()
        pool.load[index] += 1
        result, clips = pool.actors[index].cut.options(num_returns=2).remote(work)
        flights[result] = _Flight(work, attempt, pool, index, (result, clips))

    def _embed(self, decoded: _Flight, flights: dict[Any, _Flight]) -> None:
        pool = self._embedders
        index = pool.least_loaded()
        pool.load[index] += 1
        assert decoded.parts is not None
        done = pool.actors[index].embed.remote(*decoded.parts, decoded.work.occlude)
        flights[done] = _Flight(decoded.work, decoded.attempt, pool, index, None)


def _died(work: Work) -> FileResult:
    reason = f"The worker process died {ATTEMPTS} times with this file: run 'driverprint inspect' on it."
    return failed(work.evidence_id, WORKER_DIED, reason)
