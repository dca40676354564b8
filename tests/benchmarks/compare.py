"""Two folders of benchmark results side by side: the ratio of each figure, new over old.

Run: python -m tests.benchmarks.compare OLD NEW, each a folder such as bench/ (copy it aside before a change).
Figures are matched by file, by the names on the way to them, and in lists by the name of the row (`file`,
`name`, `videos`) where rows have one. Machines that differ are named first: ratios between them say little.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES_OF_ROWS = ("file", "name", "videos")
MACHINE = ("machine", "cpu", "cores")


def figures(value: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """Every number in a result and its place; how the machine is described is no figure."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in MACHINE:
                yield from figures(part, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from figures(part, f"{place}[{_name(part, number)}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place, float(value)


def _name(row: Any, number: int) -> str:
    named = [row[key] for key in NAMES_OF_ROWS if key in row] if isinstance(row, dict) else []
    return str(named[0] if named else number)


def read(folder: Path) -> dict[str, Any]:
    """Results of a folder by name. Raises SystemExit with a sentence where there are none."""
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}
    if not found:
        raise SystemExit(f"{folder} holds no benchmark results (*.json): run 'make bench' first.")
    return found


def lines(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """What is printed, line by line: machines that differ, then ratios, then what stands on one side only."""
    for name in sorted(old.keys() & new.keys()):
        before, after = (_machine(results[name]) for results in (old, new))
        if before != after:
            yield f"{name}: measured on different machines ({before}; {after})"
    yield f"{'figure':72} {'old':>12} {'new':>12} {'new/old':>8}"
    for name in sorted(old.keys() & new.keys()):
        before, after = dict(figures(old[name])), dict(figures(new[name]))
        for place, figure in before.items():
            if place in after:
                ratio = f"{after[place] / figure:8.3f}" if figure else "     n/a"
                yield f"{name + ': ' + place:72} {figure:12.5g} {after[place]:12.5g} {ratio}"
        for side, some in (("old", before.keys() - after.keys()), ("new", after.keys() - before.keys())):
            for place in sorted(some):
                yield f"{name}: {place} stands in {side} only"
    for side, some in (("old", old.keys() - new.keys()), ("new", new.keys() - old.keys())):
        for name in sorted(some):
            yield f"{name} was measured in {side} only"


def _machine(result: dict[str, Any]) -> str:
    described = result.get("machine")
    if isinstance(described, dict):
        return f"{described.get('cpu')}, {described.get('cores')} cores"
    return f"{described}, {result.get('cores')} cores"


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit("usage: python -m tests.benchmarks.compare OLD NEW (two folders of results)")
    for line in lines(read(Path(sys.argv[1])), read(Path(sys.argv[2]))):
        print(line)


if __name__ == "__main__":
    main()
