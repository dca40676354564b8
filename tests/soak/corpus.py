"""Hundreds of damaged videos of many containers and codecs, from tiny healthy ones and fixed seeds."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tests.pipeline.decode.videos import scene, write_video

Bytes = bytearray
Random = np.random.Generator
FRAMES: Final = 66  # two windows: one whole, one padded


@dataclass(frozen=True)
class Kind:
    """A container with a codec in it."""

    name: str  # its suffix chooses the container
    codec: str
    pixel_format: str = "yuv420p"
    size: tuple[int, int] = (64, 64)  # height, width
    frames: int = FRAMES
    options: tuple[tuple[str, str], ...] = ()


QUIET: Final = (("x265-params", "log-level=none:pools=1"),)
KINDS: Final = (
    Kind("h264.mp4", "libx264"),
    Kind("h264.mov", "libx264", options=(("bf", "0"),)),
    Kind("h264.mkv", "libx264"),
    Kind("h264.ts", "libx264"),
    Kind("h264.flv", "libx264"),
    Kind("h264.3gp", "libx264"),
    Kind("h265.mp4", "libx265", options=QUIET),
    Kind("h265.mkv", "libx265", options=QUIET),
    Kind("vp8.webm", "libvpx", options=(("deadline", "realtime"),)),
    Kind("vp9.webm", "libvpx-vp9", options=(("deadline", "realtime"),)),
    Kind("av1.mp4", "libsvtav1", options=(("preset", "12"), ("svtav1-params", "lp=1"))),
    Kind("av1.mkv", "libsvtav1", options=(("preset", "12"), ("svtav1-params", "lp=1"))),
    Kind("mpeg2.ts", "mpeg2video"),
    Kind("mpeg4.avi", "mpeg4"),
    Kind("mpeg4.3gp", "mpeg4"),
    Kind("mjpeg.avi", "mjpeg", "yuvj420p"),
    Kind("mjpeg.mov", "mjpeg", "yuvj420p"),
    Kind("prores.mov", "prores_ks", "yuv422p10le"),
    Kind("dv.avi", "dvvideo", "yuv420p", (576, 720), 6),
    Kind("flash.flv", "flv"),
    Kind("plain.gif", "gif", "rgb8"),
)


def flipped_bits(data: Bytes, random: Random, _other: bytes) -> None:
    for place in random.integers(0, len(data), 1 + len(data) // 2000):
        data[place] ^= 1 << int(random.integers(8))


def spoiled_header(data: Bytes, random: Random, _other: bytes) -> None:
    for place in random.integers(0, min(600, len(data)), 6):
        data[place] = int(random.integers(256))


def truncated(data: Bytes, random: Random, _other: bytes) -> None:
    del data[int(random.integers(1, len(data))) :]


def hole(data: Bytes, random: Random, _other: bytes) -> None:
    start = int(random.integers(0, len(data)))
    del data[start : start + int(random.integers(1, 3000))]


def huge_sizes(data: Bytes, random: Random, _other: bytes) -> None:
    for place in random.integers(0, len(data) - 8, 3):
        data[place : place + 4] = b"\x7f\xff\xff\xff"


def huge_sizes_in_the_header(data: Bytes, random: Random, _other: bytes) -> None:
    for place in random.integers(0, min(800, len(data) - 8), 4):
        data[place : place + 4] = random.bytes(1) + b"\xff\xff\xff"


def spliced(data: Bytes, random: Random, other: bytes) -> None:
    """The beginning of one file, the end of another kind's."""
    data[int(random.integers(len(data) // 4, len(data))) :] = other[int(random.integers(0, len(other))) :]


def wrong_header(data: Bytes, random: Random, other: bytes) -> None:
    """The head of another kind of file before this one's data."""
    size = int(random.integers(8, 512))
    data[:size] = other[:size]


MUTATIONS: Final[tuple[Callable[[Bytes, Random, bytes], None], ...]] = (
    flipped_bits, spoiled_header, truncated, hole,
    huge_sizes, huge_sizes_in_the_header, spliced, wrong_header,
)  # fmt: skip


@functools.cache
def healthy(kind: Kind) -> bytes:
    """The bytes of one healthy video of this kind."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        pictures = scene(kind.frames, *kind.size, seed=zlib.crc32(kind.name.encode()) % 1000)
        path = Path(folder) / kind.name
        write_video(path, pictures, codec=kind.codec, pixel_format=kind.pixel_format, **dict(kind.options))
        return path.read_bytes()


def write_healthy(folder: Path, kinds: tuple[Kind, ...] = KINDS) -> None:
    """One healthy video of each kind."""
    folder.mkdir(parents=True)
    for kind in kinds:
        (folder / kind.name).write_bytes(healthy(kind))


def write_mutated(folder: Path, rounds: int, kinds: tuple[Kind, ...] = KINDS) -> int:
    """``rounds`` times every mutation of every kind; how many files that is. No two are alike."""
    folder.mkdir(parents=True)
    seen = {healthy(kind) for kind in kinds}
    for number, kind in enumerate(kinds):
        other = healthy(kinds[(number + 7) % len(kinds)])
        for mutation in MUTATIONS:
            for seed in range(rounds):
                random = np.random.default_rng([number, seed, MUTATIONS.index(mutation)])
                data = bytearray(healthy(kind))
                while bytes(data) in seen:
                    mutation(data, random, other)
                seen.add(bytes(data))
                (folder / f"{mutation.__name__}-{seed}-{kind.name}").write_bytes(data)
    return len(seen) - len(kinds)
