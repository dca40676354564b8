"""Decoded frames are kept as they came, and a store that is not whole is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model.crop import centre_start, random_start, read_clip
from model.frame_store import FrameStore, FrameStoreError, VideoLabel, write_frame_store


def videos(lengths: tuple[int, ...] = (5, 2, 9)) -> Iterator[tuple[VideoLabel, np.ndarray]]:
    """Videos of noise, one of each length."""
    random = np.random.default_rng(0)
    for number, length in enumerate(lengths):
        label = VideoLabel(f"ä/{number}.mp4", f"t{number}", f"d{number}", "fv2v", "train")
        yield label, random.integers(0, 256, (length, 128, 128), dtype=np.uint8)


def test_frames_and_labels_come_back_as_they_went_in(tmp_path: Path) -> None:
    write_frame_store(videos(), tmp_path / "store", fps=30.0)
    store = FrameStore(tmp_path / "store")
    assert store.fps == 30.0
    assert store.labels == [label for label, _ in videos()]
    for number, (_, frames) in enumerate(videos()):
        assert store.length(number) == len(frames)
        np.testing.assert_array_equal(store.read(number, 1, len(frames) - 1), frames[1:])
    store.verify()
    with pytest.raises(IndexError):
        store.read(0, 3, 3)
    assert (tmp_path / "store" / "frames.bin").stat().st_size == 16 * 128 * 128


def test_equal_content_is_the_same_corpus(tmp_path: Path) -> None:
    first = write_frame_store(videos(), tmp_path / "a" / "store")
    second = write_frame_store(videos(), tmp_path / "b" / "store")
    other = write_frame_store(videos((5, 2, 8)), tmp_path / "c" / "store")
    assert first.corpus == second.corpus != other.corpus


def test_store_cut_short_or_unfinished_or_absent_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    write_frame_store(videos(), folder)
    content = (folder / "frames.bin").read_bytes()
    (folder / "frames.bin").write_bytes(content[:-16384])
    with pytest.raises(FrameStoreError, match="15 frames where 16"):
        FrameStore(folder)
    (folder / "frames.bin").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(FrameStoreError, match=r"frames\.bin: has changed"):
        FrameStore(folder).verify()
    (folder / "store.json").unlink()
    for path in (folder, tmp_path / "absent"):
        with pytest.raises(FrameStoreError, match="not a finished frame store"):
            FrameStore(path)
    (folder / "store.json").write_text(json.dumps([]))
    with pytest.raises(FrameStoreError, match="not a finished frame store"):
        FrameStore(folder)


def test_unusable_video_and_foreign_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FrameStoreError, match=r"1\.mp4: .* at least 2"):
        write_frame_store(videos((3, 1)), tmp_path / "store")
    with pytest.raises(FrameStoreError, match="not a finished"):
        FrameStore(tmp_path / "store")
    write_frame_store(videos(), tmp_path / "store")  # an unfinished store may be written again
    with pytest.raises(FrameStoreError, match="no video"):
        write_frame_store(iter(()), tmp_path / "empty")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(FrameStoreError, match="choose another folder"):
        write_frame_store(videos(), tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"


def test_clips_are_consecutive_and_short_videos_repeat_their_last_frame(tmp_path: Path) -> None:
    store = write_frame_store(videos(), tmp_path / "store")
    (_, short), _, (_, long) = videos()
    assert [centre_start(n, 4) for n in (3, 4, 5, 6, 9)] == [0, 0, 0, 1, 2]
    np.testing.assert_array_equal(read_clip(store, 2, centre_start(9, 4), 4), long[2:6])
    padded = read_clip(store, 0, centre_start(5, 8), 8)
    np.testing.assert_array_equal(padded, short[[0, 1, 2, 3, 4, 4, 4, 4]])
    random = np.random.default_rng(0)
    starts = [random_start(9, 4, random) for _ in range(600)]
    assert set(starts) == set(range(6))
    assert random_start(3, 4, random) == 0
