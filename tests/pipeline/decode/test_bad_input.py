"""Files that are no usable video: a reason code and a sentence, never an exception."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pytest

from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeFailure, DecodeRequest, Limits, VideoFacts
from pipeline.reasons import REASONS
from pipeline.schemas import EVIDENCE
from tests.pipeline.decode.test_guard import STAND_IN
from tests.pipeline.decode.videos import scene, write_sound, write_video

HTML_NAME = "<img src=x onerror=alert(1)>\n'\"&.mp4"


def text_named_mp4(path: Path) -> None:
    path.write_text("Dear examiner,\nthis is no video.\n" * 50)


def zeros(path: Path) -> None:
    path.write_bytes(bytes(100_000))


def noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(100_000))


def nothing(path: Path) -> None:
    path.touch()


def folder(path: Path) -> None:
    path.mkdir()


def queue(path: Path) -> None:
    os.mkfifo(path)


def missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def sound(path: Path) -> None:
    write_sound(path)


def one_frame(path: Path) -> None:
    write_video(path, scene(1))


def header_only(path: Path) -> None:
    write_video(path, scene(5), mux={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 4])


def playlist(path: Path) -> None:
    write_video(path.with_name("other.ts"), scene(5))
    path.write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.2,\n{path.with_name('other.ts')}\n#EXT-X-ENDLIST\n"
    )


def concat_script(path: Path) -> None:
    write_video(path.with_name("other.mp4"), scene(5))
    path.write_text(f"ffconcat version 1.0\nfile '{path.with_name('other.mp4')}'\n")


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (text_named_mp4, "not_video"),
        (zeros, "not_video"),
        (noise, "not_video"),
        (nothing, "empty_file"),
        (folder, "unreadable"),
        (queue, "unreadable"),
        (missing, "unreadable"),
        (sound, "no_video_stream"),
        (one_frame, "too_short"),
        (header_only, "no_frames"),
        (playlist, "not_video"),
        (concat_script, "not_video"),
    ],
)
def test_bad_file_gets_its_reason(
    tmp_path: Path, refuse: Callable[..., DecodeFailure], make: Callable[[Path], None], code: str
) -> None:
    path = tmp_path / "file.mp4"
    make(path)
    failure = refuse(path)
    assert failure.reason_code == code, failure.reason
    assert failure.reason_code in REASONS
    assert failure.reason.endswith(".")


def test_cover_picture_is_no_video(tmp_path: Path, refuse: Callable[..., DecodeFailure]) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as out:
        tone = out.add_stream("aac", rate=48000, layout="mono")
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = type(cover.disposition).attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        out.mux(cover.encode(picture))
        out.mux(cover.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 48000
        out.mux(tone.encode(silence))
        out.mux(tone.encode(None))
    assert refuse(path).reason_code == "no_video_stream"


def test_eight_k_frames_fit_the_limits_and_larger_ones_are_refused_before_decoding(tmp_path: Path) -> None:
    pictures = [np.zeros((4320, 7680, 3), np.uint8), np.full((4320, 7680, 3), 90, np.uint8)]
    path = write_video(tmp_path / "8k.avi", pictures, codec="mjpeg", pixel_format="yuvj420p")
    with GuardedDecoder() as decoder:
        decoded = decoder.decode(path, DecodeRequest())
        assert isinstance(decoded, Decoded), decoded
        assert decoded.frames.mean((1, 2)).round().tolist() == [0, 90]
    with GuardedDecoder(Limits(pixels=1920 * 1080)) as decoder:
        failure = decoder.decode(path, DecodeRequest())
        assert isinstance(failure, DecodeFailure)
        assert failure.reason_code == "too_large"
        assert "7680×4320" in failure.reason
        assert failure.facts.width == 7680


def test_picture_larger_than_its_header_says_is_refused(tmp_path: Path) -> None:
    """The container declares the small size, the stream inside turns to a large one."""
    small = write_video(tmp_path / "a.ts", scene(10, 64, 64), bf="0").read_bytes()
    large = write_video(tmp_path / "b.ts", scene(10, 512, 512), bf="0").read_bytes()
    path = tmp_path / "ab.ts"
    path.write_bytes(small + large)
    with GuardedDecoder(Limits(pixels=256 * 256)) as decoder:
        decoded = decoder.decode(path, DecodeRequest(fps=None))
    assert isinstance(decoded, Decoded)
    assert decoded.facts.frames_decoded == 10
    assert decoded.facts.rejected_packets
    assert decoded.reason_code == "salvaged"


def test_more_streams_than_the_limit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w") as out:
        streams = [out.add_stream("ffv1", rate=25) for _ in range(5)]
        for stream in streams:
            stream.width = stream.height = 16
            stream.pix_fmt = "gray"
        for stream in streams:
            out.mux(stream.encode(av.VideoFrame(16, 16, "gray")))
            out.mux(stream.encode(None))
    with GuardedDecoder(Limits(streams=4)) as decoder:
        failure = decoder.decode(path, DecodeRequest())
    assert isinstance(failure, DecodeFailure)
    assert failure.reason_code == "too_many_streams"


def test_long_video_is_shortened_and_says_so(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", scene(60))
    with GuardedDecoder(Limits(frames=25)) as decoder:
        decoded = decoder.decode(path, DecodeRequest())
    assert isinstance(decoded, Decoded)
    assert decoded.frames.shape[0] == len(decoded.seconds) == decoded.facts.frames_on_grid == 25
    assert decoded.reason_code == "shortened"


def two_tracks(path: Path, cover: bool = False) -> Path:
    """Two videos of different size in one file, the larger the second; or a video and a cover picture."""
    with av.open(str(path), "w") as out:
        tracks = []
        for codec, side in (("libx264", 64), ("mjpeg" if cover else "libx264", 96)):
            track: Any = out.add_stream(codec, rate=25)
            track.width, track.height = side, side
            track.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            tracks.append(track)
        if cover:
            tracks[1].disposition = type(tracks[1].disposition).attached_pic
        for number, picture in enumerate(scene(60, 96, 96)):
            for track in tracks[: 1 if cover and number else 2]:
                out.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        for track in tracks:
            out.mux(track.encode(None))
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_file_with_several_videos_says_which_was_analysed(
    tmp_path: Path, decode: Callable[..., Decoded], name: str
) -> None:
    decoded = decode(two_tracks(tmp_path / name))
    assert decoded.reason_code == "several_tracks"
    track = 1 if decoded.facts.width == 64 else 2
    assert f"holds 2 video tracks; only track {track}, " in str(decoded.reason)
    assert "copy the others into files of their own" in str(decoded.reason)


def test_cover_picture_is_no_second_video(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    decoded = decode(two_tracks(tmp_path / "a.mp4", cover=True))
    assert (decoded.facts.frames_decoded, decoded.reason_code) == (60, None)


def test_other_videos_of_a_file_are_said_beside_any_other_caveat(
    tmp_path: Path, decode: Callable[..., Decoded]
) -> None:
    path = two_tracks(tmp_path / "a.mkv")
    with GuardedDecoder(Limits(frames=25)) as decoder:
        short = decoder.decode(path, DecodeRequest())
    assert isinstance(short, Decoded)
    assert short.reason_code == "several_tracks"
    assert "Only the first" in str(short.reason)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    part = decode(cut)
    # What the cut leaves of the last pictures hangs on how this processor's x264 ordered them.
    assert part.reason_code in ("truncated", "salvaged", "holes")
    assert "2 video tracks" in str(part.reason)


@pytest.mark.parametrize(
    "name",
    [
        b"\xff\xfe.mp4",
        b"-rf --.mp4",
        HTML_NAME.encode(),
        "\u202egpj.exe".encode(),
        b"x" * 251 + b".mp4",
        b"pipe:0",
    ],
    ids=["bytes", "dashes", "html", "rtl", "long", "protocol"],
)
def test_any_file_name_decodes(tmp_path: Path, decode: Callable[..., Decoded], name: bytes) -> None:
    source = write_video(tmp_path / "a.mp4", scene(3))
    path = tmp_path / os.fsdecode(name)
    source.rename(path)
    assert decode(path).facts.frames_decoded == 3


def test_video_is_recognised_by_content_not_by_name(tmp_path: Path, guarded: GuardedDecoder) -> None:
    video = write_video(tmp_path / "a.mkv", scene(3)).rename(tmp_path / "report.txt")
    text = tmp_path / "a.mkv"
    text.write_text("no video")
    found, refused = guarded.probe(video), guarded.probe(text)
    assert isinstance(found, VideoFacts)
    assert found.container == "matroska,webm"
    assert isinstance(refused, DecodeFailure)


def test_probe_tells_what_the_container_declares_without_decoding(
    tmp_path: Path, guarded: GuardedDecoder
) -> None:
    facts = guarded.probe(write_video(tmp_path / "a.mp4", scene(50, 96, 160)))
    assert isinstance(facts, VideoFacts)
    assert (facts.codec, facts.width, facts.height) == ("h264", 160, 96)
    assert facts.frames_declared == 50
    assert facts.frames_decoded is None
    assert facts.duration == pytest.approx(2.0)


def test_evidence_is_not_changed_by_reading(tmp_path: Path, decode: Callable[..., Decoded]) -> None:
    path = write_video(tmp_path / "a.mp4", scene(3))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    before = path.stat()
    decode(path)
    after = path.stat()
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
    if hasattr(os, "O_NOATIME"):
        assert after.st_atime_ns == before.st_atime_ns


@pytest.mark.parametrize("count", ["9" * 30, "9" * 5000, "\N{SUPERSCRIPT TWO}", "-5", "many"])
def test_number_of_frames_no_video_can_have_is_not_believed(tmp_path: Path, count: str) -> None:
    """A Matroska tag is text. What no table can hold would end the case of which the video is a part."""
    plain = write_video(tmp_path / "plain.mkv", scene(20))
    with av.open(str(plain)) as source, av.open(str(tmp_path / "a.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.metadata["NUMBER_OF_FRAMES"] = count
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    with GuardedDecoder() as decoder:
        video = decoder.decode(tmp_path / "a.mkv", DecodeRequest())
    assert isinstance(video, Decoded)
    assert len(video.frames) == 20
    assert (video.facts.frames_declared, video.reason_code) == (None, None)


def test_facts_of_a_rogue_child_fit_the_table_of_evidence(tmp_path: Path) -> None:
    path = write_video(tmp_path / "boaster.mp4", scene(4))
    with GuardedDecoder(command=STAND_IN) as decoder:
        failure = decoder.decode(path, DecodeRequest())
    assert isinstance(failure, DecodeFailure)
    facts = failure.facts
    assert (facts.width, facts.height, facts.fps, facts.duration, facts.codec) == (None, 7, 25.0, None, None)
    assert facts.container == failure.reason == "\\udcff"
    row = {name: value for name, value in asdict(facts).items() if name in EVIDENCE.names}
    shape = pa.schema([EVIDENCE.field(name) for name in row])
    assert pa.Table.from_pylist([row], schema=shape).num_rows == 1
