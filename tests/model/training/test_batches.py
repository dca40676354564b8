"""Batches are N drivers × M videos, the same for the same seed and step."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from model.frame_store import FrameStore, VideoLabel, write_frame_store
from model.system import System
from model.training.batches import batches, draw_batch
from model.training.config import PRESETS, TrainConfig, load_config, save_config
from model.training.errors import TrainingError
from model.training.schedule import learning_rate
from model.training.videos import chosen_videos, videos_by_driver
from tests.model.training.corpus import small_store, videos, wobble

CONFIG = TrainConfig(
    System(clip_length=5), drivers_per_batch=2, videos_per_driver=3, epochs=2, steps_per_epoch=4
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """The tiny corpus on disk."""
    return small_store(tmp_path_factory.mktemp("store") / "s")


def test_a_batch_holds_n_drivers_with_m_videos_each(store: FrameStore) -> None:
    groups = videos_by_driver(store.labels, CONFIG)
    assert len(groups) == 3
    assert {store.labels[video].split for group in groups for video in group} == {"train"}
    seen: set[int] = set()
    for step in range(20):
        batch = draw_batch(store, groups, CONFIG, step)
        assert batch.clips.shape == (6, 5, 128, 128)
        names, counts = np.unique(batch.drivers, return_counts=True)
        assert list(counts) == [3, 3]
        seen.update(names.tolist())
        for clip, driver in zip(batch.clips, batch.drivers, strict=True):
            assert any(
                (clip == store.read(video, start, 5)).all()
                for video in groups[driver]
                for start in range(store.length(video) - 4)
            ), "a clip is a run of consecutive frames of its driver"
    assert seen == {0, 1, 2}


def test_batches_depend_on_seed_and_step_alone(store: FrameStore) -> None:
    groups = videos_by_driver(store.labels, CONFIG)
    whole = list(batches(store, groups, CONFIG, first=0))
    rest = list(batches(store, groups, CONFIG, first=5))
    assert (len(whole), len(rest)) == (8, 3)
    for first, second in zip(whole[5:], rest, strict=True):
        np.testing.assert_array_equal(first.clips, second.clips)
        np.testing.assert_array_equal(first.drivers, second.drivers)
    other = draw_batch(store, groups, dataclasses.replace(CONFIG, seed=1), 0)
    assert not np.array_equal(other.clips, whole[0].clips)


def test_processes_share_a_batch_without_overlap(store: FrameStore) -> None:
    groups = videos_by_driver(store.labels, CONFIG)
    whole = draw_batch(store, groups, CONFIG, 0)
    shares = [draw_batch(store, groups, CONFIG, 0, rank, 2) for rank in range(2)]
    np.testing.assert_array_equal(shares[0].drivers, shares[1].drivers)
    together = np.concatenate([share.clips for share in shares])
    for clip, driver in zip(together, shares[0].drivers, strict=True):
        assert any(
            (clip == other).all() and driver == d for other, d in zip(whole.clips, whole.drivers, strict=True)
        )
    assert len({clip.tobytes() for clip in together}) == len({clip.tobytes() for clip in whole.clips})


def test_mirrored_drivers_are_drivers_of_their_own(store: FrameStore) -> None:
    groups = videos_by_driver(store.labels, CONFIG)
    seen = set()
    for step in range(20):
        batch = draw_batch(store, groups, dataclasses.replace(CONFIG, augment=True), step)
        np.testing.assert_array_equal(batch.mirrored, batch.drivers >= len(groups))
        seen |= set(batch.drivers.tolist())
    assert seen == set(range(2 * len(groups)))
    assert not draw_batch(store, groups, CONFIG, 0).mirrored.any()


def test_in_linked_batches_a_face_recurs_under_other_drivers_only(store: FrameStore) -> None:
    config = dataclasses.replace(CONFIG, linked_faces=True, drivers_per_batch=3, videos_per_driver=3)
    groups = videos_by_driver(store.labels, config)
    names = [store.labels[videos[0]].driver for videos in groups]
    for step in range(10):
        batch = draw_batch(store, groups, config, step)
        # The store's frames differ from video to video, so a clip tells its video.
        faces: dict[str, list[str]] = {}
        for clip, number in zip(batch.clips, batch.drivers, strict=True):
            video = next(
                video
                for video in groups[number]
                for start in range(store.length(video) - len(clip) + 1)
                if (store.read(video, start, len(clip)) == clip).all()
            )
            assert store.labels[video].driver == names[number]
            faces.setdefault(store.labels[video].target, []).append(names[number])
        assert sorted(faces) == sorted(names)
        for face, drivers in faces.items():
            assert len(drivers) == len(set(drivers)) == 3, face


def test_a_driver_of_few_faces_fills_up_with_any_of_its_videos(tmp_path: Path) -> None:
    lone = [
        (VideoLabel(f"{driver}{k}.mp4", driver, driver, "lia", "train"), frames[1])
        for driver in ("p0", "p1")
        for k, frames in zip(range(3), videos(), strict=False)
    ]
    store = write_frame_store(lone, tmp_path / "lone")
    config = dataclasses.replace(CONFIG, linked_faces=True, drivers_per_batch=2, videos_per_driver=3)
    batch = draw_batch(store, videos_by_driver(store.labels, config), config, 0)
    assert sorted(batch.drivers.tolist()) == [0, 0, 0, 1, 1, 1]


def test_an_error_while_reading_ahead_reaches_the_loop(store: FrameStore) -> None:
    feed = batches(store, [[0, 10_000], [1, 10_000]], CONFIG, first=0)
    with pytest.raises(IndexError):
        list(feed)


def test_leaving_the_feed_ends_its_thread(store: FrameStore) -> None:
    import threading

    feed = batches(store, videos_by_driver(store.labels, CONFIG), CONFIG, first=0)
    next(feed)
    feed.close()
    assert "batches" not in {thread.name for thread in threading.enumerate()}


def test_generators_and_originals_are_chosen_as_asked() -> None:
    labels = [VideoLabel(g, "a", "a", g, "train") for g in ("lia", "tps", "original")]
    assert chosen_videos(labels, TrainConfig(), "train") == [0, 1]
    assert chosen_videos(labels, TrainConfig(generators=("tps",)), "train") == [1]
    assert chosen_videos(labels, TrainConfig(with_originals=True), "train") == [0, 1, 2]
    assert chosen_videos(labels, TrainConfig(), "validation") == []


def test_one_driver_and_a_driver_with_one_video_are_refused(tmp_path: Path) -> None:
    lone = write_frame_store(videos(train_drivers=1), tmp_path / "one")
    with pytest.raises(TrainingError, match="at least 2 drivers, the training split has 1"):
        videos_by_driver(lone.labels, CONFIG)
    extra = [(VideoLabel("x.mp4", "p9", "p9", "lia", "train"), wobble(9, 1.0, 0))]
    scarce = write_frame_store([*videos(), *extra], tmp_path / "two")
    with pytest.raises(TrainingError, match=r"driver 'p9' has a single training video \(x\.mp4\)"):
        videos_by_driver(scarce.labels, CONFIG)


def test_the_papers_preset_is_the_papers_schedule() -> None:
    paper = PRESETS["paper"]
    assert str(paper.system) == "F5C:FEAT_DIFF:64"
    assert (paper.drivers_per_batch, paper.videos_per_driver) == (16, 8)
    assert (paper.epochs, paper.steps_per_epoch, paper.total_steps) == (150, 200, 30_000)
    rates = [learning_rate(paper, step) for step in range(paper.total_steps)]
    assert rates[0] == pytest.approx(1e-6)
    assert rates[499] == pytest.approx(0.5e-3)
    assert rates[999] == rates[1000] == pytest.approx(1e-3)
    assert rates[(1000 + 29_999) // 2] == pytest.approx(0.505e-3, rel=1e-3)
    assert rates[-1] == pytest.approx(1e-5)
    assert (np.diff(rates[1000:]) <= 0).all()


def test_configuration_is_whole_whenever_its_run_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written on every sitting: cut short, it would take the run's checkpoints with it."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "config.json"
    save_config(PRESETS["small"], path)
    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        save_config(dataclasses.replace(PRESETS["small"], seed=7), path)
    assert load_config(path) == PRESETS["small"]


def test_configuration_survives_writing_and_reading(tmp_path: Path) -> None:
    config = dataclasses.replace(
        PRESETS["small"], generators=("lia",), system=System("ConvStack", "STATIC", 16)
    )
    save_config(config, tmp_path / "config.json")
    assert load_config(tmp_path / "config.json") == config
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ValueError, match=r"config\.json: is not a training configuration"):
        load_config(tmp_path / "config.json")
