"""Videos are recognised by content in every container; what is refused is surely none."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.intake.reading import HEAD_SIZE
from pipeline.intake.sniff import is_text, sniff
from tests.pipeline.intake.conftest import write_video

CONTAINERS = [
    ("mp4", "libx264"),
    ("mov", "mjpeg"),
    ("3gp", "mpeg4"),
    ("ismv", "libx264"),
    ("matroska", "libx264"),
    ("webm", "libvpx"),
    ("avi", "mpeg4"),
    ("mpegts", "mpeg2video"),
    ("vob", "mpeg2video"),
    ("flv", "flv"),
    ("gif", "gif"),
    ("asf", "wmv2"),
    ("ogg", "libvpx"),
    ("mxf", "mpeg2video"),
    ("ivf", "libvpx"),
    ("nut", "mpeg4"),
    ("rm", "rv10"),
    ("wtv", "mpeg2video"),
    ("dv", "dvvideo"),
    ("h264", "libx264"),
    ("hevc", "libx265"),
    ("mpeg2video", "mpeg2video"),
    ("mpeg1video", "mpeg1video"),
    ("m4v", "mpeg4"),
    ("yuv4mpegpipe", "wrapped_avframe"),
    ("obu", "libsvtav1"),
    ("ivf", "libsvtav1"),
]


@pytest.mark.parametrize(("container", "codec"), CONTAINERS)
def test_every_container_is_a_candidate_without_its_suffix(
    tmp_path: Path, container: str, codec: str
) -> None:
    try:
        data = write_video(tmp_path / "nameless", container, codec)
    except (ValueError, OSError, LookupError) as error:  # this build of PyAV cannot write it
        pytest.skip(f"cannot be written here: {error}")
    assert sniff(data[:HEAD_SIZE]).kind == "video"


def test_transport_stream_cut_inside_a_packet_is_a_candidate(tmp_path: Path) -> None:
    data = write_video(tmp_path / "x.ts", "mpegts", "mpeg2video")
    assert sniff(data[100:][:HEAD_SIZE]).kind == "video"


def test_blu_ray_stream_with_time_codes_is_a_candidate(tmp_path: Path) -> None:
    packets = write_video(tmp_path / "x.ts", "mpegts", "mpeg2video")
    stamped = b"".join(b"\0\0\0\1" + packets[at : at + 188] for at in range(0, len(packets), 188))
    assert sniff(stamped).kind == "video"


@pytest.mark.parametrize(
    "text",
    [
        "dear sir",
        "Grüße an alle — 你好",
        "#EXTM3U\nhttp://example.org/a.ts\n",
        "RIFF, FLV, GIF89a: all words",
        "\ufeffx,y\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_text_is_no_video_in_any_encoding(text: str, encoding: str) -> None:
    assert sniff(text.encode(encoding)).name == "text"


def test_old_western_text_is_no_video() -> None:
    assert sniff("Das Gerät war für später gedacht.".encode("latin-1")).name == "text"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=40), st.integers(20, 60))
def test_text_cut_inside_a_character_is_text(text: str, size: int) -> None:
    assert is_text(text.encode()[:size])


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "a JPEG image"),
        (b"\0\0\1\0\3\0\x10\x10\0\0\1\0\x20\0", "an icon"),
        (b"%PDF-1.7\n\xff\0", "a PDF document"),
        (b"SQLite format 3\0\x10\0", "an SQLite database"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a still image (HEIF, AVIF or camera raw)"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "a WAV sound file"),
    ],
)
def test_other_files_are_called_by_name(head: bytes, name: str) -> None:
    assert sniff(head).kind == "not_video"
    assert sniff(head).name == name


def test_y4m_of_printable_bytes_is_a_candidate_and_words_about_it_are_text() -> None:
    header = b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg\n"
    film = header + (b"FRAME\n" + b"@" * (64 * 48 * 3 // 2)) * 12
    assert is_text(film[:HEAD_SIZE])
    assert sniff(film[:HEAD_SIZE]).kind == "video"
    assert sniff(b"YUV4MPEG2 is a simple format.\nIts FRAME header ...").name == "text"


@pytest.mark.parametrize("container", ["mpegts", "flv", "h264"])
def test_video_behind_the_tag_of_a_sound_file_is_a_candidate(tmp_path: Path, container: str) -> None:
    codec = "flv" if container == "flv" else "libx264"
    tag = b"ID3\4\0\0\0\0\1\x48" + bytes(200)
    assert sniff((tag + write_video(tmp_path / "x", container, codec))[:HEAD_SIZE]).kind == "video"
    assert sniff(tag + b"\xff\xfb\x90\0" + bytes(400)).name == "an MP3 sound file"
    assert sniff((b"ID3\4" + bytes(6)) * 6000).name == "an MP3 sound file"


@pytest.mark.parametrize("first", [b"uuid", b"emsg", b"prft", b"udta", b"junk", b"meta", b"abcd"])
def test_film_behind_a_box_of_another_type_is_a_candidate(tmp_path: Path, first: bytes) -> None:
    film = write_video(tmp_path / "x")
    lead = (40).to_bytes(4, "big") + first + bytes(32)
    assert sniff((lead + lead + film)[:HEAD_SIZE]).kind == "video"
    assert sniff(lead + lead).kind == "unknown"
    assert sniff((lead + film[:8]).replace(b"ftyp", b"fxyp")).kind == "unknown"


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("h264", "libx264"),
        ("hevc", "libx265"),
        ("vob", "mpeg2video"),
        ("mpegts", "libx264"),
        ("avi", "mpeg4"),
    ],
)
def test_video_behind_zeros_is_a_candidate(tmp_path: Path, container: str, codec: str) -> None:
    film = write_video(tmp_path / "x", container, codec)
    for zeros in (1, 7, 512):
        assert sniff((bytes(zeros) + film)[:HEAD_SIZE]).kind == "video"
    assert sniff(b"\0\0\0\0\0\1\0\0\0\x07" + bytes(300) + b"\x80").kind == "unknown"
    assert sniff(bytes(900)).kind == "unknown"


def test_motion_jpeg_without_its_suffix_is_a_candidate_and_a_picture_with_small_ones_inside_is_not(
    tmp_path: Path,
) -> None:
    film = write_video(tmp_path / "x", "mjpeg", "mjpeg")
    assert sniff(film[:HEAD_SIZE]).kind == "video"
    picture = film[: film.index(b"\xff\xd9") + 2]
    for previews in (picture, picture + picture):  # a camera may put two side by side
        tag = b"\xff\xe1" + (2 + 6 + len(previews)).to_bytes(2, "big") + b"Exif\0\0" + previews
        assert sniff(picture[:2] + tag + picture[2:]).name == "a JPEG image"
        assert sniff((picture[:2] + tag + picture[2:]) * 2).name == "a motion JPEG stream"


def test_animated_png_is_a_candidate_and_an_animated_webp_says_what_it_is(tmp_path: Path) -> None:
    assert sniff(write_video(tmp_path / "x", "apng", "apng")[:HEAD_SIZE]).kind == "video"
    try:
        data = write_video(tmp_path / "y", "webp", "libwebp_anim")
    except (ValueError, OSError, LookupError) as error:  # this build of PyAV cannot write it
        pytest.skip(f"cannot be written here: {error}")
    assert sniff(data[:HEAD_SIZE]).name.startswith("an animated WebP image")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_of_every_form_is_an_archive(form: int) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())
    head = packed.getvalue()[:HEAD_SIZE]
    assert sniff(head).name == "tar"
    old = bytearray(head[:512])
    old[257:512] = bytes(255)  # before ustar there was no magic, only the checksum
    old[148:156] = b" " * 8
    old[148:156] = b"%06o\0 " % sum(old)
    assert sniff(bytes(old)).name == "tar"


@given(st.binary(max_size=4096))
def test_any_bytes_get_an_answer(head: bytes) -> None:
    assert sniff(head).kind in ("video", "archive", "not_video", "unknown", "empty")
