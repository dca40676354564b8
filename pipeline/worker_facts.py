"""Under what a worker makes its results; a shard keeps it, for a run may be continued on another machine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from pipeline.embed import all_of


@dataclass(frozen=True)
class WorkerFacts:
    """The execution providers ONNX Runtime really took, and the guards a decoding child really runs under."""

    providers: frozenset[str]
    in_force: dict[str, str]

    def to_json(self) -> str:
        """The same facts give the same text."""
        return json.dumps({"providers": sorted(self.providers), "in_force": self.in_force}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` has written."""
        read = json.loads(text)
        return cls(frozenset(read["providers"]), read["in_force"])


def providers_of(workers: Iterable[WorkerFacts]) -> str:
    """The execution provider; where workers or GPUs differ, every one there is."""
    return all_of(one for worker in workers for one in worker.providers)


def guards_of(workers: Iterable[WorkerFacts]) -> dict[str, str]:
    """The guards in force; where workers differ, every state there is."""
    states: dict[str, set[str]] = {}
    for worker in workers:
        for guard, state in worker.in_force.items():
            states.setdefault(guard, set()).add(state)
    return {guard: all_of(found) for guard, found in states.items()}
