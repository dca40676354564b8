"""A video encoded once more, inside the guarded child: what a platform that re-encodes does to a file.

The child may write no file (`pipeline.decode.confine`), so the result is made in memory and handed back.
"""

from __future__ import annotations

import io
import os
from fractions import Fraction
from typing import Final

import av

from pipeline.decode.container import RefusedError, open_container, open_read_only, video_stream
from pipeline.decode.damage import Damage
from pipeline.decode.grid import Clock
from pipeline.decode.luma import LIMITED, is_limited
from pipeline.decode.orientation import UPRIGHT, orientation_of
from pipeline.decode.probe import nominal_interval
from pipeline.decode.sources import Tally, pyav_frames
from pipeline.decode.types import Encoding, Limits

TICKS: Final = 90_000  # a second, the encoder's clock


def reencode(path: str, encoding: Encoding, limits: Limits) -> bytes:
    """The file's video as MP4, each frame at its own presentation time, without sound.

    Raises RefusedError for what cannot be decoded, and for a video stored rotated: the rotation would
    be lost.
    """
    descriptor = open_read_only(path)
    out = io.BytesIO()
    try:
        with open_container(descriptor, limits) as container:
            stream = video_stream(container)
            clock = Clock(nominal_interval(stream))
            frames = pyav_frames(container, stream, limits, Damage(), Tally())
            with av.open(out, "w", format="mp4") as target:
                encoder = None
                for source in frames:
                    frame = source.frame
                    if orientation_of(frame) != UPRIGHT:
                        raise RefusedError("unreadable", "The video is stored rotated and is not re-encoded.")
                    clock.push(source.second)
                    scale = 2 if encoding.halve else 1
                    width, height = (
                        max(2, side // scale - side // scale % 2) for side in (frame.width, frame.height)
                    )
                    if encoder is None:
                        encoder = target.add_stream("libx264", rate=stream.average_rate or 25)
                        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
                        encoder.codec_context.time_base = Fraction(1, TICKS)
                        encoder.codec_context.color_range = LIMITED
                        encoder.options = {"crf": str(encoding.crf), "threads": "1"}
                    picture = frame.reformat(
                        encoder.width,
                        encoder.height,
                        "yuv420p",
                        interpolation="AREA",
                        src_color_range="MPEG" if is_limited(frame) else "JPEG",
                        dst_color_range="MPEG",
                        threads=1,
                    )
                    picture.pts, picture.time_base = round(clock.times[-1] * TICKS), Fraction(1, TICKS)
                    target.mux(encoder.encode(picture))
                if encoder is None:
                    raise RefusedError("no_frames", "The video stream gave no frame that could be decoded.")
                target.mux(encoder.encode(None))
    finally:
        os.close(descriptor)
    return out.getvalue()
