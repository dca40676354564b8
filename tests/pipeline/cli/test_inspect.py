"""`inspect` looks at one video as intake does, and at nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.main import main
from tests.pipeline.decode.videos import scene, write_video


def test_inspect_follows_links_no_more_than_analyze_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_video(tmp_path / "real.mp4", scene(4))
    (tmp_path / "link.mp4").symlink_to("real.mp4")
    with pytest.raises(SystemExit) as left:
        main(["inspect", str(tmp_path / "link.mp4")])
    seen = capsys.readouterr()
    assert left.value.code == 2
    assert "link.mp4 is a link" in seen.err
    assert "name the file it leads to" in seen.err
    assert not seen.out, "it was decoded first"
