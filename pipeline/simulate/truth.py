"""What every face of a simulated corpus does: its motion tracks, performed again from the recorded seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.machine import one_thread_each, worker_count
from pipeline.simulate.clip import clip_track
from pipeline.simulate.motion.track import ARKIT_NAMES, INDEX
from pipeline.simulate.plan import ClipPlan, Person, stable_seed

TABLE: Final = "per_file_information.parquet"
#: A process must learn the population's common motion first, which takes as long as a dozen drivers.
FEWEST_FOR_PROCESSES: Final = 16  # drivers
HEAD: Final = ("yaw", "pitch", "roll", "x", "y", "z")
CHANNELS: Final = (*ARKIT_NAMES, *HEAD)


def mirror() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """How a track looks in a mirror: the channel each one is taken from, [58], and its sign, [58]."""
    swapped = {"Left": "Right", "Right": "Left"}
    order = list(range(len(CHANNELS)))
    for name, place in INDEX.items():
        for side, other in swapped.items():
            if name.endswith(side):
                order[place] = INDEX[name.removesuffix(side) + other]
    sign = [-1.0 if name in ("yaw", "roll", "x") else 1.0 for name in CHANNELS]
    return np.array(order), np.array(sign, np.float32)


def recorded_plans(corpus: Path, paths: Sequence[str]) -> list[ClipPlan]:
    """How these videos of a simulated corpus were made.

    Raises UserError when the corpus does not say so, or was made of recorded motion.
    """
    table = corpus / TABLE
    if not table.is_file():
        raise UserError(f"{corpus} is not a simulated corpus: it has no {TABLE}, so its motion is not known.")
    plans = {row["path"]: _plan(row) for row in pl.read_parquet(table).iter_rows(named=True)}
    missing = next((path for path in paths if path not in plans), None)
    if missing is not None:
        raise UserError(f"{table} does not list {missing}: simulate the corpus again.")
    return [plans[path] for path in paths]


def corpus_tracks(corpus: Path, paths: Sequence[str]) -> list[NDArray[np.float32]]:
    """The tracks of these videos of a simulated corpus, float32 [frames, 58] each, columns as `CHANNELS`.

    Raises UserError as `recorded_plans`.
    """
    plans = recorded_plans(corpus, paths)
    by_driver: dict[int, list[int]] = {}
    for number, plan in enumerate(plans):
        by_driver.setdefault(plan.driver.seed, []).append(number)
    work = [[plans[number] for number in numbers] for numbers in by_driver.values()]
    tracks: dict[int, NDArray[np.float32]] = {}
    for numbers, found in zip(by_driver.values(), _performed(work), strict=True):
        tracks.update(zip(numbers, found, strict=True))
    return [tracks[number] for number in range(len(paths))]


def perform_drivers(
    drivers: int, takes: int, frames: int, told: Callable[[int], None] | None = None
) -> NDArray[np.float32]:
    """Motion of drivers that no corpus shows, float32 [drivers, takes, frames, 58], columns as `CHANNELS`.

    Every take says and feels something else. ``told`` hears of each driver that is done.
    """
    work = [[_take(driver, take, frames) for take in range(takes)] for driver in range(drivers)]
    tracks = np.empty((drivers, takes, frames, len(CHANNELS)), np.float32)
    for driver, found in enumerate(_performed(work)):
        tracks[driver] = np.stack(found)
        if told is not None:
            told(1)
    return tracks


def _take(driver: int, take: int, frames: int) -> ClipPlan:
    person = Person(f"performer{driver}", "train", stable_seed("performer", driver))
    content, chance = (stable_seed("performer", what, driver, take) for what in ("content", "take"))
    return ClipPlan("", "", person, person, f"{take:03}", content, chance, 0, frames)


def _performed(work: Sequence[list[ClipPlan]]) -> Iterator[list[NDArray[np.float32]]]:
    """The tracks of each driver's clips, driver by driver."""
    if len(work) < FEWEST_FOR_PROCESSES:
        yield from map(_tracks, work)
        return
    with one_thread_each(), ProcessPoolExecutor(worker_count(), get_context("spawn")) as pool:
        yield from pool.map(_tracks, work)


def _tracks(plans: Sequence[ClipPlan]) -> list[NDArray[np.float32]]:
    """Of one driver, whose habits take a second to draw."""
    performed = map(clip_track, plans)
    return [
        np.concatenate((track.coefficients, track.head, track.translation), axis=1) for track in performed
    ]


def _plan(row: dict[str, object]) -> ClipPlan:
    if row["recording"]:
        raise UserError(f"{row['path']} replays recorded motion: pretrain on a corpus of simulated drivers.")
    split = str(row["split"])
    seeds = {name: int(str(value)) for name, value in row.items() if name.endswith("_seed")}
    return ClipPlan(
        path=str(row["path"]),
        generator=str(row["generator"]),
        target=Person(str(row["target"]), split, seeds["target_seed"]),
        driver=Person(str(row["driver"]), split, seeds["driver_seed"]),
        clip=str(row["clip"]),
        content_seed=seeds["content_seed"],
        take_seed=seeds["take_seed"],
        scene_seed=seeds["scene_seed"],
        frames=int(str(row["frames"])),
    )
