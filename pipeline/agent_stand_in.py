"""Stands in for an agent of a Ray node, which ends when an agent does: a script that only lives as long.

    python -I -S agent_stand_in.py SESSION_FOLDER

Its node may end before this has begun, so the folder that a session leaves no trace of is watched too.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def main(session: Path) -> None:
    """Wait until the process that started this, or its folder, is gone."""
    node = os.getppid()
    while os.getppid() == node and session.exists():
        time.sleep(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
