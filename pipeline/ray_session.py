"""A private Ray on this machine: loopback only, token, no dashboard, no usage statistics.

Everything Ray writes (sockets, token, session logs) lies in one owner-only folder below /tmp that
is removed at exit; a folder left by a killed run is removed by the next one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

from pipeline import control_process
from pipeline.errors import UserError
from pipeline.lean_ray import lean_start, without_command_line

#: A socket path holds 107 bytes and Ray's own part of it takes about 80, so TMPDIR is not followed.
BASE: Final = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())
PREFIX: Final = "driverprint-"
STARTS: Final = 4

#: What is said to Ray about nodes started here, and not where a cluster is joined.
OWN_NODES: Final = {
    # Without this Ray binds its ports to every address of the machine, even for one local node.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # On a busy machine an agent may need longer than Ray's 30 s to report itself.
    "RAY_agent_register_timeout_ms": "300000",
}
_SETTINGS: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    **OWN_NODES,
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    # Even with usage statistics off, Ray's helpers ask the metadata servers of three clouds where they run,
    # by number and by name. A proxy that refuses every connection keeps that, and its DNS, in the machine.
    **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9"),
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost,::1"),
}
# Ray reads these once, when it is first imported: that must come after this line.
os.environ.update(_SETTINGS)
# For the workers: glibc asks the kernel for pages of 2 MiB, and the network takes 1.5 % less time on a CPU.
os.environ.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")


@cache
def _token() -> str:
    """One secret for the life of this process: Ray keeps the first it has read, also for a later session."""
    return secrets.token_hex(32)


def _sweep() -> None:
    """Remove session folders whose process is gone."""
    for folder in BASE.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        try:
            if not pid.isdigit() or folder.lstat().st_uid != os.getuid() or folder.is_symlink():
                continue
            os.kill(int(pid), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (FileNotFoundError, PermissionError):  # removed by the run whose it was; another user's run
            continue


@contextmanager
def ray_session(workers: int, object_store_bytes: int) -> Iterator[None]:
    """Start Ray for the duration of the block; see `in_ray` for what it does to this process meanwhile.

    Ray's processes inherit the environment. No task may ask for a ``runtime_env``: the agent that would make
    it is not started (`pipeline.lean_ray`).
    """
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=BASE))
    try:
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(_token())
        empty = folder / "cwd"
        empty.mkdir()
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(token)
        with in_ray(empty, lambda: _start(folder, workers, object_store_bytes)):
            yield
    finally:
        with uninterrupted():
            control_process.watch(())
            os.environ.pop("RAY_AUTH_TOKEN_PATH", None)
            _remove(folder)


@contextmanager
def in_ray(directory: Path, enter: Callable[[], None]) -> Iterator[None]:
    """Be in the Ray that ``enter`` starts or joins, and in ``directory``, for the duration of the block.

    Ray puts the driver's working directory first on its workers' import path, and nothing may be imported
    from evidence: ``directory`` must hold nothing, or only what they import anyway. At the end Ray is shut
    down (or left, where it is not ours), a second Ctrl-C notwithstanding.
    """
    directory_before = Path.cwd()
    terminated = signal.getsignal(signal.SIGTERM)
    try:
        os.chdir(directory)
        try:
            with without_command_line():
                enter()
        except SystemExit:  # a SIGTERM meanwhile met Ray's own handler
            raise KeyboardInterrupt from None
        with suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGTERM, terminated)  # Ray's own would leave as if the work were done
        yield
    finally:
        with uninterrupted():
            if "ray" in sys.modules:  # not if its import was interrupted, which takes a second or two
                sys.modules["ray"].shutdown()
            os.chdir(directory_before)


def _remove(folder: Path) -> None:
    """Remove the folder, waiting a little for dying processes that still write into it."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def _start(folder: Path, workers: int, object_store_bytes: int) -> None:
    """Start Ray; again where that failed, as it may on a busy machine, and then with all its agents.

    Raises UserError when it does not come up.
    """
    import ray

    for attempt in range(1, STARTS + 1):
        before = _children()
        try:
            with lean_start(with_agents=attempt > 1):
                ray.init(
                    num_cpus=workers,
                    object_store_memory=object_store_bytes,
                    include_dashboard=False,
                    configure_logging=False,
                    log_to_driver=False,
                    # Ray makes this folder readable for everyone; the one around it is not.
                    _temp_dir=str(folder / f"ray{attempt}"),
                )
        except Exception as error:
            ray.shutdown()
            for pid in _children() - before:  # what the failed start left, which Ray itself has lost sight of
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if attempt == STARTS:
                raise UserError(
                    f"Ray's processes could not be started ({error}): run the same command again when the "
                    "machine is less busy."
                ) from None
        else:
            control_process.watch(_children() - before)
            return


def _children() -> set[int]:
    """Processes this one has started itself."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(pid) for path in lists for pid in path.read_text().split()}


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a Ctrl-C or SIGTERM wait until Ray is down; then it counts, unless the run is ending anyway."""
    asked: list[int] = []
    before: dict[int, Any] = {}
    with suppress(ValueError):  # not the main thread
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, lambda number, _: asked.append(number))
    try:
        yield
    finally:
        for signum, handler in before.items():
            if handler is not None:
                signal.signal(signum, handler)
        if asked and sys.exception() is None:
            raise KeyboardInterrupt
