"""Progress of long work: a bar with rate and time left on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from pipeline.names import printable

LINE_EVERY: Final = 15.0  # seconds between two lines in a log

console: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def say(sentence: str) -> None:
    """Print one line that may hold names from the evidence: what would act on a terminal becomes escapes."""
    console.print(printable(sentence), markup=False)


class Steps:
    """Counts finished steps of one stage; ``total`` may be unknown at first."""

    def __init__(self, title: str, bar: Progress | None) -> None:
        self._title = title
        self._bar = bar
        self._task = bar.add_task(title, total=None, rate="") if bar else None
        self._started = self._said = self._stepped = self._told = time.monotonic()
        self._hollow: set[str] = set()
        self._total: int | None = None
        self.done = 0

    def expect(self, total: int) -> None:
        """Say how many steps there will be."""
        self._total = total
        if self._bar and self._task is not None:
            self._bar.update(self._task, total=total)

    def step(self, count: int = 1) -> None:
        """Note ``count`` more finished steps."""
        self.done += count
        self._stepped = time.monotonic()
        if self._bar and self._task is not None:
            rate = self.done / max(time.monotonic() - self._started, 1e-9)
            self._bar.update(self._task, completed=self.done, rate=f"{rate:,.1f}/s", description=self._title)
        elif time.monotonic() - self._said >= LINE_EVERY:
            self._said = time.monotonic()
            console.print(self._line())

    def reading(self, name: str, done: int, size: int, stored: int) -> None:
        """Note how far one large file is read, in bytes; of one that is mostly holes, say once what to do."""
        now = time.monotonic()
        if now - max(self._stepped, self._told) < LINE_EVERY:
            return
        self._told = now
        line = f"{self._title}: {_shortened(name)}, {_gib(done)} of {_gib(size)} GiB"
        if self._bar and self._task is not None:
            self._bar.update(self._task, description=escape(printable(line)))
        else:
            say(line)
        if 2 * stored < size and name not in self._hollow:
            self._hollow.add(name)
            say(
                f"{name} is {_gib(size)} GiB long, of which {_gib(stored)} GiB lie on the disk; the rest are "
                "holes, which are read as zeros. To do without it stop with Ctrl-C, take it out of the "
                "evidence folder and give the same command again."
            )

    def _line(self) -> str:
        seconds = max(time.monotonic() - self._started, 1e-9)
        rate = self.done / seconds
        if not self._total:
            return f"{self._title}: {self.done:,} ({rate:,.1f}/s)"
        left = (self._total - self.done) / rate if rate else float("inf")
        return f"{self._title}: {self.done:,} of {self._total:,} ({rate:,.1f}/s, {left:,.0f} s left)"

    def finish(self) -> None:
        """Leave one plain line behind where there is no bar."""
        if self._bar is None:
            seconds = time.monotonic() - self._started
            console.print(f"{self._title}: {self.done:,} in {seconds:,.1f} s")


@contextmanager
def steps(title: str) -> Iterator[Steps]:
    """Show the progress of one stage while the block runs."""
    if not console.is_terminal:
        stage = Steps(title, None)
        yield stage
        stage.finish()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield Steps(title, bar)


def _shortened(name: str) -> str:
    """The end of a long name, which tells more than its folders do."""
    return name if len(name) <= 60 else f"…{name[-59:]}"


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f}"
