"""One guarded child for all decoding tests, as a run has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeFailure, DecodeRequest


@pytest.fixture(scope="session")
def guarded() -> Iterator[GuardedDecoder]:
    with GuardedDecoder() as decoder:
        yield decoder


@pytest.fixture(scope="session")
def decode(guarded: GuardedDecoder) -> Callable[..., Decoded]:
    """Decode a file that must give frames; keywords are the request's."""

    def run(path: Path, **request: object) -> Decoded:
        answer = guarded.decode(path, DecodeRequest(**request))  # type: ignore[arg-type]
        assert isinstance(answer, Decoded), answer
        return answer

    return run


@pytest.fixture(scope="session")
def refuse(guarded: GuardedDecoder) -> Callable[..., DecodeFailure]:
    """Decode a file that must fail."""

    def run(path: Path, **request: object) -> DecodeFailure:
        answer = guarded.decode(path, DecodeRequest(**request))  # type: ignore[arg-type]
        assert isinstance(answer, DecodeFailure), answer.facts
        return answer

    return run
