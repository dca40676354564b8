"""The whole fault suite over the real Ray path: `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak import kills, mutations

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1500)]


def test_three_hundred_mutated_videos_harm_no_healthy_one(tmp_path: Path) -> None:
    mutated, outcomes = mutations.attack(tmp_path, 2)
    print(f"{mutated} mutated videos: {dict(sorted(outcomes.items()))}")
    assert mutated >= 300


def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    killed, finished = kills.attack(kills.many_files(tmp_path, 120), tmp_path / "case", 20)
    print(f"killed after {killed} s; {finished} runs came to their end before the kill")
    assert len(killed) == 20
