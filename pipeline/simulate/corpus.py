"""Render a whole corpus in NVFAIR's layout: Ray tasks over clips, resumable, with its metadata."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipeline.datasets.label import ORIGINAL, SPLITS
from pipeline.datasets.nvfair import SOURCE_FILE, SPLIT_FILE
from pipeline.errors import UserError
from pipeline.machine import object_store_bytes, one_thread_each, worker_count
from pipeline.ray_session import ray_session
from pipeline.simulate.clip import render_clip
from pipeline.simulate.generators import GENERATORS
from pipeline.simulate.head_data import find_wheel
from pipeline.simulate.motion import external_tracks, read_live_link
from pipeline.simulate.plan import SHARES, SOURCE, ClipPlan, Person, plan_corpus, sample_people

#: A driver's habits take a second to draw, so that a task renders this many clips of one driver.
BATCH: Final = 12
LICENCE: Final = "CC0-1.0"

Progress = Callable[[int, int], None]  # finished clips, all clips


def simulate(
    out: Path,
    identities: int = 40,
    self_clips: int = 5,
    cross_clips: int = 10,
    seconds: float = 4.0,
    seed: int = 0,
    generators: Sequence[str] = GENERATORS,
    shares: tuple[float, float, float] = SHARES,
    motion: Path | None = None,
    heads: Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[ClipPlan]:
    """Render a corpus below `out`; what is there already is kept, so that a killed run continues.

    `motion` holds <driver>/<clip>.csv of Live Link Face, whose drivers replace the simulated ones.
    Raises UserError for unusable arguments, a broken recording, and when `out` holds a corpus made otherwise.
    """
    wheel = find_wheel(heads)
    recordings = [(driver, path) for driver, _, path in external_tracks(motion)] if motion else []
    for _, path in recordings:
        read_live_link(path)  # a broken take is refused before anything is rendered
    people = sample_people(identities, seed, shares, recordings)
    plans = plan_corpus(people, self_clips, cross_clips, seconds, generators, seed)
    out.mkdir(parents=True, exist_ok=True)
    _write_metadata(out, people, plans, seed)
    render_plans(wheel, out.resolve(), plans, workers, progress)
    return plans


def render_plans(
    wheel: Path,
    out: Path,
    plans: Sequence[ClipPlan],
    workers: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Render those of `plans` that are not below `out` yet, as Ray tasks of a few clips of one driver."""
    todo = [plan for plan in plans if not (out / plan.path).is_file()]
    done = len(plans) - len(todo)
    report = progress or (lambda _done, _total: None)
    report(done, len(plans))
    if not todo:
        return
    batches = _batches(todo)
    count = min(workers or worker_count(), len(batches))
    if count == 1:
        for plan in todo:
            render_clip(wheel, out, plan)
            done += 1
            report(done, len(plans))
        return
    with one_thread_each(), ray_session(count, min(object_store_bytes(), 256 * 2**20)):
        import ray

        task = ray.remote(num_cpus=1, max_retries=1)(_render_batch)
        waiting = [task.remote(wheel, out, batch) for batch in batches]
        sizes = dict(zip(waiting, map(len, batches), strict=True))
        while waiting:
            (ready,), waiting = ray.wait(waiting, num_returns=1)
            ray.get(ready)
            done += sizes.pop(ready)
            report(done, len(plans))


def _render_batch(wheel: Path, out: Path, batch: Sequence[ClipPlan]) -> None:
    import cv2

    cv2.setNumThreads(1)
    for plan in batch:
        render_clip(wheel, out, plan)


def _batches(plans: Sequence[ClipPlan]) -> list[list[ClipPlan]]:
    by_driver: dict[str, list[ClipPlan]] = {}
    for plan in plans:
        by_driver.setdefault(plan.driver.name, []).append(plan)
    return [clips[k : k + BATCH] for clips in by_driver.values() for k in range(0, len(clips), BATCH)]


def _write_metadata(out: Path, people: Sequence[Person], plans: Sequence[ClipPlan], seed: int) -> None:
    """Split file, source file and per-file table; refuses a folder whose split file says otherwise.

    ``out`` must be empty or hold a corpus: nothing is rendered among other files, which may be evidence.
    """
    if any(out.iterdir()) and not (out / SPLIT_FILE).is_file():
        raise UserError(f"{out} holds files but no simulated corpus: name a new or empty folder.")
    headings = {"train": "identities in train set:", "validation": "identities in validation set:"}
    headings["test"] = "identities in test set:"
    lines: list[str] = []
    for split in SPLITS:
        lines += [headings[split], *(person.name for person in people if person.split == split), ""]
    sources = [f"{SOURCE}:", *(person.name for person in people), ""]
    table = per_file_table(plans, seed)
    _write_once(out / SPLIT_FILE, "\n".join(lines))
    _write_once(out / SOURCE_FILE, "\n".join(sources))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows())
    _write_once(out / "per_file_information.csv", buffer.getvalue())
    table.write_parquet(out / "per_file_information.parquet")


def _write_once(path: Path, text: str) -> None:
    if path.is_file() and path.read_text("utf-8") != text:
        raise UserError(
            f"{path} belongs to a corpus made with other options or another version: "
            "give the same options to continue it, or name an empty folder."
        )
    path.write_text(text, "utf-8")


def per_file_table(plans: Sequence[ClipPlan], seed: int) -> pl.DataFrame:
    """NVFAIR's per-file columns, and what made each file: one row a video."""
    rows: list[dict[str, Any]] = [
        {
            "file name": plan.path,
            "real or synthetic?": "real" if plan.generator == ORIGINAL else "synthetic",
            "self / cross-reenactment?": ""
            if plan.generator == ORIGINAL
            else ("self" if plan.self_reenactment else "cross"),
            "applicable license": LICENCE,
            "path": plan.path,
            "target": plan.target.name,
            "driver": plan.driver.name,
            "generator": plan.generator,
            "split": plan.driver.split,
            "clip": plan.clip,
            "frames": plan.frames,
            "corpus_seed": seed,
            "target_seed": plan.target.seed,
            "driver_seed": plan.driver.seed,
            "content_seed": plan.content_seed,
            "take_seed": plan.take_seed,
            "scene_seed": plan.scene_seed,
            "recording": plan.recording.name if plan.recording else "",
        }
        for plan in plans
    ]
    return pl.DataFrame(rows)
