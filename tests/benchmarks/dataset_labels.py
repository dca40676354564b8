"""Reads the labels of a synthetic NVFAIR of 650,000 files: seconds and memory, `--check`'s whole cost.

Run: python tests/benchmarks/dataset_labels.py [FILES]. Needs as many free inodes below the temporary folder.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from pipeline.datasets.nvfair import RELEASED, read_nvfair
from pipeline.datasets.summary import count_videos, facts

GENERATORS = ("facevid2vid", "lia", "tps")


def plant(root: Path, files: int) -> None:
    """Empty files named like NVFAIR's, spread over all identities, sources and generators."""
    import json

    sources = json.loads(RELEASED.read_text("utf-8"))["source"]
    homes = [(source, identity) for source, group in sources.items() for identity in group]
    folders = [(s, t, g) for s, t in homes for g in GENERATORS]
    per_folder = files // len(folders) + 1
    made = 0
    for source, target, generator in folders:
        folder = root / source / f"{generator}-generated" / target
        folder.mkdir(parents=True)
        for number in range(min(per_folder, files - made)):
            driver = homes[number % len(homes)][1]
            (folder / f"{target}--{driver}_IEO_FEA_{number:05}--{driver}.mp4").touch()
            made += 1


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 650_000
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        plant(root, files)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        dataset = read_nvfair(root)
        counts, found = count_videos(dataset), facts(dataset)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(dataset) == files == counts["self"].sum() + counts["cross"].sum(), found
    print(f"{files:,} labels in {seconds:.1f} s ({files / seconds:,.0f}/s), ", end="")
    print(f"peak memory {peak / 2**20:.2f} GiB, of it {(peak - before) / 2**20:.2f} GiB for the labels")
    assert seconds < 120 and peak < 2 * 2**20


if __name__ == "__main__":
    main()
