"""What the decoding child answers, message by message: it may be anything a hostile file made of it.

Every length, number and word is checked before it is kept, so that the parent hands on only what a table can
hold and memory can bear.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import numpy as np

from pipeline.decode.types import (
    PORTRAIT_SIDE,
    SIDE,
    Decoded,
    DecodeFailure,
    DecodeRequest,
    Limits,
    Portrait,
    VideoFacts,
)
from pipeline.reasons import DECODE_CAVEATS, DECODE_FAILURES

ENCODED_LIMIT: Final = 1 << 30  # bytes of a re-encoded file
TEXT_LIMIT: Final = 1000  # characters of a sentence
ARRAYS: Final = {"seconds": 8, "source_index": 4, "gaps": 8}  # bytes a frame; there are no more gaps


class Collected:
    """State: the messages of one answer so far, each bounded and checked."""

    def __init__(self, limits: Limits, portraits: int) -> None:
        """`portraits` is how many were asked for."""
        self._limits = limits
        self._wanted = portraits
        self._frames = bytearray()
        self._portraits: list[Portrait] = []
        self._arrays = {name: bytearray() for name in ARRAYS}
        self._end: dict[str, Any] = {}
        self.facts = VideoFacts()
        self.encoded = bytearray()

    def take(self, message: dict[str, Any], payload: bytes) -> bool | DecodeFailure | None:
        """One message; None while more must come. Raises ValueError, KeyError for nonsense."""
        kind = message["kind"]
        if kind == "frames":
            if len(self._frames) + len(payload) > self._limits.frames * SIDE * SIDE:
                raise ValueError("more frames than the limit")
            self._frames += payload
        elif kind in ARRAYS:
            if len(self._arrays[kind]) + len(payload) > self._limits.frames * ARRAYS[kind]:
                raise ValueError("more numbers than the limit of frames")
            self._arrays[kind] += payload
        elif kind == "encoded":
            if len(self.encoded) + len(payload) > ENCODED_LIMIT:
                raise ValueError("more bytes than the limit")
            self.encoded += payload
        elif kind == "portrait":
            if len(self._portraits) == self._wanted or len(payload) > PORTRAIT_SIDE * PORTRAIT_SIDE:
                raise ValueError("more portraits than asked for, or a larger one")
            gray = np.frombuffer(payload, np.uint8).reshape(int(message["height"]), int(message["width"]))
            self._portraits.append(Portrait(float(message["second"]), gray))
        elif kind == "failed":
            code = str(message["reason_code"])
            if code not in DECODE_FAILURES:
                raise ValueError("unknown reason code")
            return DecodeFailure(code, _text(message["reason"]), _facts(message.get("facts") or {}))
        elif kind in ("facts", "done"):
            self.facts = _facts(message["facts"])
            self._end = message
            return True
        elif kind != "alive":
            raise ValueError("unknown message")
        return None

    def decoded(self, request: DecodeRequest) -> Decoded:
        """The whole answer. Raises ValueError, KeyError, TypeError when its parts do not fit together."""
        frames = np.frombuffer(self._frames, np.uint8).reshape(-1, SIDE, SIDE)
        seconds = np.frombuffer(bytes(self._arrays["seconds"]), np.float64)
        index = np.frombuffer(bytes(self._arrays["source_index"]), np.int32)
        code = self._end["reason_code"]
        if not (len(frames) == len(seconds) == len(index) >= 1) or (code and code not in DECODE_CAVEATS):
            raise ValueError("the parts of the answer do not fit")
        gaps = np.frombuffer(bytes(self._arrays["gaps"]), np.int32).reshape(-1, 2)
        before, behind = (int(count) for count in self._end["left_out"])
        if min(before, behind) < 0:
            raise ValueError("fewer frames left out than none")
        return Decoded(
            frames,
            seconds,
            index,
            tuple((int(a), int(b)) for a, b in gaps),
            request.fps,
            self.facts,
            tuple(self._portraits),
            code,
            _text(self._end["reason"]) if code else None,
            (before, behind),
        )


def _facts(values: dict[str, Any]) -> VideoFacts:
    return VideoFacts(**{f.name: _believed(values.get(f.name), str(f.type)) for f in fields(VideoFacts)})


def _believed(value: Any, kind: str) -> Any:
    """A fact if it is of its ``kind`` and a table can hold it: files and rogue children say anything."""
    if kind == "str | None" and isinstance(value, str):
        return _text(value)
    if kind == "bool | None" and isinstance(value, bool):
        return value
    if kind == "int | None" and type(value) is int and abs(value) < 2**31:
        return value
    if kind == "float | None" and type(value) in (int, float) and abs(value) < 2**63:
        return float(value)
    return None


def _text(value: object) -> str:
    """What the child says in words, without the lone surrogates of undecodable names."""
    return str(value)[:TEXT_LIMIT].encode("utf-8", "backslashreplace").decode()
