"""What a video costs `driverprint analyze` as cases grow: seconds and MiB, at 100, 1,000 and 10,000 videos.

Run: python -m tests.benchmarks.growth [VIDEOS ...]. By default 100 and 1,000 videos (some four minutes on two
idle cores) and the plan of 650,000 rows; 10,000 take half an hour and must be asked for:
`python -m tests.benchmarks.growth 100 1000 10000`.

The videos are tiny, 20 frames of 128×96, because what might grow is what a case costs besides decoding and
the network: ledger, tables, scores, digest, report, seal. Each differs by one box, so that none is a
duplicate. 40 known videos of 10 drivers, the rest questioned: scores then grow with the videos. (A case with
nothing known compares all pairs, which grows with their square by nature: `report_scale.py`.) With more than
50 questioned videos there are no occlusion tests; the case of 100 has 60, so none of the cases has any.

Every size is the whole command in a process of its own. Start-up, from the end of intake to the first result,
is left out and stated. Peak resident memory of the driver, and of the driver with all its workers and Ray
(shared pages count in each), are sampled every half second.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.benchmark_scale import measured, plan
from tests.benchmarks.dataset_labels import plant as plant_labels
from tests.benchmarks.harness import ROOT, keep, machine, plant, tiny_clips, tree_bytes, tree_seconds

SIZES = (100, 1000)
FRAMES = 20
KNOWN, DRIVERS = 40, 10
ROWS_PLANNED = 650_000
LARGEST, GROWTH, DRIVER_GIB = 10_000, 1.10, 1.5  # what the project asks for at 10,000 videos, against 100
SAMPLE = 0.5  # s

ONE = """
import json, sys, time
from pathlib import Path
import pipeline.cli.analyze as command
from pipeline.engine import Engine
from pipeline.ledger import Ledger

marks = {}
def marking(owner, name, first_only=False):
    whole = getattr(owner, name)
    def marked(*given, **named):
        marks.setdefault(f"{name} begins", time.monotonic())
        answer = whole(*given, **named)
        if not (first_only and f"{name} ends" in marks):
            marks[f"{name} ends"] = time.monotonic()
        return answer
    setattr(owner, name, marked)

for part in ("_take_in", "_process", "_tables", "result_digest", "build_report", "seal"):
    marking(command, part)
marking(Engine, "run")
marking(Ledger, "commit", first_only=True)
marks["begin"] = time.monotonic()
try:
    command.analyze_command(Path(sys.argv[1]), Path(sys.argv[2]), fresh=False, rehash=False)
except command.typer.Exit as end:
    assert end.exit_code == 0, end.exit_code
marks["end"] = time.monotonic()
Path(sys.argv[3]).write_text(json.dumps(marks))
"""


def case_of(folder: Path, clips: list[Path], count: int) -> Path:
    """An evidence folder of ``count`` videos, the first 40 known."""
    for number, path in enumerate(plant(folder, clips, count)[:KNOWN]):
        home = folder / "known" / f"driver-{number % DRIVERS}"
        home.mkdir(parents=True, exist_ok=True)
        path.rename(home / path.name)
    return folder


def one_size(clips: list[Path], count: int, scratch: Path) -> dict[str, Any]:
    """Figures of one case; its files are gone afterwards."""
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        evidence, out, marks_file = (
            case_of(Path(place) / "evidence", clips, count),
            Path(place) / "case",
            Path(place) / "m",
        )
        command = [sys.executable, "-c", ONE, str(evidence), str(out), str(marks_file)]
        child = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        driver = whole = seconds = 0.0
        while child.poll() is None:
            here, everywhere = tree_bytes(child.pid)
            driver, whole = max(driver, here), max(whole, everywhere)
            seconds = max(seconds, tree_seconds(child.pid))
            time.sleep(SAMPLE)
        if child.returncode:
            assert child.stderr is not None
            raise SystemExit(f"the case of {count} videos failed:\n{child.stderr.read()[-2000:]}")
        marks = json.loads(marks_file.read_text())
        counts = json.loads((out / "run.json").read_text("utf-8"))["counts"]
    assert counts["processed"] == count, counts
    start_up = marks["commit ends"] - marks["_process begins"]
    parts = {
        "intake": marks["_take_in ends"] - marks["_take_in begins"],
        "engine": marks["run ends"] - marks["commit ends"],
        "tables": marks["_tables ends"] - marks["_tables begins"],
        "report": marks["build_report ends"] - marks["build_report begins"],
        "seal": marks["seal ends"] - marks["seal begins"],
    }
    elapsed = marks["end"] - marks["begin"] - start_up
    parts["rest"] = elapsed - sum(parts.values())
    return {
        "videos": count,
        "seconds_per_video": elapsed / count,
        "processor_seconds_per_video": seconds / count,
        "start_up_seconds": start_up,
        "driver_peak_mib": driver / 2**20,
        "driver_kib_per_video": driver / 2**10 / count,
        "all_processes_peak_mib": whole / 2**20,
        "ms_per_video": {name: 1e3 * part / count for name, part in parts.items()},
    }


def planned(rows: int) -> dict[str, Any]:
    """Labels, restriction and parts of a benchmark of ``rows`` videos, before the first is decoded."""
    with tempfile.TemporaryDirectory() as scratch:
        plant_labels(Path(scratch), rows)
        started = time.perf_counter()
        kept = measured(f"planning {rows:,} rows", 120, 2, lambda: plan(Path(scratch)))
        return {"rows": rows, "seconds": time.perf_counter() - started, "kept_limits": kept}


def show(row: dict[str, Any]) -> None:
    """One size, in two lines."""
    each, processor = 1e3 * row["seconds_per_video"], 1e3 * row["processor_seconds_per_video"]
    by_part = ", ".join(f"{name} {ms:.1f}" for name, ms in row["ms_per_video"].items())
    print(f"{row['videos']:,} videos: {each:.1f} ms a video ({by_part}), {processor:.1f} ms of processors")
    print(f"    start-up {row['start_up_seconds']:.1f} s; at most ", end="")
    print(f"{row['driver_peak_mib']:.0f} MiB in the driver, ", end="")
    print(f"{row['all_processes_peak_mib']:.0f} MiB in all processes", flush=True)


def main() -> None:
    sizes = [int(word) for word in sys.argv[1:]] or list(SIZES)
    described = machine()
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        clips = tiny_clips(Path(scratch), FRAMES)
        print(f"{described['cpu']}, {described['cores']} cores, load before {described['load_before']}")
        for size in sizes:
            found.append(one_size(clips, size, Path(scratch)))
            show(found[-1])
    first, last = found[0], found[-1]
    growth = last["seconds_per_video"] / first["seconds_per_video"]
    print(f"a video costs {growth:.2f} times as much among {last['videos']:,} as among {first['videos']:,}")
    figures = {"sizes": found, "growth": growth, "plan": planned(ROWS_PLANNED)}
    keep("growth", described, figures)
    asked = last["videos"] == LARGEST and first["videos"] < LARGEST
    sys.exit(asked and (growth > GROWTH or last["driver_peak_mib"] > DRIVER_GIB * 1024))


if __name__ == "__main__":
    main()
