"""`python -m tests.benchmarks.compare OLD NEW` says how each figure changed, and which cannot be compared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def keep(folder: Path, name: str, result: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result), "utf-8")
    return folder


def compare(*folders: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.benchmarks.compare", *map(str, folders)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def decoding(machine: str, rate: float, **rows: float) -> dict[str, Any]:
    listed = [{"file": name, "pyav": value} for name, value in rows.items()]
    return {"machine": {"cpu": machine, "cores": 2}, "rate": rate, "ok": True, "rows": listed}


def test_every_figure_is_shown_with_its_ratio_and_rows_are_matched_by_name(tmp_path: Path) -> None:
    old = keep(tmp_path / "old", "decode", decoding("A", 10.0, one=100.0, two=200.0))
    new = keep(tmp_path / "new", "decode", decoding("A", 15.0, two=100.0, one=300.0))
    done = compare(old, new)
    assert done.returncode == 0, done.stderr
    shown = {line.split()[1]: line.split()[-1] for line in done.stdout.splitlines()[1:]}
    assert shown == {"rate": "1.500", "rows[one].pyav": "3.000", "rows[two].pyav": "0.500"}


def test_other_machines_and_figures_of_one_side_are_named(tmp_path: Path) -> None:
    old = keep(tmp_path / "old", "decode", decoding("A", 10.0, one=1.0))
    new = keep(tmp_path / "new", "decode", decoding("B", 0.0, two=1.0))
    keep(new, "growth", {"seconds": 1})
    text = compare(old, new).stdout
    assert "decode: measured on different machines (A, 2 cores; B, 2 cores)" in text
    assert "rows[one].pyav stands in old only" in text and "rows[two].pyav stands in new only" in text
    assert "growth was measured in new only" in text
    back = compare(new, old).stdout
    assert "n/a" in back  # a ratio to zero is none


def test_folder_without_results_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = compare(tmp_path, tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path} holds no benchmark results (*.json): run 'make bench' first.\n"
