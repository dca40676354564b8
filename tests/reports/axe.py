"""axe-core, the accessibility checker: fetched by pinned version and SHA-256, kept in the user's cache."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

VERSION = "4.11.0"
SHA256 = "39bed7d72308f6d620789c169d699bfd7e8da80f65b545821a6b2215c3e83107"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "driverprint" / "axe-core"


def axe_source() -> str:
    """The script to run inside a page; the test skips visibly where npm or its registry is out of reach."""
    kept = CACHE / f"axe-{VERSION}.js"
    if not kept.exists():
        if shutil.which("npm") is None:
            pytest.skip("axe-core needs npm, which is not installed")
        source = _fetched()
        if source is None:
            pytest.skip("axe-core could not be fetched")
        CACHE.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_bytes(source)
        part.replace(kept)
    return kept.read_text(encoding="utf-8")


@functools.cache  # npm tries an absent registry for minutes, and one test after another would wait for it
def _fetched() -> bytes | None:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"axe-core@{VERSION}"]
        subprocess.run(command, cwd=folder, capture_output=True, check=False)
        archives = list(Path(folder).glob("*.tgz"))
        if not archives:
            return None
        found = hashlib.sha256(archives[0].read_bytes()).hexdigest()
        if found != SHA256:
            raise RuntimeError(f"axe-core {VERSION} has SHA-256 {found}, expected {SHA256}")
        with tarfile.open(archives[0]) as archive:
            member = archive.extractfile("package/axe.min.js")
            assert member is not None
            return member.read()
