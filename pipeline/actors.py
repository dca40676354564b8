"""A pool of Ray actors over one or many nodes: every item answered once, whatever dies meanwhile.

A worker process that dies is started again by Ray, and what it held is tried once more, alone, so that a
second death can be laid at the item's door. The actors of a node that is lost are given up, because the other
nodes have as many as they have cores; what they held was no item's fault and goes back into the queue.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from pipeline.control_process import raise_if_dead
from pipeline.errors import UserError
from pipeline.interruption import raise_if_asked

ATTEMPTS: Final = 2
LOOK_SECONDS: Final = 0.25
#: An actor that stays away although its node is alive is taken for dead after this long.
SILENT_SECONDS: Final = 60.0
#: How long no actor at all may be there: a busy machine needs a while to start or to restart one.
ABSENT_SECONDS: Final = 600.0

Item = TypeVar("Item")
Place = tuple[str, int]  # node ID and process ID


@dataclass(frozen=True)
class WorkerDied:
    """In place of an answer: the item killed the process that held it ``ATTEMPTS`` times, at last alone."""


@dataclass(eq=False)
class _Member(Generic[Item]):
    """An actor, where it is (None while it is being started), and what it held when it was last lost."""

    actor: Any
    place: Place | None = None
    before: Place | None = None
    load: int = 0
    greeted: bool = False  # asked to say where it is
    greet_at: float = 0.0
    away_since: float = 0.0
    lost: list[tuple[Item, int]] = field(default_factory=list)
    facts: Any = None


@dataclass(frozen=True)
class _Call(Generic[Item]):
    """An item on its way to an actor and back; ``attempt`` from 1."""

    item: Item
    attempt: int
    member: _Member[Item]


class ActorPool(Generic[Item]):
    """State: the actors and what each holds. Use inside a Ray session.

    An actor has two methods: ``work(item)``, and ``facts()``, asked whenever it was started.
    """

    def __init__(
        self, kind: type, arguments: tuple[Any, ...], nodes: Sequence[str], *, threads: int = 1
    ) -> None:
        """Start one actor on a node for each time its ID is in ``nodes``; all at the same time.

        ``threads``: items an actor works at concurrently. It holds two at least, so that it need not stand
        still until the driver has seen its answer.
        """
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

        remote: Any = ray.remote(kind)
        options = {"num_cpus": 1, "max_restarts": -1, "max_task_retries": 0, "max_concurrency": threads}
        self._members: list[_Member[Item]] = [
            _Member(remote.options(scheduling_strategy=On(node, soft=False), **options).remote(*arguments))
            for node in nodes
        ]
        self._calls: dict[Any, _Call[Item]] = {}
        self._greetings: dict[Any, _Member[Item]] = {}
        self._again: deque[tuple[Item, int]] = deque()
        self._suspects: deque[Item] = deque()
        self._absent_since = time.monotonic()
        self._held = max(2, threads)
        self.lost_nodes: set[str] = set()  # node IDs that were lost while they held something

    def wait(self) -> None:
        """Return once an actor is there. Raises UserError when none comes."""
        while not any(member.place for member in self._members):
            self._hear()

    def facts(self) -> list[Any]:
        """What each actor that was ever there said of itself when it was last started."""
        return [member.facts for member in self._members if member.facts is not None]

    def each(self, items: Iterator[Item]) -> Iterator[tuple[Item, Any]]:
        """Every item with the answer to it, or ``WorkerDied``, in the order they finish.

        A few items an actor are on their way, however many there are. An exception raised by ``work`` is
        raised here. Raises UserError when all actors stay away, or Ray's control process has ended.
        """
        more = True
        while True:
            raise_if_asked()
            more = self._hand_out(items, more)
            if not (more or self._calls or self._again or self._suspects or self._in_doubt()):
                return
            answers = self._hear()
            more = self._hand_out(items, more)  # the actor goes on while its answer is dealt with
            yield from answers
            yield from self._judge()

    def _in_doubt(self) -> bool:
        """Whether something was lost and it is not known yet why."""
        return any(member.lost for member in self._members)

    def _hand_out(self, items: Iterator[Item], more: bool) -> bool:
        """Give the actors that are there enough to do; whether there may be more items."""
        if any(call.attempt == ATTEMPTS for call in self._calls.values()):
            return more  # a suspect is at work, alone
        while (member := self._least_loaded()) is not None:
            if self._suspects:
                if self._calls or self._in_doubt():
                    break
                self._send(self._suspects.popleft(), ATTEMPTS, member)
                break
            if self._again:
                self._send(*self._again.popleft(), member)
                continue
            item = next(items, None) if more else None
            if item is None:
                return False
            self._send(item, 1, member)
        return more

    def _least_loaded(self) -> _Member[Item] | None:
        there = [member for member in self._members if member.place and member.load < self._held]
        return min(there, key=lambda member: member.load, default=None)

    def _send(self, item: Item, attempt: int, member: _Member[Item]) -> None:
        member.load += 1
        self._calls[member.actor.work.remote(item)] = _Call(item, attempt, member)

    def _hear(self) -> list[tuple[Item, Any]]:
        """Wait for the next answer, greeting or moment to look again; the answers there are."""
        import ray

        raise_if_dead()
        self._greet()
        away = [member for member in self._members if not member.place]
        self._give_up(all_away=len(away) == len(self._members))
        waiting = [*self._calls, *self._greetings]
        look = bool(self._greetings) or any(not member.greeted for member in away) or self._in_doubt()
        if not waiting:
            time.sleep(LOOK_SECONDS)
            return []
        ready, _ = ray.wait(waiting, num_returns=1, timeout=LOOK_SECONDS if look else None)
        return [answer for call in ready for answer in self._take(call)]

    def _take(self, ready: Any) -> list[tuple[Item, Any]]:
        import ray

        greeted = self._greetings.pop(ready, None)
        try:
            answer = ray.get(ready)
        except losses() as error:
            if greeted:
                self._no_greeting(greeted, error)
            else:
                self._lose(self._calls.pop(ready))
            return []
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise error.cause from None  # the sentence, without the traceback Ray puts around it
            raise
        if greeted:
            greeted.place, greeted.facts = answer
            return []
        call = self._calls.pop(ready)
        call.member.load -= 1
        return [(call.item, answer)]

    def _greet(self) -> None:
        """Ask the actors that are away where they are; Ray answers when they have been started."""
        now = time.monotonic()
        for member in self._members:
            if not member.place and not member.greeted and now >= member.greet_at:
                member.greeted = True
                self._greetings[member.actor.__ray_call__.remote(_introduce)] = member

    def _no_greeting(self, member: _Member[Item], error: Any) -> None:
        """A call to an actor that is still being restarted fails at once: ask again in a moment."""
        if getattr(error, "actor_init_failed", False):
            raise error
        member.greeted, member.greet_at = False, time.monotonic() + LOOK_SECONDS

    def _lose(self, call: _Call[Item]) -> None:
        member = call.member
        member.load -= 1
        member.lost.append((call.item, call.attempt))
        if member.place:
            member.before, member.place = member.place, None
            member.greeted, member.away_since = False, time.monotonic()

    def _judge(self) -> Iterator[tuple[Item, Any]]:
        """Find out why actors were lost, and what that means for the items they held."""
        if not self._in_doubt():
            return
        import ray

        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        for member in [member for member in self._members if member.lost]:
            assert member.before
            died = member.place != member.before
            if member.before[0] not in alive:
                self.lost_nodes.add(member.before[0])
                self._members.remove(member)
                self._put_back(member)
            elif member.place and not died:
                self._put_back(member)
            elif member.place or time.monotonic() > member.away_since + SILENT_SECONDS:
                for item, attempt in member.lost:
                    if attempt >= ATTEMPTS:
                        yield item, WorkerDied()
                    else:
                        self._suspects.append(item)
            else:
                continue
            member.lost = []

    def _put_back(self, member: _Member[Item]) -> None:
        for item, attempt in member.lost:
            if attempt >= ATTEMPTS:
                self._suspects.append(item)
            else:
                self._again.append((item, attempt))

    def _give_up(self, *, all_away: bool) -> None:
        if not self._members:
            raise UserError(
                "Every node that had workers was lost: see that the machines are up and run the same command "
                "again, what is done is kept."
            )
        if not all_away:
            self._absent_since = time.monotonic()
        elif time.monotonic() > self._absent_since + ABSENT_SECONDS:
            raise UserError(
                f"No worker could be started for {ABSENT_SECONDS:.0f} s: see that the machines are up and "
                "free, and run the same command again, what is done is kept."
            )


def losses() -> tuple[type[Exception], ...]:
    """What Ray raises where an actor, its node or its answer is gone, whatever took it."""
    from ray import exceptions

    return (
        exceptions.RayActorError,
        exceptions.ActorUnschedulableError,
        exceptions.ObjectLostError,
        exceptions.OutOfMemoryError,
        exceptions.WorkerCrashedError,
        exceptions.NodeDiedError,
    )


def _introduce(actor: Any) -> tuple[Place, Any]:
    import ray

    return (ray.get_runtime_context().get_node_id(), os.getpid()), actor.facts()
