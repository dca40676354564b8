"""The ways from video files to embeddings that `end_to_end` sets side by side; all run the same network.

- ours: `Engine`, its guard, quality measures, pictures and a commit (fsync) a file. No occlusion tests,
  as for bulk.
- plain: decord, torch eager with F5C as the paper's text has it, a list. No guard, no quality measures, no
  pictures, nothing written. A third of its time goes to memory that glibc gives back and takes again, so it
  is also measured without that.
- ray data, daft: the same decoder, measures, pictures, session and commits as ours, in two stages.
"""

from __future__ import annotations

import functools
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from model.metadata import model_id, read_metadata
from model.system import parse_system
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeRequest
from pipeline.embed import EmbeddingSession, best_provider
from pipeline.engine import Engine, EngineOptions, Work, cut_file, with_embeddings
from pipeline.ledger import FileResult, Ledger
from pipeline.machine import object_store_bytes, worker_count
from pipeline.ray_session import ray_session

BATCH = 4  # videos Daft hands to a stage at a time; with its default a stage gets them all at once

Way = Callable[[Sequence[Path]], list[float]]  # videos to the times at which their results were there


class DecodeStage:
    """File to clips and rows, as `FileWorker` makes them; an actor of Ray Data and of Daft."""

    def __init__(self, clip_length: int, fps: float) -> None:
        cv2.setNumThreads(1)
        self.clip_length, self.fps = clip_length, fps
        self.decoder = GuardedDecoder()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        decoded = self.decoder.decode(Path(row["path"]), DecodeRequest(fps=self.fps))
        assert isinstance(decoded, Decoded), decoded
        result, clips = cut_file(row["evidence_id"], decoded, self.clip_length, self.clip_length)
        return {"clips": np.stack([*clips.frames]), "result": pickle.dumps(result)}


class EmbedStage:
    """Clips to embeddings, likewise."""

    def __init__(self, model: Path) -> None:
        self.session = EmbeddingSession(model, "CPUExecutionProvider", threads=1)
        self.model_id = model_id(model)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        vectors = self.session.embed(row["clips"])
        return {"result": pickle.dumps(with_embeddings(pickle.loads(row["result"]), vectors, self.model_id))}


def items(videos: Sequence[Path]) -> list[dict[str, str]]:
    """The videos as rows for those who begin with a table."""
    return [{"evidence_id": f"{number:064x}", "path": str(path)} for number, path in enumerate(videos)]


def commits(ledger: Ledger, results: Iterable[FileResult]) -> list[float]:
    """Commit every result as it comes; the times at which each was safe on the disk."""
    times = []
    for result in results:
        assert result.facts["status"] == "processed" and result.embeddings, result.facts
        ledger.commit(result)
        times.append(time.perf_counter())
    return times


@contextmanager
def ours(model: Path, ledger: Ledger) -> Iterator[Way]:
    """The engine as `analyze` runs it."""
    metadata = read_metadata(model)
    options = EngineOptions(
        model=model,
        model_id=model_id(model),
        clip_length=metadata.clip_length,
        stride=metadata.clip_length,
        fps=metadata.fps,
        provider=best_provider(),
        workers=worker_count(),
    )

    def run(videos: Sequence[Path]) -> list[float]:
        times: list[float] = []
        works = (Work(item["evidence_id"], Path(item["path"]), None) for item in items(videos))
        engine.run(works, lambda result: times.extend(commits(ledger, [result])))
        return times

    with ray_session(worker_count(), object_store_bytes()):
        engine = Engine(options)
        yield run


@contextmanager
def plain(model: Path, _ledger: Ledger, *, keep_memory: bool = False) -> Iterator[Way]:
    """What one writes first: decord, torch eager with all cores, a list.

    ``keep_memory``: with glibc told to reuse freed blocks, which one does not write first.
    """
    import decord
    import torch

    from model.registry import build
    from model.training.memory import keep_freed_memory
    from tests.benchmarks.inference import PlainF5C

    if keep_memory:
        keep_freed_memory()
    metadata = read_metadata(model)
    network = build(parse_system(f"{metadata.backbone}:{metadata.condition}:{metadata.clip_length}"))
    network.backbone = PlainF5C()  # as the paper's text has it
    network.eval()
    gray = torch.tensor([0.299, 0.587, 0.114])
    length = metadata.clip_length

    def run(videos: Sequence[Path]) -> list[float]:
        found, times = [], []
        for path in videos:
            reader = decord.VideoReader(str(path))
            pictures = torch.from_numpy(reader.get_batch(range(len(reader))).asnumpy()).float() @ gray
            frames = torch.nn.functional.interpolate(pictures[:, None], size=(128, 128), mode="area")
            frames = frames[:, 0].round().to(torch.uint8)
            starts = sorted({*range(0, len(frames) - length + 1, length), max(0, len(frames) - length)})
            clips = torch.stack([frames[start : start + length] for start in starts])
            found.append(network(clips).numpy())
            times.append(time.perf_counter())
        return times

    with torch.inference_mode():
        yield run


@contextmanager
def ray_data(model: Path, ledger: Ledger) -> Iterator[Way]:
    """Two stages of actors, streamed; the shares of a core let all of them run at once."""
    import ray.data

    metadata = read_metadata(model)
    ray.data.DataContext.get_current().enable_progress_bars = False
    pool = ray.data.ActorPoolStrategy(size=worker_count())

    def run(videos: Sequence[Path]) -> list[float]:
        settings = (metadata.clip_length, metadata.fps)
        rows = ray.data.from_items(items(videos))
        clips = rows.map(DecodeStage, fn_constructor_args=settings, compute=pool, num_cpus=0.25)
        done = clips.map(EmbedStage, fn_constructor_args=(model,), compute=pool, num_cpus=0.25)
        return commits(ledger, (pickle.loads(row["result"]) for row in done.iter_rows()))

    with ray_session(worker_count(), object_store_bytes()):
        yield run


@contextmanager
def daft_pipeline(model: Path, ledger: Ledger) -> Iterator[Way]:
    """Two classes of Daft's own runner, as many of each as there are cores."""
    import daft

    metadata, workers = read_metadata(model), worker_count()
    daft.set_runner_native()
    anything = daft.DataType.python()

    @daft.cls(max_concurrency=workers, use_process=True)
    class Decode:
        def __init__(self) -> None:
            self.stage = DecodeStage(metadata.clip_length, metadata.fps)
            # A decoding child ends with the thread that started it, and Daft's threads come and go.
            self.thread = ThreadPoolExecutor(1)

        @daft.method.batch(return_dtype=anything, batch_size=BATCH)
        def clips(self, rows: Any) -> Any:
            return daft.Series.from_pylist(list(self.thread.map(self.stage, rows)), pyobj="force")

    @daft.cls(max_concurrency=workers, use_process=True)
    class Embed:
        def __init__(self) -> None:
            self.stage = EmbedStage(model)

        @daft.method.batch(return_dtype=anything, batch_size=BATCH)
        def embeddings(self, rows: Any) -> Any:
            return daft.Series.from_pylist([self.stage(row) for row in rows], pyobj="force")

    def run(videos: Sequence[Path]) -> list[float]:
        table = daft.from_pydict({"item": items(videos)})
        clips = table.select(Decode().clips(table["item"]).alias("clips"))  # type: ignore[attr-defined]
        done = clips.select(Embed().embeddings(clips["clips"]).alias("done"))  # type: ignore[attr-defined]
        return commits(ledger, (pickle.loads(row["done"]["result"]) for row in done.iter_rows()))

    yield run


WAYS: dict[str, Callable[[Path, Ledger], AbstractContextManager[Way]]] = {
    "ours": ours,
    "plain": plain,
    "plain, memory kept": functools.partial(plain, keep_memory=True),
    "ray data": ray_data,
    "daft": daft_pipeline,
}
