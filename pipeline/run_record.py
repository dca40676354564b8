"""``run.json``: what was run, on what, with what, and counts that add up."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections import Counter
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import schemas

PACKAGES: Final = (
    "driverprint", "ray", "pyarrow", "polars", "decord2", "av", "opencv-python-headless",
    "scenedetect-headless", "onnxruntime-gpu", "onnxruntime", "numpy", "scipy", "scikit-learn", "jinja2",
    "matplotlib",
)  # fmt: skip
#: A skipped row of this kind was looked into: its members have rows of their own.
OPENED: Final = ("archive_opened",)


def tool_version() -> str:
    """The installed version of driverprint."""
    return importlib.metadata.version("driverprint")


def package_versions() -> dict[str, str]:
    """Versions of the packages a result depends on; packages not installed are left out."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine_facts() -> dict[str, Any]:
    """What computed the result; no host name and no user name, they belong to nobody else."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory_bytes": memory,
        "python": sys.version.split()[0],
    }


def count_rows(evidence: pa.Table, clips: pa.Table) -> dict[str, int]:
    """Counts of the run; processed + failed + skipped + duplicate is always found."""
    statuses = Counter(evidence.column("status").to_pylist())
    comparable = evidence.filter(pc.equal(evidence.column("status"), "processed"))
    known = comparable.filter(pc.equal(comparable.column("role"), "known"))
    return {
        "found": evidence.num_rows,
        **{status: statuses.get(status, 0) for status in schemas.STATUSES},
        "clips": clips.num_rows,
        "usable_clips": sum(bool(usable) for usable in clips.column("usable").to_pylist()),
        "identities": len(set(known.column("identity").to_pylist())),
        "questioned": comparable.num_rows - known.num_rows,
    }


def not_searched(evidence: pa.Table) -> list[dict[str, str]]:
    """Files whose content was not looked into, with the reason."""
    rows = evidence.select(["path", "status", "reason_code", "reason"]).to_pylist()
    return [
        {"path": row["path"], "reason": row["reason"] or row["reason_code"]}
        for row in rows
        if row["status"] == "skipped" and row["reason_code"] not in OPENED
    ]
