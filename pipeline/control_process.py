"""Ray's control process, the GCS, where it was started here: watched, because Ray keeps silent about its end.

Workers go on without it for a minute. Then Ray ends the driver on the spot with status 1, which of ours would
say that the work is finished.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pipeline.errors import UserError

_NAME: Final = "gcs_server"
_watched: Final[set[int]] = set()


def watch(started: Iterable[int]) -> None:
    """Look at the control process among these process IDs from now on, and at no other any more."""
    _watched.clear()
    _watched.update(pid for pid in started if _state(pid)[0] == _NAME)


def raise_if_dead() -> None:
    """Raise UserError where it has ended. Nothing is watched where a cluster was joined."""
    if any(_state(pid)[1] in ("", "Z") for pid in _watched):
        raise UserError(
            "Ray's control process was ended, most likely by the system for memory: run the same command "
            "again, what is done is kept."
        )


def _state(pid: int) -> tuple[str, str]:
    """Name and state of a process, one letter; both empty when there is none."""
    try:
        before, _, after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return "", ""
    return before.partition("(")[2], after.split()[0]
