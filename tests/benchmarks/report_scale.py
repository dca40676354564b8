"""How long a report takes, how much memory and how many bytes: `python -m tests.benchmarks.report_scale`.

Two cases of each size, with a picture for every clip: one exploratory (every pair of videos is a row), one
of 40 known drivers behind one shared face with a tenth of the videos questioned. Each report is built in a
process of its own. CPU seconds are what a quiet machine would take at most; wall-clock seconds depend on
who else is at work.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

from reports.build import build_report
from tests.benchmarks.harness import keep, machine
from tests.reports.case_folder import CaseBuilder

SIZES = (200, 1000)
DRIVERS = 40


def exploratory(n: int) -> CaseBuilder:
    case = CaseBuilder(exploratory=True, spread=0.7)
    for i in range(n):
        case.questioned(f"{i:04d}.mp4", f"driver-{i % DRIVERS}", clips=6)
    return case


def identities(n: int) -> CaseBuilder:
    case = CaseBuilder(spread=3.0)
    questioned = n // 10
    for i in range(n - questioned):
        case.known(f"p{i % DRIVERS:02d}", 1, target="avatar", clips=6, path=f"known/{i:04d}.mp4")
    for i in range(questioned):
        case.questioned(f"q/{i:04d}.mp4", f"p{i % DRIVERS:02d}", target="avatar", clips=6)
    return case


def measure(folder: Path, answer: multiprocessing.queues.Queue[tuple[float, float, float]]) -> None:
    start = time.monotonic()
    build_report(folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    answer.put((time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024))


def main() -> None:
    processes = multiprocessing.get_context("spawn")
    described, rows = machine(), []
    print("case         videos   wall s    CPU s  peak MiB  report MB  pages MB")
    for kind in (exploratory, identities):
        for n in SIZES:
            with tempfile.TemporaryDirectory() as scratch:
                folder = kind(n).write(Path(scratch) / "case")
                answer = processes.Queue()
                child = processes.Process(target=measure, args=(folder, answer))
                child.start()
                wall, cpu, peak = answer.get()
                child.join()
                report = (folder / "report.html").stat().st_size / 1e6
                pages = sum(p.stat().st_size for p in (folder / "report-videos").glob("*.html")) / 1e6
            print(
                f"{kind.__name__:12} {n:6} {wall:8.1f} {cpu:8.1f} {peak:9.0f} {report:10.1f} {pages:9.1f}",
                flush=True,
            )
            figures = {"wall_seconds": wall, "processor_seconds": cpu, "peak_mib": peak}
            rows.append({"name": f"{kind.__name__} {n}", **figures, "report_mb": report, "pages_mb": pages})
    keep("report_scale", described, {"reports": rows})


if __name__ == "__main__":
    main()
