"""Every reason code a row may carry, with its meaning.

A file that is not processed, or is processed with a caveat, carries one of these codes in
``reason_code`` and one sentence about this very file in ``reason``. Codes are never reused for
something else: reports of old cases keep their meaning.
"""

from __future__ import annotations

from typing import Final

# Why a video gave no frames.
DECODE_FAILURES: Final[dict[str, str]] = {
    "empty_file": "the file has no bytes",
    "unreadable": "the file, or the container in it, could not be opened",
    "not_video": "the content is not a video container this tool knows",
    "no_video_stream": "the container holds no video stream (audio only, or a cover picture)",
    "no_decoder": "the video is coded in a way no decoder at hand understands",
    "no_frames": "the video stream gave no frame",
    "too_short": "the video has fewer than two frames, so nothing moves in it",
    "too_large": "the picture has more pixels than the limit for one frame",
    "too_many_streams": "the container declares more streams than the limit",
    "bad_crop": "the crop asked for lies outside the picture",
    "decoder_crashed": "the decoder's process died while it read the file",
    "timed_out": "decoding took longer than the limit, or stood still",
    "over_memory": "decoding needed more memory than the limit",
}

# What is remarkable about a video that was processed all the same.
DECODE_CAVEATS: Final[dict[str, str]] = {
    "salvaged": "parts of the video are damaged; frames before and after the damage were used",
    "truncated": "the file ends before the video it declares; frames before the cut were used",
    "shortened": "the video is longer than the limit; only its beginning was used",
    "timestamps_repaired": "presentation times were missing, repeated or jumped and were continued evenly",
}

REASONS: Final[dict[str, str]] = {**DECODE_FAILURES, **DECODE_CAVEATS}
