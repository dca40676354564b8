"""`make demo`: simulate a small case and analyse it. `python -m pipeline.cli.demo FOLDER`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from pipeline.cli.main import main as driverprint
from pipeline.cli.progress import steps
from pipeline.simulate.case import simulate_case

SEED = 20260423


def demo(root: Path) -> int:
    """Write FOLDER/evidence and FOLDER/case; returns 0, since the damaged file of the demo must fail."""
    shutil.rmtree(root, ignore_errors=True)
    with steps("Simulating") as stage:

        def progress(done: int, total: int) -> None:
            stage.expect(total)
            stage.step(done - stage.done)

        simulate_case(root / "evidence", seed=SEED, progress=progress)
    try:
        driverprint(["analyze", str(root / "evidence"), "-o", str(root / "case")])
    except SystemExit as ended:
        # 1 says that a file failed, and one is damaged on purpose; anything else is a defect.
        return 0 if ended.code == 1 else 1
    return 1


if __name__ == "__main__":
    sys.exit(demo(Path(sys.argv[1])))
