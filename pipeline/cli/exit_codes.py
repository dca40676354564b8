"""What the exit status of every command means."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """0 and 1 mean the job was done; 2 and 3 that it was not."""

    ALL_PROCESSED = 0
    SOME_FAILED = 1
    UNUSABLE = 2
    INTERRUPTED = 3
