"""What this machine can carry: workers and memory for pixels in flight."""

from __future__ import annotations

import os
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
