"""Keep freed memory in the process while training on a CPU."""

from __future__ import annotations

import contextlib
import ctypes

_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def keep_freed_memory() -> None:
    """Tell glibc's malloc to reuse large blocks instead of returning them to the kernel.

    By default every tensor over 32 MiB is mapped afresh and its pages are zeroed one by one at first
    touch: more than half of a training step on a CPU. No effect on results; does nothing where the C
    library has no ``mallopt``.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, -1)


def give_back_freed_memory() -> None:
    """Return to the kernel what is kept, where one process trains several networks of unlike size."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
