"""Ray's nodes without what serves nothing here: three helpers, two agents, and the waiting for them.

Ray has no public switch for any of them. What a version of Ray names or does otherwise is left as it is.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

#: Methods of a node that start the autoscaler, the dashboard's server (which Ray starts and waits for even
#: without a dashboard), and the one that copies workers' output to the terminal. Each costs more than a
#: second of processor time, and the first two look for clouds on the network.
_HELPERS: Final = ("start_monitor", "start_api_server", "start_log_monitor")

#: Agents of a node: of the dashboard, and of environments made for workers. Ray will not do without them, and
#: waits until they have written to a file which ports they listen on; each costs more than a second as well.
_AGENTS: Final = ("--dashboard_agent_command", "--runtime_env_agent_command")
_PORTS: Final = (
    "METRICS_AGENT_PORT_NAME", "METRICS_EXPORT_PORT_NAME",
    "DASHBOARD_AGENT_LISTEN_PORT_NAME", "RUNTIME_ENV_AGENT_PORT_NAME",
)  # fmt: skip
_NOT_SERVED: Final = -1
_STAND_IN: Final = Path(__file__).with_name("agent_stand_in.py")


@contextmanager
def lean_start(*, with_agents: bool = False) -> Iterator[None]:
    """Let Ray start its nodes without helpers and, unless ``with_agents``, with stand-ins for the agents."""
    from ray._private import services
    from ray._private.node import Node

    with ExitStack() as stack:
        for name in _HELPERS:
            _replace(stack, Node, name, _nothing)
        start = getattr(services, "start_ray_process", None)
        if start is not None and not with_agents:
            _replace(stack, services, "start_ray_process", partial(_start_without_agents, start))
        yield


@contextmanager
def without_command_line() -> Iterator[None]:
    """Let Ray start or be joined without this process's command line in its table of jobs.

    It names evidence and case, which a shared cluster has no need of, and a name that is not UTF-8 cannot
    be written there: the start would fail.
    """
    from ray._private import utils

    with ExitStack() as stack:
        _replace(stack, utils, "get_entrypoint_name", lambda: "driverprint")
        yield


def _replace(stack: ExitStack, owner: Any, name: str, stand_in: Any) -> None:
    original = getattr(owner, name, None)
    if original is not None:
        setattr(owner, name, stand_in)
        stack.callback(setattr, owner, name, original)


def _nothing(*_: object, **__: object) -> None:
    """Stands in for a helper that is not started."""


def _start_without_agents(start: Any, command: Sequence[str], *arguments: Any, **options: Any) -> Any:
    return start(_with_stand_ins(command), *arguments, **options)


def _with_stand_ins(command: Sequence[str]) -> Sequence[str]:
    """A node's command line with stand-ins for its agents; any other as it is."""
    core: Any = import_module("ray._raylet")
    given = dict(word.split("=", 1) for word in command if word.startswith("--") and "=" in word)
    try:
        folder, node = given["--session_dir"], given["--node_id"]
        ports = [getattr(core, name) for name in _PORTS]
        write = core.persist_port
    except (KeyError, AttributeError):
        return command
    if not given.keys() >= set(_AGENTS):
        return command
    for port in ports:
        write(folder, node, port, _NOT_SERVED)
    agent = subprocess.list2cmdline([sys.executable, "-I", "-S", str(_STAND_IN), folder])
    return [f"{name}={agent}" if (name := word.split("=", 1)[0]) in _AGENTS else word for word in command]
