"""One pass over the videos: decode each once, embed its clips with every model that lacks them.

On a CPU each worker decodes and embeds with sessions of one thread. Where there are GPUs the workers decode
and a process for each of them and each model embeds, so that a batch is filled from many videos.

The robustness rerun is the same pass over a sample of the videos, with every alteration of a video in
place of the video itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.metadata import FRAME_SIDE, ModelMetadata
from pipeline.actors import ActorPool, WorkerDied
from pipeline.benchmark.alterations import altered
from pipeline.benchmark.clips import Clip, choose_clips, cut
from pipeline.benchmark.run_folder import CHUNK, RunFolder
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeFailure
from pipeline.embed import EmbeddingSession, all_of, embed_blank, same_model
from pipeline.frames.store import DIED, REQUEST
from pipeline.gpu_embedder import RemoteSession, gpu_embedders
from pipeline.seats import seats

#: Chunks a worker works at: where GPUs embed, one is decoded while the clips of another are there.
CHUNKS_AT_WORK: Final = {"CPUExecutionProvider": 1, "CUDAExecutionProvider": 2}


@dataclass(frozen=True)
class Model:
    """A model file to measure."""

    path: Path
    id: str
    metadata: ModelMetadata


@dataclass(frozen=True)
class EmbedOptions:
    """What every worker needs to know. ``models``: model_id -> file; ``lengths``: model_id -> T.

    ``altered``: embed the alterations of each video and not the video; ``chunk``: videos a part covers.
    """

    root: Path
    models: Mapping[str, Path]
    lengths: Mapping[str, int]
    provider: str
    multi_clip: bool
    altered: bool = False
    chunk: int = CHUNK


@dataclass(frozen=True)
class ChunkWork:
    """Videos of one chunk, and the models that lack it."""

    chunk: int
    paths: tuple[str, ...]
    models: tuple[str, ...]


@dataclass
class ChunkClips:
    """What a chunk decoded to; for each T the clips, uint8 [n, T, 128, 128], and one row a clip."""

    videos: list[dict[str, Any]] = field(default_factory=list)
    clips: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    rows: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    embeddings: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


class Sessions:
    """State: what embeds with each model, an ONNX Runtime session here or processes at the GPUs."""

    def __init__(self, options: EmbedOptions, gpus: Mapping[str, Sequence[Any]]) -> None:
        """``gpus``: model_id -> a `GpuEmbedder` each; empty on a CPU."""
        self._lengths = options.lengths
        self._sessions: dict[str, EmbeddingSession | RemoteSession] = {
            model_id: RemoteSession(gpus[model_id])
            if gpus
            else EmbeddingSession(path, options.provider, threads=1)
            for model_id, path in options.models.items()
        }
        self.providers = frozenset(one for session in self._sessions.values() for one in session.providers)

    def embed(self, found: ChunkClips, models: Sequence[str]) -> None:
        """Fill ``found.embeddings`` and let its clips go.

        A video of which one clip has no finite embedding has none at all. Raises NotFiniteError where a blank
        clip meets the same: then it is the model's fault and no video's.
        """
        for model_id in models:
            length, session = self._lengths[model_id], self._sessions[model_id]
            rows, vectors = found.rows[length], session.embed_unchecked(found.clips[length])
            sound = np.isfinite(vectors).all(axis=1)
            if not sound.all():
                embed_blank(session.embed, length)
            lost = {(rows[clip]["path"], rows[clip]["alteration"]) for clip in np.flatnonzero(~sound)}
            found.embeddings[model_id] = [
                {**row, "embedding": vector}
                for row, vector in zip(rows, vectors, strict=True)
                if (row["path"], row["alteration"]) not in lost
            ]
        found.clips.clear()


class ClipWorker:
    """Ray actor: a guarded decoding child and, unless GPUs embed, the sessions."""

    def __init__(self, options: EmbedOptions, gpus: Mapping[str, Sequence[Any]]) -> None:
        self._options = options
        self._decoder = GuardedDecoder()
        self._sessions = Sessions(options, gpus)
        self._decoding = threading.Lock()
        self._embedding = threading.Lock()

    def facts(self) -> frozenset[str]:
        """The execution providers ONNX Runtime really took. Raises UserError as `same_model`."""
        for known_as, path in self._options.models.items():
            same_model(path, known_as)
        return self._sessions.providers

    def work(self, work: ChunkWork) -> ChunkClips:
        """Everything a chunk yields; called by several threads at once."""
        with self._decoding:
            found = self._decode(work)
        with self._embedding:
            self._sessions.embed(found, work.models)
        return found

    def _decode(self, work: ChunkWork) -> ChunkClips:
        """Decode and cut a chunk."""
        options = self._options
        lengths = sorted({options.lengths[model_id] for model_id in work.models})
        # The longest centre clip holds the shorter ones.
        whole = options.multi_clip or options.altered
        request = REQUEST if whole else replace(REQUEST, centre=lengths[-1])
        found = ChunkClips(rows={length: [] for length in lengths})
        cuts: dict[int, list[NDArray[np.uint8]]] = {length: [] for length in lengths}
        for path in work.paths:
            decoded = self._decoder.decode(options.root / path, request)
            for name, variant in self._variants(path, decoded):
                row = {"alteration": name, "unchanged": _same(variant, decoded)}
                found.videos.append(_video_row(path, variant) | row)
                if isinstance(variant, DecodeFailure):
                    continue
                for length in lengths:
                    for clip in choose_clips(variant.total, length, multi_clip=options.multi_clip):
                        cuts[length].append(cut(variant.frames, clip, length, variant.left_out[0]))
                        found.rows[length].append({**_clip_row(path, clip), "alteration": name})
        found.clips = {length: _stacked(some, length) for length, some in cuts.items()}
        return found

    def _variants(
        self, path: str, decoded: Decoded | DecodeFailure
    ) -> Iterator[tuple[str | None, Decoded | DecodeFailure]]:
        """The video itself, or where that is asked for each of its alterations by key."""
        if not self._options.altered or isinstance(decoded, DecodeFailure):
            yield None, decoded
            return
        for alteration, frames in altered(self._options.root / path, path, decoded, self._decoder):
            if isinstance(frames, DecodeFailure):
                yield alteration.key, frames
            else:
                yield alteration.key, replace(decoded, frames=frames)


def embed_videos(
    run: RunFolder, paths: Sequence[str], options: EmbedOptions, workers: int, step: Callable[[int], None]
) -> tuple[str, int]:
    """Fill in every missing part of ``run``; use inside a Ray session.

    ``paths``: the videos below ``options.root``, in the order that defines the chunks. ``step`` is told
    how many videos were finished. Returns the execution provider used, or every one where workers or GPUs
    differ, and how many nodes were lost with chunks on them, which others then took. Raises UserError when
    all workers stay away.
    """
    import ray

    threads = CHUNKS_AT_WORK[options.provider]
    gpus: dict[str, list[Any]] = {}
    if options.provider == "CUDAExecutionProvider":
        share = 1 / len(options.models)
        for model_id, path in options.models.items():
            gpus[model_id] = gpu_embedders(path, model_id, options.provider, threads * workers, share)
    pool = ActorPool[ChunkWork](ClipWorker, (options, gpus), seats(workers, ray.nodes()), threads=threads)
    missing = run.missing(-(-len(paths) // options.chunk), list(options.models))
    deadly = []
    for work, answer in pool.each(_works(paths, missing, options.chunk)):
        if isinstance(answer, WorkerDied):
            deadly.append(work)
            continue
        run.commit(work.chunk, answer.videos, answer.embeddings)
        step(len(work.paths))
    for work in deadly:
        found = _each_alone(pool, work)
        run.commit(work.chunk, found.videos, found.embeddings)
        step(len(work.paths))
    return all_of(one for providers in pool.facts() for one in providers), len(pool.lost_nodes)


def _works(paths: Sequence[str], missing: Mapping[int, tuple[str, ...]], size: int) -> Iterator[ChunkWork]:
    for chunk, models in missing.items():
        yield ChunkWork(chunk, tuple(paths[chunk * size : (chunk + 1) * size]), models)


def _each_alone(pool: ActorPool[ChunkWork], work: ChunkWork) -> ChunkClips:
    """A chunk that killed its worker twice, video by video: only the culprit is lost."""
    whole = ChunkClips(embeddings={model_id: [] for model_id in work.models})
    alone = (ChunkWork(work.chunk, (path,), work.models) for path in work.paths)
    answers = {one.paths[0]: answer for one, answer in pool.each(alone)}
    for path in work.paths:
        answer = answers[path]
        if isinstance(answer, WorkerDied):
            whole.videos.append(_video_row(path, DIED))
            continue
        whole.videos += answer.videos
        for model_id, rows in answer.embeddings.items():
            whole.embeddings[model_id] += rows
    return whole


def _video_row(path: str, decoded: Decoded | DecodeFailure) -> dict[str, Any]:
    failed = isinstance(decoded, DecodeFailure)
    return {
        "path": path,
        "status": "failed" if failed else "processed",
        "reason_code": decoded.reason_code,
        "reason": decoded.reason,
        "frames": 0 if isinstance(decoded, DecodeFailure) else decoded.total,
        "frames_decoded": decoded.facts.frames_decoded,
        "fps": decoded.facts.fps,
        "alteration": None,
        "unchanged": False,
    }


def _same(variant: Decoded | DecodeFailure, clean: Decoded | DecodeFailure) -> bool:
    """Whether an alteration left every frame as it was."""
    if isinstance(variant, DecodeFailure) or isinstance(clean, DecodeFailure):
        return False
    return variant is not clean and np.array_equal(variant.frames, clean.frames)


def _clip_row(path: str, clip: Clip) -> dict[str, Any]:
    return {
        "path": path,
        "start_frame": clip.start,
        "padded_frames": clip.padded,
        "centre": clip.centre,
        "window": clip.window,
    }


def _stacked(clips: list[NDArray[np.uint8]], length: int) -> NDArray[np.uint8]:
    return np.stack(clips) if clips else np.zeros((0, length, FRAME_SIDE, FRAME_SIDE), np.uint8)
