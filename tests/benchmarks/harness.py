"""What the benchmarks share: the machine described, results kept, processor time, videos to work on."""

from __future__ import annotations

import json
import os
import platform
import struct
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.run_record import package_versions
from pipeline.simulate.clip import render_clip
from pipeline.simulate.generators import GENERATORS
from pipeline.simulate.head_data import find_wheel
from pipeline.simulate.plan import ClipPlan, sample_people
from tests.pipeline.decode.videos import scene, write_video

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench"
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
FPS = 25


def machine() -> dict[str, Any]:
    """What the figures were measured on, and by which commit."""
    first = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    core = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())
    }
    # A host may call processors of many kinds by one name; family and model tell them apart.
    cpu = [
        core.get("model name", "unknown"),
        *(f"{key} {core[key]}" for key in ("cpu family", "model") if key in core),
    ]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "cpu": ", ".join(cpu),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(PAGE * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": package_versions(),
        "commit": commit.stdout.strip() or "unknown",
        "load_before": round(os.getloadavg()[0], 1),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def keep(name: str, described: dict[str, Any], figures: dict[str, Any]) -> None:
    """Write bench/NAME.json; ``tests.benchmarks.compare`` reads two folders of them."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": described, **figures}, indent=1, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text, "utf-8")


def tree_of(root: int) -> Iterator[int]:
    """The process and everything it started that still lives."""
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in children.read_text().split()]
            except (FileNotFoundError, ProcessLookupError):
                continue


def tree_seconds(root: int) -> float:
    """Processor seconds of a process and all its descendants, those included that were waited for."""
    ticks = 0
    for pid in tree_of(root):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICK


def tree_bytes(root: int) -> tuple[int, int]:
    """Resident bytes of the process, and of it and all its descendants; shared pages count in each."""
    sizes = []
    for pid in tree_of(root):
        try:
            sizes.append(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE)
        except (FileNotFoundError, ProcessLookupError):
            sizes.append(0)
    return sizes[0], sum(sizes)


def rendered_clips(folder: Path, seconds: float, count: int = 3) -> list[Path]:
    """A few simulated videos, 256×256 H.264 at 25 fps, of differing drivers, faces and generators."""
    wheel = find_wheel()
    people = sample_people(2 * count, 5)
    made = []
    for number in range(count):
        plan = ClipPlan(
            path=f"clip-{number}.mp4",
            generator=GENERATORS[number % len(GENERATORS)],
            target=people[2 * number],
            driver=people[2 * number + 1],
            clip="0",
            content_seed=number,
            take_seed=number,
            scene_seed=number,
            frames=round(seconds * FPS),
        )
        render_clip(wheel, folder, plan)
        made.append(folder / plan.path)
    return made


def tiny_clips(folder: Path, frames: int, count: int = 6) -> list[Path]:
    """A few very small moving pictures, 128×96 H.264 at 25 fps."""
    return [write_video(folder / f"tiny-{number}.mp4", scene(frames, seed=number)) for number in range(count)]


def plant(folder: Path, clips: list[Path], count: int) -> list[Path]:
    """``count`` videos with the pictures of ``clips`` by turns, no two of the same bytes.

    Each has a `free` box with its number behind it (ISO/IEC 14496-12, 8.1.2), which players skip: its hash is
    its own, and making it costs no encoding.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = [clip.read_bytes() for clip in clips]
    paths = [folder / f"{number:06}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(contents[number % len(contents)] + struct.pack(">I4sQ", 16, b"free", number))
    return paths
