"""Small real videos, written by PyAV, for everything intake must recognise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.casefile import read_case
from pipeline.intake.found import Found
from pipeline.intake.walk import find_evidence

Write = Callable[..., bytes]


def write_video(path: Path, container: str = "mp4", codec: str = "libx264", seed: int = 0) -> bytes:
    """Twelve frames of moving noise at 25 fps, 64 by 48 (DV has one size only); the file's bytes."""
    width, height = (720, 576) if codec == "dvvideo" else (352, 288) if codec == "h263" else (64, 48)
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height = width, height
        stream.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p", "apng": "rgb24"}.get(codec, "yuv420p")
        for step in range(12):
            frame = av.VideoFrame.from_ndarray(np.roll(noise, step, 1), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path.read_bytes()


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Three different MP4 files."""
    folder = tmp_path_factory.mktemp("videos")
    return [write_video(folder / f"{seed}.mp4", seed=seed) for seed in range(3)]


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence"
    folder.mkdir()
    return folder


@pytest.fixture
def take_in(evidence: Path, tmp_path: Path) -> Iterator[Callable[[], dict[str, Found]]]:
    """Runs intake over the evidence folder; rows by path. No two rows may have one path."""

    def run() -> dict[str, Found]:
        rows = list(find_evidence(evidence, read_case(evidence), tmp_path / "scratch"))
        by_path = {row.path: row for row in rows}
        assert len(by_path) == len(rows)
        return by_path

    return run
