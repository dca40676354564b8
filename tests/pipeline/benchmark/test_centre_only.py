"""The benchmark decodes no more of a video than its centre clips, and cuts the same clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.shipped import shipped_model
from pipeline.benchmark.embedding import ChunkClips, ChunkWork, ClipWorker, EmbedOptions
from tests.pipeline.frames.corpus import write_video

LENGTHS = {"short": 16, "long": 33}


def worked(
    root: Path, paths: tuple[str, ...], *, multi_clip: bool = False, altered: bool = False
) -> ChunkClips:
    """What a worker cuts, before it is embedded; so one model serves, whatever its own length."""
    models = {name: shipped_model() for name in LENGTHS}
    options = EmbedOptions(root, models, LENGTHS, "CPUExecutionProvider", multi_clip, altered)
    return ClipWorker(options, {})._decode(ChunkWork(0, paths, tuple(LENGTHS)))


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One frame too few for the longer clip, as many as it has, one more, and many more."""
    root = tmp_path_factory.mktemp("videos")
    for frames in (32, 33, 34, 120):
        write_video(root / f"{frames}.mp4", frames, seed=frames)
    (root / "broken.mp4").write_bytes(b"no video at all")
    return root


PATHS = ("32.mp4", "33.mp4", "34.mp4", "120.mp4", "broken.mp4")


def test_centre_clips_of_models_with_different_lengths_are_those_of_the_whole_video(videos: Path) -> None:
    centre, whole = worked(videos, PATHS), worked(videos, PATHS, multi_clip=True)
    for length in LENGTHS.values():
        chosen = [number for number, row in enumerate(whole.rows[length]) if row["centre"]]
        rows = [whole.rows[length][number] for number in chosen]
        assert [row | {"window": False} for row in rows] == [
            row | {"window": False} for row in centre.rows[length]
        ]
        assert np.array_equal(centre.clips[length], whole.clips[length][chosen])
    same = [name for name in centre.videos[0] if name != "frames_decoded"]
    assert [[row[name] for name in same] for row in centre.videos] == [
        [row[name] for name in same] for row in whole.videos
    ]


def test_frames_decoded_are_told_apart_from_those_the_video_has(videos: Path) -> None:
    rows = worked(videos, PATHS).videos
    assert [row["frames"] for row in rows] == [32, 33, 34, 120, 0]
    assert [row["frames_decoded"] for row in rows[:2]] == [32, 33]
    assert 33 <= rows[2]["frames_decoded"] <= 34
    assert 33 <= rows[3]["frames_decoded"] < 120
    assert rows[4]["frames_decoded"] is None
    every_clip = worked(videos, ("120.mp4",), multi_clip=True).videos
    assert every_clip[0]["frames_decoded"] == 120


def test_alterations_are_made_of_the_whole_video(videos: Path) -> None:
    rows = worked(videos, ("120.mp4",), altered=True).videos
    assert {row["frames"] for row in rows} == {120}
    assert {row["frames_decoded"] for row in rows} == {120}
