"""Workers go to nodes in proportion to their cores."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.seats import seats


def node(name: str, cores: float, *, alive: bool = True) -> dict[str, Any]:
    return {"NodeID": name, "Alive": alive, "Resources": {"CPU": cores} if cores else {}}


def test_every_core_of_every_living_node_gets_one_worker() -> None:
    nodes = [node("a", 4), node("b", 2.0), node("head", 0), node("gone", 8, alive=False)]
    assert Counter(seats(100, nodes)) == {"a": 4, "b": 2}


@given(st.lists(st.integers(0, 64), min_size=1, max_size=8).filter(any), st.integers(1, 200))
def test_fewer_workers_than_cores_are_shared_out_in_proportion(cores: list[int], workers: int) -> None:
    found = Counter(seats(workers, [node(f"{i}", some) for i, some in enumerate(cores)]))
    whole = sum(cores)
    assert sum(found.values()) == min(workers, whole)
    for i, some in enumerate(cores):
        assert abs(found[f"{i}"] - min(workers, whole) * some / whole) < 1
        assert found[f"{i}"] <= some


def test_the_first_seats_are_on_different_nodes() -> None:
    assert set(seats(6, [node("a", 3), node("b", 3)])[:2]) == {"a", "b"}


def test_a_cluster_without_cores_is_refused() -> None:
    with pytest.raises(UserError, match="offers a core"):
        seats(2, [node("head", 0)])
