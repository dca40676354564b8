"""Unpacked evidence never lies in scratch all at once, and that changes no result."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.pipeline.decode.videos import scene, write_video
from tests.pipeline.faults.conftest import assert_holds, driverprint, record_of

pytestmark = pytest.mark.timeout(900)

WITHOUT_ROOM = """
import sys
from pipeline.intake import again
again.KEPT = 0
from pipeline.cli.main import main
main()
"""


def test_members_are_unpacked_again_one_by_one_where_scratch_has_no_room(tmp_path: Path) -> None:
    evidence, count = tmp_path / "evidence", 24
    known = evidence / "known" / "ann"  # whose videos get no occlusion test: they are many here
    known.mkdir(parents=True)
    with zipfile.ZipFile(known / "a.zip", "w") as outer, tarfile.open(tmp_path / "b.tar", "w") as inner:
        for seed in range(count):
            path = tmp_path / f"{seed:02}.mp4"
            write_video(path, scene(66, 64, 64, seed=seed))
            if seed % 2:
                outer.write(path, path.name)
            else:
                inner.add(path, path.name)
    with zipfile.ZipFile(known / "a.zip", "a") as outer:
        outer.write(tmp_path / "b.tar", "b.tar")
    write_video(evidence / "q.mp4", scene(66, 64, 64, seed=count))
    done = driverprint("analyze", evidence, "-o", tmp_path / "roomy")
    assert done.returncode == 0, done.stderr

    case = tmp_path / "case"
    command = [sys.executable, "-c", WITHOUT_ROOM, "analyze", str(evidence), "-o", str(case)]
    most = 0
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd="/", env=dict(os.environ)) as run:
        while run.poll() is None:
            with suppress(FileNotFoundError):  # not there yet, or removed while it is listed
                there = [path for path in (case / ".work" / "members").iterdir() if len(path.name) == 64]
                most = max(most, len(there))
            time.sleep(0.005)
        assert run.stderr is not None
        log = run.stderr.read()
    assert run.returncode == 0, log
    assert 1 <= most < count
    assert_holds(case, str(record_of(tmp_path / "roomy")["result_digest"]))
