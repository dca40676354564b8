"""The actor that embeds on a GPU for many decoding workers, and what a worker sees of it.

A GPU wants full batches, and a file has few clips: the actor gathers the clips of all the files that are
there into batches of the one fixed shape. An embedding does not depend on its neighbours in a batch.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.metadata import EMBEDDING_SIZE
from pipeline.actors import losses
from pipeline.embed import BATCH, EmbeddingSession, finite, same_model
from pipeline.errors import UserError

#: Clips a message, at 1 MiB each: so much a worker has in the object store at most.
PIECE: Final = 64
#: Batches formed at once.
GATHERED: Final = 4
#: How long a worker waits for an embedder that died to come back, s.
PATIENCE: Final = 120.0
#: Between two looks for one that may have come (back), s.
LOOK: Final = 0.2
#: How long it waits for the others at the start when one is there, s.
TOGETHER: Final = 15.0

Request = tuple[NDArray[np.uint8], "Future[NDArray[np.float32]]"]


class NoGpuError(UserError, ConnectionError):
    """No embedder answers: no file's fault."""


class GpuEmbedder:
    """Ray actor: holds one ONNX Runtime session and a thread that feeds it."""

    def __init__(self, model: Path, provider: str, known_as: str) -> None:
        """``known_as``: the model_id the run began with."""
        self._model, self._known_as, self._checked = model, known_as, False
        self._session = EmbeddingSession(model, provider, threads=max(1, (os.cpu_count() or 1) // 2))
        self._requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        threading.Thread(target=self._serve, daemon=True).start()

    def provider(self) -> str:
        """The execution provider ONNX Runtime really took."""
        return self._session.provider

    def embed(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings of ``clips`` (n, T, 128, 128) as (n, 256), finite or not; many threads may ask.

        Raises UserError as `same_model`.
        """
        if not self._checked:
            same_model(self._model, self._known_as)
            self._checked = True
        answer: Future[NDArray[np.float32]] = Future()
        self._requests.put((clips, answer))
        return answer.result()

    def _serve(self) -> None:
        most = GATHERED * BATCH[self._session.provider]
        while True:
            requests = [self._requests.get()]
            count = len(requests[0][0])
            while count < most:
                try:
                    requests.append(self._requests.get_nowait())
                except queue.Empty:
                    break
                count += len(requests[-1][0])
            try:
                vectors = self._session.embed_unchecked(np.concatenate([clips for clips, _ in requests]))
            except Exception as error:
                for _, answer in requests:
                    answer.set_exception(error)
                continue
            for clips, answer in requests:
                answer.set_result(vectors[: len(clips)])
                vectors = vectors[len(clips) :]


def gpu_embedders(model: Path, known_as: str, provider: str, callers: int, share: float = 1.0) -> list[Any]:
    """One `GpuEmbedder` for each GPU of the Ray session, on the node that has it.

    ``known_as``: the model_id the run began with; ``callers``: how many may ask at once; ``share``: of a GPU
    that each takes.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": 0, "max_concurrency": callers + 1}
    remote: Any = ray.remote(GpuEmbedder)
    places = [
        {"num_gpus": share, "scheduling_strategy": On(node["NodeID"], soft=False)}
        for node in ray.nodes()
        if node["Alive"]
        for _ in range(int(node["Resources"].get("GPU", 0)))
    ]
    # None where Ray has not noticed the GPU that ONNX Runtime knows of.
    return [remote.options(**options, **place).remote(model, provider, known_as) for place in places or [{}]]


class RemoteSession:
    """What a worker embeds with where GPUs do it: `embed` as of `EmbeddingSession`, in other processes.

    State: which of them are there. One that is not, because its node was lost or somebody else has its GPU,
    is done without until it answers.
    """

    def __init__(self, actors: Sequence[Any]) -> None:
        """``actors``: a `GpuEmbedder` each, asked by turns. Returns when one is there; waits a while for all.

        ``providers``: what they really took; more than one where they differ.
        """
        self._there: deque[Any] = deque()
        self._away: list[Any] = list(actors)
        self._greetings: dict[Any, Any] = {}
        self.providers: frozenset[str] = frozenset()
        latest = time.monotonic() + TOGETHER
        while not self._there or (self._greetings and time.monotonic() < latest):
            time.sleep(LOOK)
            self._look()

    def embed(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings of ``clips`` (n, T, 128, 128) as (n, 256), each of L2 norm 1.

        Raises NotFiniteError as there, and NoGpuError when no embedder answers for ``PATIENCE`` seconds.
        """
        return finite(self.embed_unchecked(clips))

    def embed_unchecked(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As `embed`, but finite or not."""
        pieces = [self._piece(clips[start : start + PIECE]) for start in range(0, len(clips), PIECE)]
        return np.concatenate([np.empty((0, EMBEDDING_SIZE), np.float32), *pieces])

    def _piece(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """One message. The death of an embedder is no fault of the clips: it sees nothing but their shape."""
        import ray

        give_up = time.monotonic() + PATIENCE
        while True:
            self._look()
            if self._there:
                actor = self._there[0]
                self._there.rotate(-1)
                try:
                    return np.asarray(ray.get(actor.embed.remote(clips)))
                except losses():
                    self._there.remove(actor)
                    self._away.append(actor)
                except ray.exceptions.RayTaskError as error:
                    if isinstance(error.cause, UserError):
                        raise error.cause from None  # the sentence, without Ray's traceback
                    raise
            if time.monotonic() > give_up:
                raise NoGpuError(
                    f"No GPU answered for {PATIENCE:.0f} s: see that the machines are up and run the same "
                    "command again, what is done is kept."
                )
            time.sleep(LOOK)

    def _look(self) -> None:
        """Ask those that are away whether they are there, and take up who has answered."""
        import ray

        self._greetings |= {actor.provider.remote(): actor for actor in self._away}
        self._away = []
        calls = list(self._greetings)
        for call in ray.wait(calls, num_returns=len(calls), timeout=0)[0] if calls else ():
            actor = self._greetings.pop(call)
            try:
                self.providers |= {ray.get(call)}
            except losses() as error:
                if getattr(error, "actor_init_failed", False):
                    raise
                self._away.append(actor)
            else:
                self._there.append(actor)
