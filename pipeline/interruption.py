"""Ctrl-C that cannot be lost.

Python drops an exception that is raised inside a destructor or a callback, and so a KeyboardInterrupt that
happens to meet one: the run would go on as if nobody had asked. So long work also looks whether it was asked.
"""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import Final, NoReturn

_ASKED: Final = threading.Event()


def listen() -> None:
    """Take SIGINT and SIGTERM as a KeyboardInterrupt from now on; what was asked before is forgotten."""
    _ASKED.clear()
    with suppress(ValueError):  # a signal can only be handled in the main thread
        signal.signal(signal.SIGINT, _interrupt)
        signal.signal(signal.SIGTERM, _interrupt)


def raise_if_asked() -> None:
    """Raise KeyboardInterrupt where the signal came and its own exception was lost."""
    if _ASKED.is_set():
        raise KeyboardInterrupt


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    _ASKED.set()
    raise KeyboardInterrupt
