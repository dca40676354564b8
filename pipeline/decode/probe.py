"""What a container says about its video, without decoding it. Runs inside the guarded child."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, Final

from pipeline.decode.container import RefusedError, too_large
from pipeline.decode.types import Limits, VideoFacts

PROGRESSIVE = (0, 1)  # AVFieldOrder: unknown, progressive
_COUNT: Final = re.compile("[0-9]{1,9}")  # a tag is text, which may hold any digits at any length


def probe_stream(container: Any, stream: Any, limits: Limits) -> VideoFacts:
    """Facts of an opened video stream; those that need decoding are None.

    Raises RefusedError (`no_decoder`, `too_large`) before the first frame is decoded.
    """
    context = stream.codec_context
    if context is None:
        raise RefusedError(
            "no_decoder",
            "No decoder for this kind of video is at hand.",
            VideoFacts(container=container.format.name),
        )
    facts = VideoFacts(
        container=container.format.name,
        codec=context.codec.canonical_name,
        pixel_format=context.pix_fmt,
        width=context.width or None,
        height=context.height or None,
        interlaced=context.field_order not in PROGRESSIVE,
        fps=float(stream.average_rate) if stream.average_rate else None,
        frames_declared=declared_frames(stream),
        duration=declared_duration(container, stream),
    )
    if context.width * context.height > limits.pixels:
        raise too_large(facts, limits)
    return facts


def declared_frames(stream: Any) -> int | None:
    """Frames the container declares, or None."""
    if stream.frames:
        return int(stream.frames)
    for key, value in stream.metadata.items():  # mkvmerge's statistics tag, with or without language
        if key.upper().startswith("NUMBER_OF_FRAMES") and _COUNT.fullmatch(str(value)):
            return int(value)
    return None


def declared_duration(container: Any, stream: Any) -> float | None:
    """Seconds the stream declares, else the container, else None."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


def nominal_interval(stream: Any) -> float:
    """Frame interval from the declared rate, s; 1/25 where none is declared or it cannot be true."""
    rate: Fraction | None = stream.average_rate or stream.guessed_rate
    return 1.0 / float(rate) if rate and 0.1 <= rate <= 1000 else 0.04


def pixel_aspect(stream: Any) -> float:
    """Width of a pixel over its height; 1 where unknown or absurd."""
    ratio = stream.sample_aspect_ratio
    return float(ratio) if ratio and Fraction(1, 10) < ratio < 10 else 1.0
