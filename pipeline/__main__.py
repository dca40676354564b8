"""`python -m pipeline` is `driverprint`."""

import sys
from pathlib import Path

# Python put the working directory first; it may be an evidence folder, and nothing is imported from that.
if not sys.flags.safe_path and sys.path[0] != str(Path(__file__).resolve().parents[1]):
    del sys.path[0]

from pipeline.cli.main import main

main()
