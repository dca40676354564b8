"""Work that comes back in order, whatever becomes of the process that did it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pipeline.actors import WorkerDied
from pipeline.frames.ordered import OrderedActors

pytestmark = pytest.mark.usefixtures("ray")


class Doubler:
    """Ray actor: one number kills its process, once or twice; after the one death it is slow to be back."""

    def __init__(self, mark: str, deaths: int) -> None:
        self._mark, self._deaths = Path(mark), deaths
        if deaths == 1 and self._mark.exists():
            time.sleep(2.5)  # longer than Ray lets a call wait

    def work(self, number: int) -> int:
        died = self._mark.stat().st_size if self._mark.exists() else 0
        if number == 3 and died < self._deaths:
            with self._mark.open("a") as file:
                file.write("x")
            os._exit(1)
        return 2 * number


@pytest.mark.parametrize(("deaths", "of_third"), [(1, 6), (2, WorkerDied())])
def test_item_is_given_up_only_when_it_killed_its_process_twice(
    tmp_path: Path, deaths: int, of_third: int | WorkerDied
) -> None:
    actors = OrderedActors[int](Doubler, (str(tmp_path / "mark"), deaths), 1, num_cpus=0)
    assert list(actors.map(range(1, 6))) == [(1, 2), (2, 4), (3, of_third), (4, 8), (5, 10)]
