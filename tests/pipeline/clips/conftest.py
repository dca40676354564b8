"""Decoded real footage, each file once a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeRequest
from tests.conftest import need

Take = Callable[[str], NDArray[np.uint8]]


@pytest.fixture(scope="session")
def decoded(footage: Path) -> Iterator[Callable[[str], Decoded]]:
    """A file of the footage, decoded; skips visibly where it is absent."""
    seen: dict[str, Decoded] = {}
    with GuardedDecoder() as decoder:

        def get(name: str) -> Decoded:
            if name not in seen:
                answer = decoder.decode(need(footage, name), DecodeRequest())
                assert isinstance(answer, Decoded), answer
                seen[name] = answer
            return seen[name]

        yield get


@pytest.fixture(scope="session")
def take(decoded: Callable[[str], Decoded]) -> Take:
    """The frames of a file of the footage, uint8 [n, 128, 128]."""
    return lambda name: decoded(name).frames
