"""Ray actors that work through a list and give their results back in the list's order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pipeline.actors import ABSENT_SECONDS, LOOK_SECONDS, WorkerDied, losses

#: Items on their way for each actor: one in work, one waiting, one finished out of turn.
IN_FLIGHT: Final = 3

Item = TypeVar("Item")


@dataclass
class _Flight(Generic[Item]):
    item: Item
    actor: int
    call: Any
    ready: bool = False


class OrderedActors(Generic[Item]):
    """State: actors with a method ``work(item)``. Use inside ``ray_session``."""

    def __init__(self, kind: type, arguments: tuple[Any, ...], count: int, **options: Any) -> None:
        import ray

        remote: Any = ray.remote(kind).options(max_restarts=-1, max_task_retries=0, **options)
        self._actors = [remote.remote(*arguments) for _ in range(count)]
        self._load = [0] * count

    def map(self, items: Iterable[Item]) -> Iterator[tuple[Item, Any]]:
        """Each item with what ``work`` made of it, or ``WorkerDied``, in the order of the items.

        At most ``IN_FLIGHT`` items for each actor are on their way. An item that was held by a dying
        process is tried once more, alone, so that a second death can be laid at its door.
        """
        import ray

        source = iter(items)
        flights: deque[_Flight[Item]] = deque()
        while True:
            while len(flights) < IN_FLIGHT * len(self._actors):
                item = next(source, None)
                if item is None:
                    break
                flights.append(self._launch(item))
            if not flights:
                return
            waiting = {flight.call: flight for flight in flights if not flight.ready}
            if not flights[0].ready:
                for call in ray.wait(list(waiting), num_returns=1)[0]:
                    waiting[call].ready = True
                    self._load[waiting[call].actor] -= 1
                continue
            first = flights[0]
            try:
                result = ray.get(first.call)
            except losses():
                self._settle(flights)
                result = self._again(first)
            flights.popleft()
            yield first.item, result

    def _launch(self, item: Item) -> _Flight[Item]:
        actor = min(range(len(self._actors)), key=self._load.__getitem__)
        self._load[actor] += 1
        return _Flight(item, actor, self._actors[actor].work.remote(item))

    def _settle(self, flights: deque[_Flight[Item]]) -> None:
        """Wait until nothing else is in work."""
        import ray

        for flight in flights:
            if not flight.ready:
                ray.wait([flight.call])
                flight.ready = True
                self._load[flight.actor] -= 1

    def _again(self, flight: _Flight[Item]) -> Any:
        import ray

        self._wait_for_restart(flight.actor)
        try:
            return ray.get(self._actors[flight.actor].work.remote(flight.item))
        except losses():
            return WorkerDied()

    def _wait_for_restart(self, actor: int) -> None:
        """A call to an actor that restarts for more than 2 s fails as if it had died; so none is made yet."""
        import ray

        deadline = time.monotonic() + ABSENT_SECONDS
        while time.monotonic() < deadline:
            try:
                ray.get(self._actors[actor].__ray_ready__.remote())
            except ray.exceptions.ActorUnavailableError:
                time.sleep(LOOK_SECONDS)
            else:
                return
