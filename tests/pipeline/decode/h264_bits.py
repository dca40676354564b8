"""H.264 as some encoders write it: a stream that does not say how many frames are to be held back."""

from __future__ import annotations

from pathlib import Path

import av


def forget_reordering(path: Path) -> Path:
    """Clear bitstream_restriction_flag in the parameter set of a progressive 4:2:0 file, in place."""
    with av.open(str(path)) as container:
        extradata = container.streams.video[0].codec_context.extradata
    assert extradata is not None
    size = int.from_bytes(extradata[6:8], "big")
    number, mask = _restriction(extradata[8 : 8 + size])
    data = bytearray(path.read_bytes())
    assert data.count(extradata) == 1
    data[data.find(extradata) + 8 + number] ^= mask
    path.write_bytes(data)
    return path


def _restriction(sps: bytes) -> tuple[int, int]:
    """Byte and mask of the flag, which must be set (ITU-T H.264, 7.3.2.1.1 and E.1.1)."""
    places = [k for k in range(len(sps)) if not (sps[k] == 3 and sps[max(0, k - 2) : k] == b"\0\0")]
    bits = "".join(f"{sps[k]:08b}" for k in places)
    at = 8

    def u(count: int) -> int:
        nonlocal at
        at += count
        return int(bits[at - count : at], 2)

    def ue() -> int:
        zeros = bits.index("1", at) - at
        u(zeros) if zeros else None
        return u(zeros + 1) - 1

    profile = u(8)
    u(16), ue()
    if profile in (100, 110, 122, 244):
        assert ue() == 1
        ue(), ue(), u(1)
        assert not u(1)  # no scaling lists
    ue()
    assert ue() == 0  # pic_order_cnt_type
    ue(), ue(), u(1), ue(), ue()
    assert u(1)  # frames only
    u(1)
    if u(1):
        ue(), ue(), ue(), ue()  # cropping
    assert u(1)  # vui_parameters_present_flag
    if u(1) and u(8) == 255:
        u(32)
    if u(1):
        u(1)
    if u(1):
        u(4)
        if u(1):
            u(24)
    if u(1):
        ue(), ue()
    if u(1):
        u(65)
    assert not u(1) and not u(1)  # no HRD parameters
    u(1)
    assert bits[at] == "1"
    return places[at // 8], 0x80 >> at % 8
