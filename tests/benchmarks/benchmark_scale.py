"""`driverprint benchmark` at NVFAIR's size: the protocol, `--check`, planning, and resuming a finished run.

Run: python tests/benchmarks/benchmark_scale.py [FILES]. Plants FILES empty files (650,000) and as many random
embeddings below the temporary folder: about 4 KiB a file in all. Wall-clock seconds are what the limits are
about; processor seconds stand beside, because a shared machine makes the former longer.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from model.metadata import model_id, read_metadata
from model.shipped import shipped_model
from pipeline.benchmark.protocols import measure_model
from pipeline.benchmark.run_folder import CHUNK, RunFolder
from pipeline.datasets.open_dataset import open_dataset
from pipeline.frames.store import store_plan
from tests.benchmarks.dataset_labels import plant

TARGETS, EMBEDDINGS = 35, 42_800


def measured(name: str, seconds: float, gibibytes: float, work: Callable[[], None]) -> bool:
    """Run ``work`` in a child of its own and print what it took; whether it kept the limits."""
    started = time.perf_counter()
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    wall, peak = time.perf_counter() - started, usage.ru_maxrss / 2**20
    kept = status == 0 and wall < seconds and peak < gibibytes
    print(
        f"{name}: {wall:.1f} s wall (limit {seconds:g}), {usage.ru_utime + usage.ru_stime:.1f} s processor, "
        f"{peak:.2f} GiB (limit {gibibytes:g}){'' if kept else '   MISSED'}",
        flush=True,
    )
    return kept


def protocol() -> None:
    """The paper's protocol with intervals over 35 targets, three generators, two fifths self-reenactments."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(EMBEDDINGS, 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    target = random.integers(0, TARGETS, EMBEDDINGS)
    driver = np.where(random.random(EMBEDDINGS) < 0.4, target, random.integers(0, TARGETS, EMBEDDINGS))
    labels = pl.DataFrame({
        "path": [f"{number:06}.mp4" for number in range(EMBEDDINGS)],
        "target": [f"id{number:03}" for number in target],
        "driver": [f"id{number:03}" for number in driver],
        "generator": random.choice(["facevid2vid", "lia", "tps"], EMBEDDINGS),
        "source": ["NVIDIA-VC-subset"] * EMBEDDINGS,
        "driver_source": ["NVIDIA-VC-subset"] * EMBEDDINGS,
        "original": [False] * EMBEDDINGS,
    })  # fmt: skip
    table = labels.select("path", centre=pl.lit(True), window=pl.lit(False), embedding=vectors)
    found = measure_model("m", table, labels)
    assert len(found.results) == 5 and all(row["low"] < row["auc"] < row["high"] for row in found.results)


def command(*words: str) -> None:
    """The command as a user types it; its exit status is the child's."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "benchmark", *words], check=False, capture_output=True, text=True
    )
    print("  " + done.stderr.strip().splitlines()[-1])
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        print(done.stderr[-2000:])
    os._exit(done.returncode if usage.ru_maxrss else 1)


def finish(tree: Path, out: Path) -> None:
    """What a run leaves behind when every video is embedded: random embeddings of the shipped model."""
    dataset = open_dataset(tree)
    run = RunFolder(out)
    run.prepare({**store_plan(dataset), "multi_clip": False})
    model = shipped_model()
    known_as = model_id(model)
    run.add_model(known_as, model.name, read_metadata(model))
    random = np.random.default_rng(0)
    paths = dataset.labels["path"].to_list()
    fixed = {"status": "processed", "reason_code": None, "reason": None, "frames": 100, "fps": 25.0}
    clip = {"start_frame": 18, "padded_frames": 0, "centre": True, "window": False}
    for chunk in range(-(-len(paths) // CHUNK)):
        some = paths[chunk * CHUNK : (chunk + 1) * CHUNK]
        vectors = random.normal(size=(len(some), 256)).astype(np.float32) / 16
        rows = [
            {"path": path, **clip, "embedding": vector} for path, vector in zip(some, vectors, strict=True)
        ]
        run.commit(chunk, [{"path": path, **fixed} for path in some], {known_as: rows})


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 650_000
    kept = [measured(f"protocol, {EMBEDDINGS:,} embeddings, {TARGETS} targets", 10, 4, protocol)]
    with tempfile.TemporaryDirectory() as scratch:
        tree, out = Path(scratch) / "tree", Path(scratch) / "run"
        plant(tree, files)
        words = (str(tree), "-o", str(out), "--split", "all", "--robustness", "0")
        kept.append(measured(f"--check, {files:,} files", 120, 2, lambda: command(*words, "--check")))
        kept.append(measured("planning", 120, 2, lambda: plan(tree)))
        finish(tree, out)
        measured("measuring them all, once", float("inf"), float("inf"), lambda: command(*words))
        kept.append(measured("resuming when all is done", 60, float("inf"), lambda: command(*words)))
        assert json.loads((out / "benchmark.json").read_text("utf-8"))["videos"]["processed"] == files
    sys.exit(not all(kept))


def plan(tree: Path) -> None:
    """What a run does before the first video: labels, restriction, plan, and the parts that are missing."""
    dataset = open_dataset(tree)
    store_plan(dataset)
    with tempfile.TemporaryDirectory() as empty:
        missing = RunFolder(Path(empty)).missing(-(-len(dataset) // CHUNK), ["model"])
    assert len(missing) == -(-len(dataset) // CHUNK)


if __name__ == "__main__":
    main()
