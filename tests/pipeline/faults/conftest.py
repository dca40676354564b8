"""A small case of tiny videos, analysed once undisturbed: what every disturbed run is compared with."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.decode.videos import scene, write_video

CONSOLE_SCRIPT = Path(sys.executable).with_name("driverprint")


@dataclass(frozen=True)
class Finished:
    """An evidence folder and what an undisturbed run over it gave."""

    evidence: Path
    case: Path
    record: dict[str, Any]

    @property
    def digest(self) -> str:
        """The result digest every other run must reach."""
        return str(self.record["result_digest"])


def driverprint(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """The installed command, as a user starts it."""
    command = [str(CONSOLE_SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def record_of(case: Path) -> dict[str, Any]:
    """run.json of a case."""
    found: dict[str, Any] = json.loads((case / "run.json").read_text(encoding="utf-8"))
    return found


def assert_holds(case: Path, digest: str) -> None:
    """The case is sealed, verifies, and its results are those of the undisturbed run."""
    checked = driverprint("verify", case)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert record_of(case)["result_digest"] == digest


#: Modules the program, its workers and its decoding child import, or Python does by itself. The small
#: evidence holds a file of each name, which would leave a mark if it were ever imported.
TRAPS = (
    "model.py", "polars.py", "pipeline/__init__.py", "sitecustomize.py", "usercustomize.py", "ray.py",
    "numpy.py", "json.py", "random.py", "av.py", "cv2.py", "decord.py", "onnxruntime.py", "pyarrow.py",
    "reports/__init__.py", "typing.py", "default_worker.py",
)  # fmt: skip


def mark_of(evidence: Path) -> Path:
    """The file that exists once a trap was imported."""
    return evidence.with_name("mark")


@pytest.fixture(scope="session")
def small_evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drivers with two videos each, two questioned videos (one in a zip), a file that fails, traps."""
    root = tmp_path_factory.mktemp("small") / "evidence"
    for name in TRAPS:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        code = f"open({str(mark_of(root))!r}, 'a').write({name!r})\n"
        (root / name).write_text(code, encoding="utf-8")
    names = ["known/ann/a.mp4", "known/ann/b.mkv", "known/bob/c.mp4", "known/bob/d.mp4", "q.mp4", "inner.mp4"]
    for seed, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_video(root / name, scene(70, seed=seed))
    with zipfile.ZipFile(root / "parcel.zip", "w") as parcel:
        parcel.write(root / "inner.mp4", "inside.mp4")
    (root / "inner.mp4").unlink()
    (root / "letter.mp4").write_text("Dear examiner, this is no video.", encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def undisturbed(small_evidence: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    case = tmp_path_factory.mktemp("undisturbed") / "case"
    done = driverprint("analyze", small_evidence, "-o", case, cwd="/")
    assert done.returncode == 1, done.stderr  # the letter
    return Finished(small_evidence, case, record_of(case))


@pytest.fixture
def copied(undisturbed: Finished, tmp_path: Path) -> Path:
    """A copy of the finished case that a test may spoil."""
    return shutil.copytree(undisturbed.case, tmp_path / "copy")
