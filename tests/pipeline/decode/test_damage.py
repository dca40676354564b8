"""Damaged files: what is healthy is kept bit for bit, what is not lies in a gap."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.decode.types import Decoded, DecodeFailure
from tests.pipeline.decode.videos import packets, scene, write_video

FRAMES, GOP, FIRST, LAST = 80, 20, 45, 48  # packets 45..47 are damaged; key frames at 40 and 60

# PyAV can write these; packet positions are where the payload lies.
KINDS: tuple[tuple[str, dict[str, str]], ...] = (
    ("a.mp4", {"codec": "libx264", "bf": "2", "g": str(GOP)}),
    ("a.avi", {"codec": "mpeg4", "g": str(GOP)}),
    ("a.mkv", {"codec": "libx264", "g": str(GOP)}),
    ("a.webm", {"codec": "libvpx", "g": str(GOP)}),
    ("b.webm", {"codec": "libvpx-vp9", "g": str(GOP)}),
    ("hevc.mp4", {"codec": "libx265", "g": str(GOP), "x265-params": "log-level=none:pools=1"}),
    ("mjpeg.avi", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
)


def healthy(folder: Path, name: str, options: dict[str, str]) -> Path:
    mux = {"movflags": "faststart"} if name.endswith("mp4") else {}
    return write_video(folder / name, scene(FRAMES), mux=mux, **options)  # type: ignore[arg-type]


def damaged(path: Path, numbers: range) -> Path:
    """A copy whose packets of these numbers (in file order) are noise behind their first bytes."""
    data = bytearray(path.read_bytes())
    random = np.random.default_rng(1)
    for place, size, _, _ in list(packets(path))[numbers.start : numbers.stop]:
        data[place + 8 : place + size] = random.bytes(size - 8)
    copy = path.with_name("bad_" + path.name)
    copy.write_bytes(data)
    return copy


def without_times(path: Path, numbers: range) -> Path:
    """Take the presentation times of these pictures, in file order, out of a transport stream."""
    data = bytearray(path.read_bytes())
    beginnings = []
    for packet in range(0, len(data), 188):
        if data[packet + 1] & 0x40:  # payload unit start
            beginning = packet + 4 + (1 + data[packet + 4] if data[packet + 3] & 0x20 else 0)
            if data.startswith(b"\0\0\1\xe0", beginning):  # PES packet of the video
                beginnings.append(beginning)
    for beginning in beginnings[numbers.start : numbers.stop]:
        data[beginning + 7] &= 0x3F  # PTS_DTS_flags
        length = data[beginning + 8]
        data[beginning + 9 : beginning + 9 + length] = b"\xff" * length
    path.write_bytes(data)
    return path


def in_gap(count: int, gaps: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    lost = np.zeros(count, bool)
    for start, end in gaps:
        lost[start:end] = True
    return lost


@pytest.mark.parametrize(("name", "options"), KINDS, ids=[k[0] for k in KINDS])
def test_frames_outside_gaps_are_those_of_the_healthy_file(
    tmp_path: Path, decode: Callable[..., Decoded], name: str, options: dict[str, str]
) -> None:
    path = healthy(tmp_path, name, options)
    whole, part = decode(path), decode(damaged(path, range(FIRST, LAST)))
    assert whole.gaps == ()
    assert part.gaps, part.reason
    assert part.reason_code in ("salvaged", "holes")
    lost = in_gap(FRAMES, part.gaps)
    assert lost[FIRST + 2]
    assert lost.sum() <= GOP + 3, "no more than the rest of the group of pictures is given up"
    assert not lost[:40].any()
    assert not lost[60:].any()
    assert np.array_equal(part.frames[~lost], whole.frames[~lost])
    assert not np.array_equal(part.frames[lost], whole.frames[lost])


def test_refused_packets_are_counted(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    path = healthy(tmp_path, "a.mp4", {"codec": "libx264", "g": str(GOP)})
    part = decode(damaged(path, range(FIRST, LAST)))
    refused = part.facts.rejected_packets
    assert refused is not None
    assert 1 <= refused <= 3
    assert part.facts.frames_decoded == FRAMES - refused
    assert f"{refused} packets" in (part.reason or "")


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.avi"])
def test_truncated_file_keeps_frames_before_the_cut(
    tmp_path: Path, decode: Callable[..., Decoded], name: str
) -> None:
    path = healthy(tmp_path, name, dict(KINDS)[name])
    whole = decode(path)
    place = list(packets(path))[50][0]
    cut = tmp_path / f"cut_{name}"
    cut.write_bytes(path.read_bytes()[: place + 3])
    part = decode(cut)
    assert part.reason_code in ("truncated", "salvaged")
    assert "declare" in (part.reason or "") or "end" in (part.reason or "")
    kept = ~in_gap(len(part.frames), part.gaps)
    assert kept.sum() >= 47  # reordered frames behind the cut are lost with it
    assert np.array_equal(part.frames[:47], whole.frames[:47])


@pytest.mark.parametrize(("begin", "end"), [(0, 1200), (1000, 3000), (1010, 2990)])
def test_video_an_edit_list_shows_a_part_of_is_not_cut_off(
    tmp_path: Path, decode: Callable[..., Decoded], begin: int, end: int
) -> None:
    """What trimming without encoding again leaves: all the frames are in the file, some are never shown."""
    path = healthy(tmp_path, "a.mp4", dict(KINDS)["a.mp4"])
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 12  # after version, flags and the number of edits: length, media time
    tick = 12_800 / 1000  # of the media; lengths are ms
    (start,) = struct.unpack_from(">i", data, at + 4)
    struct.pack_into(">Ii", data, at, end - begin, start + round(begin * tick))
    path.write_bytes(data)
    part = decode(path)
    assert part.facts.frames_declared == FRAMES
    assert part.facts.frames_decoded == len(part.frames) == pytest.approx((end - begin) / 40, abs=1)
    assert (part.reason_code, part.gaps) == (None, ())
    cut = path.with_name("cut.mp4")
    cut.write_bytes(data[: list(packets(path))[45][0]])
    assert decode(cut).reason_code == "truncated" or end == 1200  # the cut lies behind what is shown


def test_frames_an_avi_leaves_out_are_not_cut_off(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    """AVI has no times; where a recorder dropped a frame an empty chunk stands, and is counted."""
    times = [40 * k for k in range(40) if k % 10 != 5]
    path = write_video(tmp_path / "a.avi", scene(len(times)), codec="mpeg4", times=times)
    part = decode(path)
    assert (part.facts.frames_decoded, part.reason_code) == (len(times), None)


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.flv"])
def test_sound_that_outlasts_the_pictures_does_not_make_them_cut_off(
    tmp_path: Path, decode: Callable[..., Decoded], name: str
) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as out:
        webm = name.endswith("webm")
        video = out.add_stream("libvpx" if webm else "libx264", rate=25)
        video.width, video.height, video.pix_fmt = 128, 96, "yuv420p"
        sound = out.add_stream("libopus" if webm else "aac", rate=48000, layout="mono")
        for picture in scene(50):
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(video.encode())
        for second in range(10):
            silence = np.zeros((1, 48000), np.float32)
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, 48000 * second, Fraction(1, 48000)
            out.mux(sound.encode(frame))
        out.mux(sound.encode())
    assert decode(path).reason_code is None
    cut = path.with_name("cut_" + name)
    cut.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    assert decode(cut).reason_code == "truncated"


def test_line_of_text_that_outlasts_the_pictures_does_not_make_them_cut_off(
    tmp_path: Path, decode: Callable[..., Decoded]
) -> None:
    plain = write_video(tmp_path / "plain.mkv", scene(50))
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:30,000\nHello\n", encoding="utf-8")
    with (
        av.open(str(plain)) as source,
        av.open(str(tmp_path / "a.srt")) as text,
        av.open(str(tmp_path / "a.mkv"), "w") as out,
    ):
        streams = [(file, out.add_stream_from_template(file.streams[0])) for file in (source, text)]
        for file, stream in streams:
            for packet in file.demux():
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
    assert decode(tmp_path / "a.mkv").reason_code is None


def test_frames_missing_without_a_complaint_make_a_gap(
    tmp_path: Path, decode: Callable[..., Decoded]
) -> None:
    times = [40 * k for k in range(60) if not 30 <= k < 40]
    path = write_video(tmp_path / "hole.mkv", scene(50), codec="ffv1", pixel_format="bgr0", times=times)
    part = decode(path)
    assert part.reason_code == "holes"
    assert part.gaps == ((30, 40),)


def test_one_frame_an_encoder_dropped_is_no_gap(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    times = [40 * k for k in range(60) if k not in (20, 45)]
    path = write_video(tmp_path / "drop.mkv", scene(58), codec="ffv1", pixel_format="bgr0", times=times)
    part = decode(path)
    assert part.gaps == ()
    assert part.reason_code is None
    assert part.facts.frames_duplicated == 2


def test_native_frames_beside_a_loss_are_parted(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    path = healthy(tmp_path, "mjpeg.avi", dict(KINDS)["mjpeg.avi"])
    part = decode(damaged(path, range(FIRST, LAST)), fps=None)
    assert part.gaps == ((FIRST, FIRST),)
    assert len(part.frames) == FRAMES - 3


def test_jump_of_the_clock_is_bridged_and_parted(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    times = [40 * k for k in range(20)] + [5_000_000 + 40 * k for k in range(20)]
    path = write_video(tmp_path / "jump.nut", scene(40), codec="ffv1", times=times, container="nut")
    part = decode(path)
    assert len(part.frames) == 40
    assert part.gaps == ((20, 20),)
    assert part.reason_code == "timestamps_repaired"
    np.testing.assert_allclose(part.seconds[[0, 19, 20, 39]], [0, 0.76, 5000.0, 5000.76])


@pytest.mark.parametrize("missing", [range(3), range(30, 32)])
@pytest.mark.parametrize(("jump", "reordered"), [(0, "0"), (0, "2"), (5_000_000, "0")])
def test_times_run_on_evenly_where_the_file_has_none(
    tmp_path: Path, decode: Callable[..., Decoded], missing: range, jump: int, reordered: str
) -> None:
    times = [40 * k + (jump if k >= 20 else 0) for k in range(60)]
    path = write_video(tmp_path / "a.ts", scene(60), times=times, bf=reordered)
    part = decode(without_times(path, missing), fps=None)
    assert part.reason_code == "timestamps_repaired"
    np.testing.assert_allclose(part.seconds, np.asarray(times) / 1000, atol=1e-3)


def test_index_lost_with_the_end_of_the_file_is_named(
    tmp_path: Path, refuse: Callable[..., DecodeFailure]
) -> None:
    path = write_video(tmp_path / "a.mp4", scene(20))  # the index (moov) stands at the end
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(path.read_bytes()[:2000])
    failure = refuse(cut)
    assert failure.reason_code == "unreadable"
    assert "MP4" in failure.reason
