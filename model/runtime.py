"""ONNX Runtime, which reports to nobody.

Left to itself (seen of 1.31) it writes down what program ran on what machine, under a number it gives the
machine for good, in a database in the user's home folder, and sends that to its makers where it can.
"""

from __future__ import annotations

import os
from typing import Any


def onnx_runtime() -> Any:
    """The package ``onnxruntime``. Whoever imports it another way lets it report."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # looked at once, as the library is loaded; no call undoes that
    import onnxruntime

    return onnxruntime
