"""Where a command's work runs: in a private Ray on this machine, or on a cluster the user names."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import typer

from model.metadata import model_id
from pipeline.cli.progress import console
from pipeline.cluster import Cluster, Shared, checked, joined_cluster, look
from pipeline.embed import best_provider
from pipeline.machine import object_store_bytes, worker_count
from pipeline.ray_session import ray_session

#: Files every node is asked for at most: enough to notice another folder of the same name.
LOOKED_AT: Final = 16

Item = TypeVar("Item")


def _address(value: str | None) -> str | None:
    """Refuse before anything is begun what can be no address."""
    if value in (None, "auto") or re.fullmatch(r"[^/\s]+:\d{1,5}", str(value)):
        return value
    raise typer.BadParameter(f"'{value}' is neither auto nor HOST:PORT, such as 10.0.0.1:6379.")


ADDRESS: Final[Any] = typer.Option(
    metavar="auto|HOST:PORT",
    callback=_address,
    help="Run on this Ray cluster; folders must lie on a path all nodes share.",
)


@dataclass(frozen=True)
class Session:
    """What the work may use. ``cluster`` is None for the private session."""

    workers: int
    provider: str
    cluster: Cluster | None = None

    def record(self, nodes_lost: int | None) -> dict[str, Any] | None:
        """For the record of the run: no addresses and no names; None for the private session.

        ``nodes_lost``: None where the work was interrupted before it could be counted.
        """
        if self.cluster is None:
            return None
        return {
            "nodes": [
                {**node.machine, "arithmetic": str(node.arithmetic)[:16]} for node in self.cluster.nodes
            ],
            "cores_offered": self.cluster.cores,
            "gpus_offered": self.cluster.gpus,
            "authentication": "token",
            "encrypted": self.cluster.encrypted,
            "kinds_of_arithmetic": self.cluster.kinds_of_arithmetic,
            "nodes_lost": nodes_lost,
        }


def looked_at(files: Sequence[Item]) -> Sequence[Item]:
    """Of many files the few every node is asked for."""
    return files[:: len(files) // LOOKED_AT + 1]


@contextmanager
def session(
    address: str | None, workers: int | None, models: Sequence[Path], folder: Path, files: Sequence[Path]
) -> Iterator[Session]:
    """Ray for the duration of the block, with everything checked that must be the same on every node.

    ``workers``: None for one a core; ``models``: model files; ``folder``: where the run writes; ``files``: a
    few of the videos (`looked_at`). Raises UserError when Ray cannot be started or the cluster is not fit for
    the work.
    """
    if address is None:
        count = workers or worker_count()
        with ray_session(count, object_store_bytes()):
            yield Session(count, best_provider())
        return
    mark = folder / f".unfinished-{secrets.token_hex(8)}"  # a killed run's is removed by the next
    mark.write_text("Is this folder the same on every node?", encoding="utf-8")
    try:
        with joined_cluster(address):
            cluster = checked(Shared({path: model_id(path) for path in models}, look([mark, *files])))
            _announce(address, cluster)
            yield Session(min(workers or cluster.cores, cluster.cores), cluster.provider, cluster)
    finally:
        mark.unlink(missing_ok=True)


def _announce(address: str, cluster: Cluster) -> None:
    secrecy = "is encrypted" if cluster.encrypted else "is NOT encrypted"
    console.print(
        f"On the Ray cluster at {address}: {len(cluster.nodes)} nodes, {cluster.cores} cores, "
        f"{cluster.gpus} GPUs. Its ports are open to the network, not to this machine alone: whoever holds "
        f"its token can run programs on every node. What goes between nodes {secrecy}. Ray's logs stay on "
        "them.",
        markup=False,
    )
    if cluster.kinds_of_arithmetic > 1:
        console.print(
            f"The nodes' processors are of {cluster.kinds_of_arithmetic} kinds, which round differently: the "
            "last digits of embeddings, and with them the result digest, depend on which node takes a file.",
            markup=False,
        )
