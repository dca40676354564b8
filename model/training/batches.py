"""Batches of N drivers × M videos, read ahead of the network (paper, Table I)."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from model.crop import random_start, read_clip
from model.frame_store import FrameSource, VideoLabel
from model.training.config import TrainConfig
from model.training.observed import Observed

READ_AHEAD: Final = 2  # batches

Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class Batch:
    """Clips, uint8 ``[N·M, T, 128, 128]``, and the number of each one's driver, int64 ``[N·M]``.

    Where the backbone is frozen, ``clips`` are what it made of them, see `Observed`. ``mirrored``, bool
    ``[N·M]``: clips to be shown with their sides swapped. Where several processes share the batch, ``clips``
    and ``mirrored`` are one's share and ``drivers`` covers them all.
    """

    clips: npt.NDArray[Any]
    drivers: npt.NDArray[np.int64]
    mirrored: npt.NDArray[np.bool_]


def draw_batch(
    source: FrameSource,
    groups: list[list[int]],
    config: TrainConfig,
    step: int,
    rank: int = 0,
    size: int = 1,
    observed: Observed | None = None,
) -> Batch:
    """The batch of a step: a function of seed and step alone, so a resumed run sees the same batches.

    N drivers without replacement (all of them where there are fewer), M videos of each, a video twice
    only where the driver has fewer than M; from each a random consecutive clip. Where pictures are varied,
    half of the drivers are mirrored and numbered as drivers of their own: which side leads is part of how a
    person moves. Of ``size`` processes, each reads every size-th clip only; ``drivers`` is the whole batch in
    the order the processes hold it.
    """
    random = np.random.default_rng((config.seed, step))
    n_drivers = min(config.drivers_per_batch, len(groups))
    if config.linked_faces:
        chosen, videos = _linked(source.labels, groups, n_drivers, config.videos_per_driver, random)
    else:
        chosen, videos = _any(groups, n_drivers, config.videos_per_driver, random)
    drivers = np.repeat(chosen, config.videos_per_driver)
    mirrored = np.zeros(len(drivers), bool)
    if config.augment and config.linked_faces:
        mirrored[:] = random.random() < 0.5  # together, or a face would not recur
    elif config.augment:
        mirrored = np.repeat(random.random(n_drivers) < 0.5, config.videos_per_driver)
    length = config.system.clip_length
    order = [place for process in range(size) for place in range(process, len(drivers), size)]
    clips: list[npt.NDArray[Any]] = []
    for place, video in enumerate(videos):
        start = random_start(source.length(video), length, random)
        if place % size != rank:
            continue
        if observed is None:
            clips.append(read_clip(source, video, start, length))
        else:
            clips.append(observed.read_clip(video, start, length, mirrored=bool(mirrored[place])))
    numbers = drivers + len(groups) * mirrored
    return Batch(np.stack(clips), numbers[order].astype(np.int64), mirrored[rank::size])


def _any(
    groups: list[list[int]], n_drivers: int, n_videos: int, random: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Drivers at random, and videos of each at random."""
    chosen: list[int] = random.choice(len(groups), n_drivers, replace=False).tolist()
    videos: list[int] = []
    for driver in chosen:
        videos += random.choice(groups[driver], n_videos, replace=len(groups[driver]) < n_videos).tolist()
    return chosen, videos


def _linked(
    labels: Sequence[VideoLabel],
    groups: list[list[int]],
    n_drivers: int,
    n_videos: int,
    random: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """Drivers whose faces the others drive, and of each videos on different faces, its own among them.

    What is left of appearance in a difference then speaks for the wrong driver: two videos of one driver
    show different faces, and a face that recurs is driven by somebody else, as in the protocol. A driver
    with too few faces fills up with any of its videos.
    """
    number = {labels[videos[0]].driver: driver for driver, videos in enumerate(groups)}
    chosen: list[int] = []
    waiting: list[int] = []
    while len(chosen) < n_drivers:
        left = [driver for driver in range(len(groups)) if driver not in chosen]
        driver = waiting.pop(0) if waiting else int(random.choice(left))
        if driver in chosen:
            continue
        chosen.append(driver)
        faces = {labels[video].target for video in groups[driver]} & number.keys()
        waiting += random.permutation(sorted(number[face] for face in faces)).tolist()
    inside = {labels[groups[driver][0]].driver for driver in chosen}
    videos: list[int] = []
    for driver in chosen:
        shuffled = random.permutation(groups[driver]).tolist()
        by_face = {labels[video].target: video for video in shuffled}
        own = labels[shuffled[0]].driver
        ranked = sorted(by_face, key=lambda face: (face != own, face not in inside))  # stable: else at random
        picked = [by_face[face] for face in ranked][:n_videos]
        picked += random.choice(shuffled, n_videos - len(picked)).tolist()
        videos += picked
    return chosen, videos


def batches(
    source: FrameSource,
    groups: list[list[int]],
    config: TrainConfig,
    first: int,
    rank: int = 0,
    size: int = 1,
    observed: Observed | None = None,
) -> Generator[Batch]:
    """Batches of steps first … last, two ahead of the network."""
    return read_ahead(
        lambda step: draw_batch(source, groups, config, step, rank, size, observed),
        range(first, config.total_steps),
    )


def read_ahead(draw: Callable[[int], Drawn], steps: range) -> Generator[Drawn]:
    """What ``draw`` gives for each step, drawn by a thread that stays two ahead; its errors surface here."""
    ready: queue.Queue[Drawn | BaseException] = queue.Queue(READ_AHEAD)
    stop = threading.Event()

    def offer(item: Drawn | BaseException) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def read() -> None:
        try:
            for step in steps:
                offer(draw(step))
                if stop.is_set():
                    return
        except BaseException as error:  # handed to the consumer
            offer(error)

    reader = threading.Thread(target=read, name="batches", daemon=True)
    reader.start()
    try:
        for _ in steps:
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        reader.join()
