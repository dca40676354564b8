"""A corpus of real videos and one Ray for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.ray_session import ray_session
from tests.pipeline.frames.corpus import video_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    with ray_session(2, 128 * 2**20):
        yield
