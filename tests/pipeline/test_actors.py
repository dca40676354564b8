"""The pool answers every item once, and knows an item that kills from one that was only near."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from pipeline.actors import ActorPool, WorkerDied
from pipeline.ray_session import ray_session
from pipeline.seats import seats


class Worker:
    """An actor that doubles numbers, and dies of 13."""

    def __init__(self) -> None:
        self._at_work = 0
        self._lock = threading.Lock()
        self._most = 0

    def facts(self) -> int:
        return os.getpid()

    def work(self, item: int) -> tuple[int, int]:
        """Twice the item, and how many items were at work here at once."""
        with self._lock:
            self._at_work += 1
            self._most = max(self._most, self._at_work)
        if item == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.02)
        with self._lock:
            self._at_work -= 1
        return 2 * item, self._most


@pytest.fixture(scope="module")
def pool() -> Iterator[ActorPool[int]]:
    with ray_session(2, 80 << 20):
        import ray

        yield ActorPool(Worker, (), seats(2, ray.nodes()), threads=2)


def test_every_item_is_answered_once_and_few_are_taken_ahead(pool: ActorPool[int]) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(100, 140):
            taken += 1
            yield item

    answers = []
    ahead = 0
    for item, answer in pool.each(items()):
        answers.append(item)
        ahead = max(ahead, taken - len(answers))
        assert answer[0] == 2 * item
        assert answer[1] <= 2
    assert sorted(answers) == list(range(100, 140))
    assert ahead <= 4
    assert len(set(pool.facts())) == 2


def test_an_item_that_kills_its_worker_is_named_and_its_neighbours_are_answered(
    pool: ActorPool[int],
) -> None:
    before = set(pool.facts())
    answers = list(pool.each(iter(range(20))))
    assert sorted(item for item, _ in answers) == list(range(20))
    died = [item for item, answer in answers if isinstance(answer, WorkerDied)]
    assert died == [13]
    assert not pool.lost_nodes
    assert set(pool.facts()) != before, "no process died; this test would prove nothing"
