"""Mutated videos through the real guard: always an answer, never a neighbour harmed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeFailure, DecodeRequest
from pipeline.reasons import DECODE_CAVEATS, DECODE_FAILURES
from tests.pipeline.decode.videos import scene, write_video

SEEDS: tuple[tuple[str, dict[str, str]], ...] = (
    ("a.mp4", {"codec": "libx264"}),
    ("a.mkv", {"codec": "libx264"}),
    ("a.ts", {"codec": "libx264"}),
    ("a.webm", {"codec": "libvpx-vp9"}),
    ("a.avi", {"codec": "mpeg4"}),
    ("a.mov", {"codec": "prores_ks", "pixel_format": "yuv422p10le"}),
    ("a.mpg", {"codec": "mpeg2video"}),
    ("a.flv", {"codec": "flv"}),
    ("a.gif", {"codec": "gif", "pixel_format": "rgb8"}),
)


def flip_bits(data: bytearray, random: np.random.Generator) -> None:
    for place in random.integers(0, len(data), 20):
        data[place] ^= 1 << int(random.integers(8))


def spoil_header(data: bytearray, random: np.random.Generator) -> None:
    for place in random.integers(0, min(600, len(data)), 6):
        data[place] = int(random.integers(256))


def cut_short(data: bytearray, random: np.random.Generator) -> None:
    del data[int(random.integers(1, len(data))) :]


def cut_out(data: bytearray, random: np.random.Generator) -> None:
    start = int(random.integers(0, len(data)))
    del data[start : start + int(random.integers(1, 3000))]


def huge_sizes(data: bytearray, random: np.random.Generator) -> None:
    for place in random.integers(0, len(data) - 8, 3):
        data[place : place + 4] = b"\x7f\xff\xff\xff"


@pytest.mark.parametrize("mutate", [flip_bits, spoil_header, cut_short, cut_out, huge_sizes])
@pytest.mark.parametrize(("name", "options"), SEEDS, ids=[s[0] for s in SEEDS])
def test_mutated_video_gives_an_answer(
    tmp_path: Path,
    guarded: GuardedDecoder,
    name: str,
    options: dict[str, str],
    mutate: Callable[[bytearray, np.random.Generator], None],
) -> None:
    seed = write_video(tmp_path / name, scene(30, 64, 64), **options)  # type: ignore[arg-type]
    whole = guarded.decode(seed, DecodeRequest())
    assert isinstance(whole, Decoded)
    for number in range(3):
        data = bytearray(seed.read_bytes())
        mutate(data, np.random.default_rng(number))
        path = tmp_path / f"{number}_{name}"
        path.write_bytes(data)
        answer = guarded.decode(path, DecodeRequest())
        if isinstance(answer, DecodeFailure):
            assert answer.reason_code in DECODE_FAILURES
            continue
        assert answer.reason_code is None or answer.reason_code in DECODE_CAVEATS
        assert len(answer.frames) == len(answer.seconds) == len(answer.source_index) >= 1
        assert all(0 <= start <= end <= len(answer.frames) for start, end in answer.gaps)
        assert all(np.diff(answer.source_index) >= 0)
    again = guarded.decode(seed, DecodeRequest())
    assert isinstance(again, Decoded)
    assert again.frames.tobytes() == whole.frames.tobytes()
