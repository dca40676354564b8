"""Opening one evidence file for libavformat: read-only, by descriptor, known containers only."""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import Any, Final

import av
import av.error

from pipeline.decode.types import Limits, VideoFacts

# Demuxers that read one file of video (or of sound, to say so). Playlists and scripts, which open
# other files (hls, dash, concat, sdp, image2), are left out.
DEMUXERS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,live_flv,asf,gif,apng,mxf,ogg,rm,dv,ivf,"
    "h261,h263,h264,hevc,vvc,m4v,mjpeg,mpjpeg,mpegvideo,obu,av1,vc1,nut,wtv,swf,gxf,yuv4mpegpipe,"
    "cavsvideo,dirac,nsv,pva,nuv,webp_anim,mp3,wav,flac,aac"
)

SIGNATURES: Final[tuple[tuple[int, bytes, str], ...]] = (
    (4, b"ftyp", "MP4/QuickTime"),
    (4, b"moov", "MP4/QuickTime"),
    (4, b"mdat", "MP4/QuickTime"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska/WebM"),
    (8, b"AVI ", "AVI"),
    (0, b"FLV\x01", "FLV"),
    (0, b"GIF8", "GIF"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "ASF/WMV"),
    (0, b"\x00\x00\x01\xba", "MPEG program stream"),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "MXF"),
    (0, b"DKIF", "IVF"),
)

OVERSIZE: Final = re.compile(r"(\d+)x(\d+) exceeds specified max pixel")


class RefusedError(Exception):
    """A file that gives no frames, with its reason code and one sentence."""

    def __init__(self, code: str, sentence: str, facts: VideoFacts | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.facts = facts or VideoFacts()


def too_large(facts: VideoFacts, limits: Limits) -> RefusedError:
    """The refusal of a picture with too many pixels."""
    return RefusedError(
        "too_large",
        f"A picture of {facts.width}×{facts.height} is over the limit of {limits.pixels:,} pixels.",
        facts,
    )


def open_read_only(path: str) -> int:
    """A descriptor of a regular file, with access times left alone where the mount allows.

    Raises RefusedError (`unreadable`, `empty_file`).
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO must not hang the open
    try:
        try:
            descriptor = os.open(path, flags | getattr(os, "O_NOATIME", 0))
        except PermissionError:  # O_NOATIME is for the owner only
            descriptor = os.open(path, flags)
    except OSError as error:
        raise RefusedError("unreadable", f"The file could not be opened: {error.strerror}.") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise RefusedError("unreadable", "This is not a regular file.")
    if status.st_size == 0:
        os.close(descriptor)
        raise RefusedError("empty_file", "The file has no bytes.")
    return descriptor


def signature(descriptor: int) -> str | None:
    """The container its first bytes promise, or None."""
    head = os.pread(descriptor, 64, 0)
    for offset, magic, name in SIGNATURES:
        if head[offset : offset + len(magic)] == magic:
            return name
    return None


def open_container(descriptor: int, limits: Limits) -> Any:
    """libavformat's container over the descriptor. Raises RefusedError.

    The `fd` protocol is the only one allowed, so nothing in the file can make the library open
    another file or address, and a file's name takes no part in its recognition.
    """
    os.lseek(descriptor, 0, os.SEEK_SET)
    options = {
        "fd": str(descriptor),
        "protocol_whitelist": "fd",
        "format_whitelist": DEMUXERS,
        "max_pixels": str(limits.pixels),
    }
    complaints = av.logging.get_last_error()[0]
    try:
        container = av.open("fd:", mode="r", options=options, metadata_errors="replace")
    except (MemoryError, av.error.FFmpegError, ValueError, UnicodeError) as error:
        if isinstance(error, MemoryError) or getattr(error, "errno", 0) == errno.ENOMEM:
            raise RefusedError("over_memory", "Opening the file needs more memory than the limit.") from error
        promised = signature(descriptor)
        if promised is None:
            raise RefusedError(
                "not_video", "The content is not a video container this tool knows."
            ) from error
        raise RefusedError(
            "unreadable",
            f"The file begins like {promised}, but the container cannot be read ({_short(error)}).",
        ) from error
    if len(container.streams) > limits.streams:
        count = len(container.streams)
        container.close()
        raise RefusedError(
            "too_many_streams", f"The file declares {count} streams; the limit is {limits.streams}."
        )
    # Some containers leave the size to the decoder, which refuses it while the file is being opened.
    number, last = av.logging.get_last_error()
    found = OVERSIZE.search(last[2]) if number > complaints and last else None
    if found and any(stream.width == 0 for stream in container.streams.video):
        facts = VideoFacts(container=container.format.name, width=int(found[1]), height=int(found[2]))
        container.close()
        raise too_large(facts, limits)
    return container


def video_stream(container: Any) -> Any:
    """The video stream a player would choose, cover pictures aside. Raises RefusedError."""
    streams = _video_streams(container)
    if not streams:
        raise RefusedError(
            "no_video_stream", "The file holds no video stream.", VideoFacts(container=container.format.name)
        )
    best = container.streams.best("video")
    return best if best in streams else streams[0]


def other_tracks(container: Any, stream: Any) -> str | None:
    """One sentence if the container holds more videos than this stream's."""
    streams = _video_streams(container)
    if len(streams) == 1:
        return None
    return (
        f"The file holds {len(streams)} video tracks; only track {streams.index(stream) + 1}, which a player "
        "would choose, was analysed; copy the others into files of their own to have them analysed."
    )


def _video_streams(container: Any) -> list[Any]:
    return [s for s in container.streams.video if not s.disposition & s.disposition.__class__.attached_pic]


def _short(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__).strip().rstrip(".")
