"""`make demo`: simulate a small case and analyse it. `python -m pipeline.cli.demo FOLDER`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from pipeline.cli.main import main as driverprint
from pipeline.cli.progress import steps
from pipeline.simulate.case import simulate_case

SEED = 20260423


def demo(root: Path) -> None:
    """Write FOLDER/evidence and FOLDER/case, then leave with the exit status of the analysis."""
    shutil.rmtree(root, ignore_errors=True)
    with steps("Simulating") as stage:

        def progress(done: int, total: int) -> None:
            stage.expect(total)
            stage.step(done - stage.done)

        simulate_case(root / "evidence", seed=SEED, progress=progress)
    driverprint(["analyze", str(root / "evidence"), "-o", str(root / "case")])


if __name__ == "__main__":
    demo(Path(sys.argv[1]))
