"""What an H.264 packet says of its picture before it is decoded (ITU-T H.264, 7.3.1 and 7.4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SLICE: Final = 1  # nal_unit_type, table 7-1
IDR_SLICE: Final = 5
PASSED_OVER: Final = (9, 12)  # access unit delimiter, filler data
OPENING: Final = (6, 7, 8, 13)  # messages to the decoder (SEI) and parameter sets


@dataclass(frozen=True)
class Picture:
    """restart : an IDR picture; nothing from it on is predicted from anything before it
    disposable : nal_ref_idc is 0; nothing is predicted from it
    """

    restart: bool
    disposable: bool


def length_size(extradata: bytes | None) -> int | None:
    """Bytes of the length before each NAL unit (ISO/IEC 14496-15, 5.3.3.1); None for any other form."""
    return (extradata[4] & 3) + 1 if extradata and len(extradata) > 6 and extradata[0] == 1 else None


def picture_in(packet: memoryview, lengths: int, *, opening: bool) -> Picture | None:
    """The packet's picture; None unless it holds the slices of one picture and nothing else.

    lengths : see `length_size`
    opening : parameter sets and messages may come with it, as they do with a video's first packet
    """
    at, pictures = 0, 0
    found: set[Picture] = set()
    while at < len(packet):
        body = at + lengths
        at = body + int.from_bytes(packet[at:body], "big")
        if at < body + 2 or at > len(packet):
            return None
        header = packet[body]
        kind = header & 31
        if header & 0x80:  # forbidden_zero_bit
            return None
        if kind in (SLICE, IDR_SLICE):
            found.add(Picture(restart=kind == IDR_SLICE, disposable=not header & 0x60))
            pictures += packet[body + 1] >> 7  # first_mb_in_slice, ue(v), is 0 where its first bit is 1
        elif kind not in PASSED_OVER and not (opening and kind in OPENING):
            return None
    return found.pop() if len(found) == 1 and pictures == 1 else None
