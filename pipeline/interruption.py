"""Ctrl-C that cannot be lost.

Python drops an exception that is raised inside a destructor or a callback, and so a KeyboardInterrupt that
happens to meet one: the run would go on as if nobody had asked. So long work also looks whether it was asked.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final, NoReturn

_ASKED: Final = threading.Event()


def listen() -> None:
    """Take SIGINT and SIGTERM as a KeyboardInterrupt from now on; what was asked before is forgotten."""
    _ASKED.clear()
    _handle(_interrupt)


def leave_at_once(status: int) -> None:
    """Until `listen`: SIGINT and SIGTERM end the process on the spot with ``status``, as nothing is begun.

    Raised among imports an exception would show their traceback, or be taken for a missing module.
    """

    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        with suppress(OSError):
            os.write(2, b"Interrupted before anything was begun.\n")
        os._exit(status)

    _handle(leave)


def be_deaf() -> None:
    """Let no further Ctrl-C disturb the last words and the exit status of a process that ends."""
    _handle(signal.SIG_IGN)


def raise_if_asked() -> None:
    """Raise KeyboardInterrupt where the signal came and its own exception was lost."""
    if _ASKED.is_set():
        raise KeyboardInterrupt


def _handle(handler: Callable[[int, FrameType | None], NoReturn] | signal.Handlers) -> None:
    with suppress(ValueError):  # a signal can only be handled in the main thread
        signal.signal(signal.SIGINT, handler)
        signal.signal(signal.SIGTERM, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    _ASKED.set()
    raise KeyboardInterrupt
