"""A corpus is decoded once, whatever happens meanwhile, and training reads it."""

from __future__ import annotations

import json
import os
import resource
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from model.frame_store import FrameStore
from pipeline.datasets.label import Dataset
from pipeline.datasets.open_dataset import open_dataset
from pipeline.decode.guard import GuardedDecoder
from pipeline.errors import UserError
from pipeline.frames import store as store_module
from pipeline.frames.store import REQUEST, DecodedVideo, _Journal, write_store

pytestmark = pytest.mark.usefixtures("ray")


def ignore(_: int) -> None:
    """Nobody watches."""


class KilledError(Exception):
    """Stands for the kill."""


def killed_after(videos: int) -> Callable[[int], None]:
    """A progress callback that ends the run when so many videos were written."""
    done = 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        if done >= videos:
            raise KilledError

    return step


@pytest.fixture(scope="module")
def dataset(corpus: Path) -> Dataset:
    return open_dataset(corpus)


@pytest.fixture(scope="module")
def written(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return write_store(dataset, tmp_path_factory.mktemp("stores") / "whole", 2, ignore, ignore)


def test_store_holds_every_frame_the_decoder_gives_in_label_order(
    dataset: Dataset, written: FrameStore
) -> None:
    assert [label.path for label in written.labels] == dataset.labels["path"].to_list()
    with GuardedDecoder() as decoder:
        for video, label in list(enumerate(written.labels))[::7]:
            decoded = decoder.decode(dataset.root / label.path, REQUEST)
            assert np.array_equal(written.read(video, 0, written.length(video)), decoded.frames)
    written.verify()
    assert written.fps == 25.0


def test_killed_run_continues_and_gives_the_same_bytes(
    dataset: Dataset, written: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "COMMIT_BYTES", 1)  # small videos: commit each
    folder = tmp_path / "store"
    with pytest.raises(KilledError):
        write_store(dataset, folder, 2, ignore, killed_after(9))
    journal = folder / "journal.jsonl"
    assert journal.read_bytes().count(b"\n") == 9
    with journal.open("ab") as file:
        file.write(b'{"path": "torn')
    with (folder / "frames.bin").open("ab") as file:
        file.write(b"frames nobody vouches for")
    seen: list[int] = []
    vouched: list[int] = []

    def step(count: int) -> None:
        seen.append(count)
        vouched.append(journal.read_bytes().count(b"\n"))

    again = write_store(dataset, folder, 2, ignore, step)
    assert seen[0] == 9
    assert vouched[0] == 9  # a second kill before anything new is committed loses nothing either
    assert again.sha256 == written.sha256
    assert sorted(path.name for path in folder.iterdir()) == [
        "failures.parquet", "frames.bin", "store.json", "videos.parquet",
    ]  # fmt: skip


def test_journal_counts_up_to_its_first_line_that_is_none(tmp_path: Path) -> None:
    """A block that a crash of the machine lost reads as zeros; what stands after it is decoded again."""
    line = b'{"path": "a.mp4", "reason_code": "unreadable", "reason": "no video"}\n'
    for lost in (b"\0" * 40 + b"\n", b"\xff\n", b'{"path": "to\n'):
        (tmp_path / "journal.jsonl").write_bytes(line + lost + line)
        assert len(list(store_module._backed(tmp_path))) == 1


def test_frames_lost_since_the_kill_are_decoded_again_and_never_black(
    dataset: Dataset, written: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "COMMIT_BYTES", 1)
    folder = tmp_path / "store"
    for lost, left in ((1, 8), (None, 0)):  # the end of the last video, then the whole file
        with pytest.raises(KilledError):
            write_store(dataset, folder, 2, ignore, killed_after(9))
        frames = folder / "frames.bin"
        if lost is None:
            frames.unlink()
        else:
            os.truncate(frames, frames.stat().st_size - lost)
        seen: list[int] = []
        assert write_store(dataset, folder, 2, ignore, seen.append).sha256 == written.sha256
        assert seen[0] == left
        shutil.rmtree(folder)


def test_finished_store_is_used_as_it_is(dataset: Dataset, written: FrameStore) -> None:
    before = (written.folder / "store.json").stat().st_mtime_ns
    seen: list[int] = []
    write_store(dataset, written.folder, 2, ignore, seen.append)
    assert seen == [len(dataset)]
    assert (written.folder / "store.json").stat().st_mtime_ns == before


def test_video_that_cannot_be_decoded_is_listed_and_the_rest_is_stored(corpus: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(corpus, tmp_path / "corpus")
    dataset = open_dataset(copy)
    broken = dataset.labels["path"][3]
    (copy / broken).write_bytes(b"no video at all")
    store = write_store(dataset, tmp_path / "store", 2, ignore, ignore)
    failures = pl.read_parquet(tmp_path / "store" / "failures.parquet").to_dicts()
    assert [(row["path"], row["reason_code"]) for row in failures] == [(broken, "not_video")]
    assert len(store.labels) == len(dataset) - 1
    assert json.loads((tmp_path / "store" / "store.json").read_text("utf-8"))["failed"] == 1


def test_store_of_other_videos_is_not_touched(dataset: Dataset, written: FrameStore, tmp_path: Path) -> None:
    part = replace(dataset, labels=dataset.labels.head(3))
    with pytest.raises(UserError, match="frame store of other videos"):
        write_store(part, written.folder, 2, ignore, ignore)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="is not a frame store"):
        write_store(part, tmp_path, 2, ignore, ignore)


def test_store_of_a_corpus_made_anew_under_the_same_names_is_not_used(
    dataset: Dataset, written: FrameStore, tmp_path: Path
) -> None:
    moved = replace(dataset, root=shutil.copytree(dataset.root, tmp_path / "moved"))
    assert write_store(moved, written.folder, 2, ignore, ignore).sha256 == written.sha256
    shutil.copy(moved.root / dataset.labels["path"][0], moved.root / dataset.labels["path"][1])
    with pytest.raises(UserError, match="frame store of other videos, of files since changed"):
        write_store(moved, written.folder, 2, ignore, ignore)


def test_corpus_without_a_readable_video_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    gone = replace(dataset, root=tmp_path / "elsewhere")
    with pytest.raises(UserError, match="none of its 48 videos could be decoded"):
        write_store(gone, tmp_path / "store", 2, ignore, ignore)


def test_frames_that_found_no_room_name_their_file(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    frames = np.zeros((64, 128, 128), np.uint8)
    try:
        with pytest.raises(OSError, match=r"frames\.bin"), _Journal(tmp_path) as journal:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, hard))
            journal.note("a.mp4", DecodedVideo(frames, 25.0))
            journal.commit()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
