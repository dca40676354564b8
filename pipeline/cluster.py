"""Joining a Ray cluster that somebody else started, and finding out whether its nodes can be trusted.

Results may become evidence, so every node must run the very same code and packages with the very same
model, see the same files, and let nobody in without Ray's token. What differs ends the run before it begins.
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.metadata import model_id
from pipeline.decode.types import SIDE
from pipeline.embed import EmbeddingSession, best_provider
from pipeline.errors import UserError
from pipeline.ray_session import OWN_NODES, in_ray
from pipeline.run_record import machine_facts, package_versions

ROOT: Final = Path(__file__).resolve().parents[1]
ANSWER_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Shared:
    """What every node must see as this machine does: model files (with their IDs), and others (`look`)."""

    models: Mapping[Path, str]
    files: Mapping[str, tuple[int, int] | None]


@dataclass(frozen=True)
class NodeReport:
    """What a node says of itself. ``unseen``: the first of the files it sees otherwise.

    ``arithmetic``: digest of what it makes of one fixed clip; different processors round differently.
    """

    code: str
    packages: Mapping[str, str]
    models: Mapping[Path, str | None]
    unseen: str | None
    token: bool
    encrypted: bool
    provider: str
    arithmetic: str | None
    machine: Mapping[str, Any]


@dataclass(frozen=True)
class Cluster:
    """The nodes a run began on, all of them checked. ``provider``: what all of them can embed with."""

    nodes: Sequence[NodeReport]
    cores: int
    gpus: int
    provider: str

    @property
    def encrypted(self) -> bool:
        """Whether Ray encrypts what goes from node to node."""
        return all(node.encrypted for node in self.nodes)

    @property
    def kinds_of_arithmetic(self) -> int:
        """How many different last digits an embedding may have, for the processors that may compute it."""
        return len({node.arithmetic for node in self.nodes})


@contextmanager
def joined_cluster(address: str) -> Iterator[None]:
    """Be a driver of the Ray cluster at ``address`` (`auto` or HOST:PORT) for the duration of the block.

    The cluster is never stopped. Its workers get no new import path from here: Ray adds the driver's working
    directory to it, and that is the standard library's meanwhile.
    Raises UserError when the cluster cannot be joined.
    """
    if "://" in address:
        raise UserError(f"--address {address}: give auto or HOST:PORT; Ray's client protocol will not do.")
    for name in OWN_NODES:
        os.environ.pop(name, None)
    with in_ray(Path(sysconfig.get_path("stdlib")), lambda: _join(address)):
        yield


def _join(address: str) -> None:
    import ray

    try:
        ray.init(address=address, configure_logging=False, log_to_driver=False)
    except Exception as error:
        reason = " ".join(str(error).split()).partition(". ")[0].rstrip(".")
        raise UserError(
            f"The Ray cluster at {address} cannot be joined ({reason}): start Ray on this machine as part of "
            "it, with the cluster's token in ~/.ray/auth_token (README, Several machines)."
        ) from None


def look(paths: Sequence[Path]) -> dict[str, tuple[int, int] | None]:
    """Size in bytes and modification time in whole seconds of each file; None where there is none."""
    found: dict[str, tuple[int, int] | None] = {}
    for path in paths:
        try:
            state = path.stat()
        except OSError:
            found[str(path)] = None
        else:
            found[str(path)] = (state.st_size, int(state.st_mtime))
    return found


def report(shared: Shared) -> NodeReport:
    """What the machine this runs on is, and whether it sees ``shared``."""
    from ray._private.authentication.authentication_utils import is_token_auth_enabled

    seen = look([Path(path) for path in shared.files])
    models = {path: model_id(path) if path.is_file() else None for path in shared.models}
    return NodeReport(
        code=_code(),
        packages=package_versions(),
        models=models,
        unseen=next((path for path, state in shared.files.items() if seen[path] != state), None),
        token=is_token_auth_enabled(),
        encrypted=os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"),
        provider=best_provider(),
        arithmetic=_arithmetic(next(iter(models))) if models == shared.models else None,
        machine=machine_facts(),
    )


def _code() -> str:
    """SHA-256 over the package's own source files."""
    digest = hashlib.sha256()
    for package in ("model", "pipeline"):
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _arithmetic(model: Path) -> str:
    session = EmbeddingSession(model, "CPUExecutionProvider", threads=1)
    shape = (1, session.metadata.clip_length, SIDE, SIDE)
    clip = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return hashlib.sha256(session.embed(clip).tobytes()).hexdigest()


def difference(here: NodeReport, there: NodeReport) -> str | None:
    """Why a node must not take part, as the end of a sentence that begins with its name; None if it may."""
    if not there.token:
        return "lets anybody in: start Ray there and on all other nodes with RAY_AUTH_MODE=token"
    for name in sorted({*here.packages, *there.packages, "Python"}):
        ours, theirs = (
            report.machine["python"] if name == "Python" else report.packages.get(name, "none")
            for report in (here, there)
        )
        if ours != theirs:
            return f"has {name} {theirs}, this machine {ours}: install the same versions on all nodes"
    if here.code != there.code:
        return "runs other code of driverprint than this machine: install the same package on all nodes"
    for path, model in here.models.items():
        if there.models[path] != model:
            what = "no" if there.models[path] is None else "another"
            return f"has {what} model file {path}: put the same file at the same path on all nodes"
    if there.unseen is not None:
        return (
            f"does not see {there.unseen} as it is here: evidence and case must lie on a path all nodes share"
        )
    return None


def _alive() -> list[dict[str, Any]]:
    import ray

    return [node for node in ray.nodes() if node["Alive"]]


def checked(shared: Shared) -> Cluster:
    """All nodes of the cluster, each asked what it is. Use inside `joined_cluster`.

    A node that turns out to have gone is done without, as one that goes later is; Ray may list it a while.
    Raises UserError, naming the node, when one does not answer or must not take part (`difference`).
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    nodes = _alive()
    ask: Any = ray.remote(report)
    calls = [
        ask.options(num_cpus=0, max_retries=0, scheduling_strategy=On(node["NodeID"], soft=False)).remote(
            shared
        )
        for node in nodes
    ]
    here = report(shared)
    reports: list[NodeReport] = []
    offered: list[dict[str, float]] = []
    for node, call in zip(nodes, calls, strict=True):
        name = f"Node {node['NodeManagerAddress']} ({node['NodeID'][:8]})"
        try:
            there = ray.get(call, timeout=ANSWER_SECONDS)
        except ray.exceptions.RayError as error:
            if node["NodeID"] not in {one["NodeID"] for one in _alive()}:
                continue
            last = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
            raise UserError(
                f"{name} cannot run driverprint as it is here ({last}): install the same package there and "
                "start Ray with its Python."
            ) from None
        problem = difference(here, there)
        if problem:
            raise UserError(f"{name} {problem}.")
        reports.append(there)
        offered.append(node["Resources"])
    with_gpu = [one.provider for one, has in zip(reports, offered, strict=True) if has.get("GPU", 0) >= 1]
    cpu = not with_gpu or any(provider == "CPUExecutionProvider" for provider in with_gpu)
    return Cluster(
        reports,
        cores=sum(int(has.get("CPU", 0)) for has in offered),
        gpus=sum(int(has.get("GPU", 0)) for has in offered),
        provider="CPUExecutionProvider" if cpu else with_gpu[0],
    )
