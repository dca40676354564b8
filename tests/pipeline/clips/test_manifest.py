"""The clip manifest of whole files, and the pictures that go with it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from pipeline.clips.manifest import cut_clips, standing_for
from pipeline.clips.visuals import motion_map, picture_rows
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeRequest, Portrait, VideoFacts
from pipeline.schemas import CLIPS, SHOTS, VISUALS
from tests.pipeline.decode.videos import scene, write_video

ID = "ab" * 32


def test_rows_fit_the_schemas_and_the_frames_fit_the_rows(decoded: Callable[[str], Decoded]) -> None:
    video = decoded("WolfgangLanger_Pexels.mp4")
    clips = cut_clips(ID, video, 64, 64)
    table = pa.Table.from_pylist(clips.rows, schema=CLIPS)
    assert pa.Table.from_pylist(clips.shots, schema=SHOTS).num_rows == 1
    assert [frames.shape for frames in clips.frames] == [(64, 128, 128)] * 8
    assert table.num_rows == 8
    for row, frames in zip(clips.rows, clips.frames, strict=True):
        assert row["clip_id"] == f"{ID}-{row['start_frame']:07d}-64"
        assert np.array_equal(frames, video.frames[row["start_frame"] : row["end_frame"]])
        assert row["usable"]
    assert clips.rows[-1]["end_frame"] == len(video.frames)
    assert clips.rows[-1]["end_second"] == pytest.approx(19.69, abs=0.05)
    # 23.976 on a grid of 25: one frame in 24 is shown twice.
    assert {row["duplicated_frames"] for row in clips.rows} <= {2, 3}


def test_padded_clip_repeats_its_last_frame(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", scene(20))
    with GuardedDecoder() as decoder:
        video = decoder.decode(path, DecodeRequest())
    assert isinstance(video, Decoded)
    clips = cut_clips(ID, video, 64, 64)
    (row,) = clips.rows
    assert (row["padded_frames"], row["end_frame"]) == (44, 20)
    assert np.array_equal(clips.frames[0][:20], video.frames)
    assert all(np.array_equal(frame, video.frames[-1]) for frame in clips.frames[0][20:])
    assert "padded" in row["flags"]


def test_windows_that_overlap_share_their_frames() -> None:
    """All clips of a long video copied at a stride of 1 would fill any memory."""
    noise = np.random.default_rng(1).integers(60, 200, (16, 128, 128), np.uint8)
    frames = np.concatenate([np.roll(noise, turn, 1) for turn in range(20)])
    seconds, index = np.arange(320) / 25, np.arange(320, dtype=np.int32)
    video = Decoded(frames, seconds, index, (), 25.0, VideoFacts(fps=25.0))
    tracemalloc.start()
    clips = cut_clips(ID, video, 64, 1)
    pieces = 0
    for start, piece in zip(range(0, 257, 16), clips.frames.pieces(16), strict=True):
        pieces += len(piece)
        assert np.array_equal(piece[-1], frames[start + len(piece) - 1 :][:64])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(clips.rows), len(clips.frames), pieces) == (257, 257, 257)
    assert all(np.shares_memory(clip, frames) for clip in clips.frames)
    assert np.shares_memory(next(clips.frames.pieces(1)), frames)
    assert peak < 16 * 2 * 2**20 + 2**24 < 257 * 2**20


def test_cut_parts_the_clips_and_the_shots(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "a.mkv", scene(70, seed=1) + scene(70, seed=5), codec="ffv1", pixel_format="bgr0"
    )
    with GuardedDecoder() as decoder:
        video = decoder.decode(path, DecodeRequest())
    assert isinstance(video, Decoded)
    clips = cut_clips(ID, video, 64, 64)
    assert [(s["start_frame"], s["end_frame"]) for s in clips.shots] == [(0, 70), (70, 140)]
    assert [(r["shot"], r["start_frame"]) for r in clips.rows] == [(0, 0), (0, 6), (1, 70), (1, 76)]


def test_clips_that_overlap_share_the_picture_in_which_faces_are_looked_for() -> None:
    portraits = [Portrait(second, np.zeros((8, 8), np.uint8)) for second in (0.0, 0.96, 1.8, 2.2, 3.0, 3.8)]
    first = standing_for(0.0, 2.56, portraits, ())
    assert first is not None
    assert first.second == 2.2
    assert standing_for(1.44, 4.0, portraits, {2.2: []}) is first
    other = standing_for(2.56, 5.12, portraits, {2.2: []})
    assert other is not None
    assert other.second == 3.8
    between = standing_for(1.0, 1.7, portraits, {2.2: []})
    assert between is not None
    assert between.second == 0.96  # none lies within: the nearest to 1.35
    assert standing_for(0.0, 2.56, [], ()) is None


def test_picture_without_a_face_is_told_of_the_clips_it_lies_in(decoded: Callable[[str], Decoded]) -> None:
    video = decoded("franck.webm")
    blank = replace(video.portraits[1], gray=np.full_like(video.portraits[1].gray, 120))
    doctored = replace(video, portraits=(video.portraits[0], blank, *video.portraits[2:]))
    rows = cut_clips(ID, doctored, 64, 64).rows
    (within,) = [row for row in rows if row["start_second"] <= blank.second < row["end_second"]]
    assert "face_absent" in within["flags"]
    assert sum("face_absent" in row["flags"] for row in rows) < len(rows)


def test_pictures_are_small_few_and_belong_to_clips(decoded: Callable[[str], Decoded]) -> None:
    video = decoded("franck.webm")
    clips = cut_clips(ID, video, 64, 64)
    rows = picture_rows(ID, video, clips)
    assert pa.Table.from_pylist(rows, schema=VISUALS).num_rows == len(rows)
    assert [row["kind"] for row in rows] == ["thumbnail"] * 6 + ["motion"]
    spans = {row["clip_id"]: (row["start_second"], row["end_second"]) for row in clips.rows}
    for row in rows:
        start, end = spans[row["clip_id"]]
        assert start <= row["second"] <= end
        picture = cv2.imdecode(np.frombuffer(row["image"], np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture.dtype == np.uint8
        assert picture.ndim == 2
        assert max(picture.shape) <= 160
    thumbnail = cv2.imdecode(np.frombuffer(rows[0]["image"], np.uint8), cv2.IMREAD_UNCHANGED)
    assert thumbnail.shape == (128, 160)  # 360 × 288


def test_motion_map_is_white_where_it_moves_most_and_black_where_nothing_does() -> None:
    clip = np.full((10, 128, 128), 60, np.uint8)
    clip[::2, 30:50, 70:90] = 200
    picture, white = motion_map(clip)
    assert picture[40, 80] == 255
    assert white == 140
    assert picture[100, 20] == 0
    still, white = motion_map(np.zeros((4, 128, 128), np.uint8))
    assert (still.max(), white) == (0, 0)
