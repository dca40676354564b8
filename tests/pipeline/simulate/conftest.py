"""The head model's wheel, fetched once; without it and offline these tests skip visibly."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.simulate.head_data import find_wheel


@pytest.fixture(scope="session")
def wheel() -> Path:
    """Path of the pinned wheel."""
    try:
        return find_wheel()
    except UserError as error:
        pytest.skip(str(error))
