"""What this machine can carry: workers, their threads, and memory for pixels in flight."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: Ray's default share of memory for the object store; more would starve the decoders.
STORE_SHARE: Final = 0.3
STORE_MOST: Final = 8 * 2**30
STORE_LEAST: Final = 256 * 2**20


def worker_count() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def object_store_bytes() -> int:
    """Memory for clips between decoder and embedder, in bytes."""
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    return max(STORE_LEAST, min(STORE_MOST, int(free * STORE_SHARE)))


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes started in the block have numerical libraries of one thread: each works on one core."""
    wanted = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
