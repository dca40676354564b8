"""A small sample of the soak, in every test run; the whole is `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.faults.conftest import Finished
from tests.soak import kills, mutations, stand_ins
from tests.soak.corpus import KINDS


@pytest.mark.timeout(900)
def test_healthy_videos_give_the_same_beside_mutated_ones(tmp_path: Path) -> None:
    mutated, outcomes = mutations.attack(tmp_path, 1, KINDS[::5])
    assert mutated >= 40
    assert len(outcomes) >= 4, outcomes


@pytest.mark.timeout(900)
def test_decoder_that_crashes_hangs_or_leaks_costs_its_own_row(tmp_path: Path) -> None:
    stand_ins.attack(tmp_path)


@pytest.mark.timeout(900)
def test_run_killed_at_work_and_while_it_ends_completes_to_the_same_digest(
    undisturbed: Finished, tmp_path: Path
) -> None:
    killed, _ = kills.attack(undisturbed, tmp_path / "case", 4)
    assert len(killed) == 4
