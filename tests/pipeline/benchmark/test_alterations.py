"""Each alteration does what its name says, to the frame, and leaves alone what it must not touch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.benchmark.alterations import (
    ALTERATIONS,
    REQUEST,
    altered,
    dropped,
    exposed,
    noisy,
    retimed,
    shown_at_rate,
    smoothed,
    taken_at_rate,
)
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeFailure, DecodeRequest, Encoding
from tests.conftest import need
from tests.pipeline.frames.corpus import write_video

RANDOM = np.random.default_rng(0)


def numbered(count: int) -> NDArray[np.uint8]:
    """Frame n is gray level n everywhere."""
    return np.ones((count, 128, 128), np.uint8) * np.arange(count, dtype=np.uint8)[:, None, None]


def shown(frames: NDArray[np.uint8]) -> list[int]:
    return frames[:, 0, 0].tolist()


def at(fps: float, count: int) -> NDArray[np.float64]:
    return np.arange(count) / fps


@pytest.fixture(scope="module")
def decoder() -> Iterator[GuardedDecoder]:
    with GuardedDecoder() as one:
        yield one


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("altered") / "a.mp4", 40, seed=1)


def decoded(path: Path, decoder: GuardedDecoder) -> Decoded:
    found = decoder.decode(path, REQUEST)
    assert isinstance(found, Decoded)
    return found


def encoded_again(
    path: Path, encoding: Encoding, decoder: GuardedDecoder
) -> tuple[NDArray[np.uint8], NDArray[np.float64], tuple[int, int]]:
    """Frames, times and picture size of the file encoded once more."""
    data = decoder.reencode(path, encoding)
    assert isinstance(data, bytes)
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(data)
        file.flush()
        found = decoded(Path(file.name), decoder)
    assert found.facts.width and found.facts.height
    return found.frames, found.seconds, (found.facts.width, found.facts.height)


def test_half_the_rate_shows_every_other_frame_twice() -> None:
    frames = shown_at_rate(12.5)(numbered(10), at(25, 10), RANDOM)
    assert shown(frames) == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8]


def test_frames_of_a_lower_rate_are_the_ones_evidence_of_that_rate_would_show(
    tmp_path: Path, decoder: GuardedDecoder
) -> None:
    """A recording at 12 frames a second repeats its frames on a grid of 24 in the same rhythm."""
    path = write_video(tmp_path / "slow.mp4", 20, seed=3, fps=12)
    found = decoder.decode(path, DecodeRequest(fps=24.0, thumbnails=0))
    assert isinstance(found, Decoded)
    expected = taken_at_rate(at(24, len(found.frames)), 12.0) // 2
    assert found.source_index.tolist() == expected.tolist()


def test_fifteen_frames_a_second_are_spread_over_the_same_seconds() -> None:
    taken = taken_at_rate(at(25, 100), 15.0)
    assert len(taken) == 100
    assert (np.diff(taken) >= 0).all()
    assert len(set(taken.tolist())) == pytest.approx(100 * 15 / 25, abs=1)
    assert np.abs(taken - np.arange(100)).max() <= 2  # no picture is off by more than a frame of 15 fps


def test_unevenly_timed_frames_keep_their_moments() -> None:
    seconds = np.cumsum(np.tile([0.03, 0.05], 30))
    taken = taken_at_rate(seconds - seconds[0], 15.0)
    assert np.abs(seconds[taken] - seconds).max() <= 1 / 15


def test_video_recorded_at_a_lower_rate_is_left_as_it_is() -> None:
    frames = numbered(20)
    assert shown_at_rate(15.0)(frames, at(12, 20), RANDOM) is frames
    assert shown_at_rate(15.0)(frames, at(15, 20), RANDOM) is frames


def test_lost_frames_show_the_picture_before_and_keep_the_length() -> None:
    frames = dropped(0.2)(numbered(101), at(25, 101), np.random.default_rng(1))
    values = shown(frames)
    assert len(values) == 101 and values[0] == 0
    assert 101 - len(set(values)) == 20
    assert all(value <= place for place, value in enumerate(values))
    assert values == sorted(values)


def test_smoothing_averages_neighbours_and_keeps_a_still_picture_still() -> None:
    frames = numbered(9)
    frames[4] = 100
    assert shown(smoothed(3)(frames, at(25, 9), RANDOM))[3:6] == [round((2 + 3 + 100) / 3), 36, 37]
    still = np.full((9, 128, 128), 77, np.uint8)
    assert (smoothed(7)(still, at(25, 9), RANDOM) == 77).all()


def test_retiming_swings_the_speed_by_what_it_says() -> None:
    frames = np.ones((200, 128, 128), np.uint8) * np.arange(200, dtype=np.uint8)[:, None, None]
    for depth in (0.2, 0.4):
        seconds = at(25, 200)
        values = frames[:, 0, 0].astype(float)
        played = retimed(depth)(frames, seconds, np.random.default_rng(2))[:, 0, 0].astype(float)
        speed = np.convolve(np.diff(played)[5:-25], np.ones(5) / 5, "valid")  # frames are whole levels
        assert speed.min() == pytest.approx(1 - depth, abs=0.12)
        assert speed.max() == pytest.approx(1 + depth, abs=0.12)
        assert len(played) == len(values)


def test_noise_and_light_have_the_strength_they_say() -> None:
    gray = np.full((20, 128, 128), 100, np.uint8)
    noise = noisy(4)(gray, at(25, 20), np.random.default_rng(3)).astype(float) - 100
    assert noise.std() == pytest.approx(4, rel=0.02)
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.05
    assert (exposed(0.5)(gray, at(25, 20), RANDOM) == 50).all()
    assert (exposed(1.5)(np.full_like(gray, 200), at(25, 20), RANDOM) == 255).all()


def test_encoding_without_loss_gives_the_same_pictures_at_the_same_times(
    video: Path, decoder: GuardedDecoder
) -> None:
    clean = decoded(video, decoder)
    frames, seconds, size = encoded_again(video, Encoding(0), decoder)
    assert np.array_equal(frames, clean.frames)
    assert seconds == pytest.approx(clean.seconds, abs=1e-4)
    assert size == (128, 96)


def test_stronger_compression_makes_smaller_files_and_greater_differences(
    video: Path, decoder: GuardedDecoder
) -> None:
    clean = decoded(video, decoder).frames.astype(float)
    sizes, errors = [], []
    for crf in (0, 28, 35):
        data = decoder.reencode(video, Encoding(crf))
        assert isinstance(data, bytes)
        sizes.append(len(data))
        errors.append(np.abs(encoded_again(video, Encoding(crf), decoder)[0] - clean).mean())
    assert sizes == sorted(sizes, reverse=True)
    assert errors == sorted(errors) and errors[0] == 0


def test_half_size_is_a_file_of_half_the_width_and_height(video: Path, decoder: GuardedDecoder) -> None:
    frames, _, size = encoded_again(video, Encoding(0, halve=True), decoder)
    assert size == (64, 48)
    assert frames.shape == (40, 128, 128)
    assert np.abs(frames - decoded(video, decoder).frames.astype(float)).mean() < 3


def test_real_recording_keeps_brightness_frames_and_times(footage: Path, decoder: GuardedDecoder) -> None:
    """29.97 frames a second, H.264 good and poor: nothing shifts when they are encoded again."""
    for name in ("carphone_pristine.mp4", "carphone_distorted.mp4"):
        path = need(footage, name)
        clean = decoded(path, decoder)
        frames, seconds, _ = encoded_again(path, Encoding(0), decoder)
        assert len(frames) == len(clean.frames)
        assert np.abs(seconds - clean.seconds).max() < 1e-3
        assert abs(frames.mean() - clean.frames.mean()) < 0.5


def test_every_alteration_keeps_the_frame_count_and_repeats_itself(
    video: Path, decoder: GuardedDecoder
) -> None:
    clean = decoded(video, decoder)
    first = dict(altered(video, "a.mp4", clean, decoder))
    again = dict(altered(video, "a.mp4", clean, decoder))
    assert [one.key for one in first] == [one.key for one in ALTERATIONS]
    for one, frames in first.items():
        assert not isinstance(frames, DecodeFailure)
        assert frames.shape == clean.frames.shape and frames.dtype == np.uint8
        assert np.array_equal(frames, again[one])
        assert not np.array_equal(frames, clean.frames)


def test_file_that_is_no_video_costs_itself_only(tmp_path: Path, decoder: GuardedDecoder) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video at all", encoding="utf-8")
    failure = decoder.reencode(path, Encoding(28))
    assert isinstance(failure, DecodeFailure)
    assert failure.reason_code == "not_video"
