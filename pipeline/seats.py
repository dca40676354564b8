"""Which nodes of the Ray session the workers go to: in proportion to their cores."""

from __future__ import annotations

from typing import Any

from pipeline.errors import UserError


def seats(workers: int, nodes: list[dict[str, Any]]) -> list[str]:
    """The node ID for each of ``workers`` workers; ``nodes`` as `ray.nodes()` gives them.

    Nodes get seats in proportion to their cores, at most one a core (rounded by largest remainder, so that
    the seats add up). A session without any core offered has no seats.
    """
    cores = {
        node["NodeID"]: int(node["Resources"].get("CPU", 0))
        for node in sorted(nodes, key=lambda node: str(node["NodeID"]))
        if node["Alive"]
    }
    whole = sum(cores.values())
    if not whole:
        raise UserError("No node of the Ray cluster offers a core: start one with 'ray start --num-cpus N'.")
    count = min(workers, whole)
    given = {node: count * share // whole for node, share in cores.items() if share}
    by_remainder = sorted(given, key=lambda node: -(count * cores[node] % whole))
    for node in by_remainder[: count - sum(given.values())]:
        given[node] += 1
    # By turns over the nodes, so that the first files spread as well.
    return [
        node for turn in range(max(given.values(), default=0)) for node, some in given.items() if turn < some
    ]
