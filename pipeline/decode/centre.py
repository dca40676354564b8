"""The centre clip of a video from the few packets it needs, or not at all.

The paper's protocol looks at T frames in the middle of a video. Demuxing costs little, so all packets
are read; their times say which frames these are. Decoded are then only the frames they are predicted
from, beginning at the last IDR picture before them.

The frames are bit for bit those of the whole decode, or `DoubtError` asks for it. Certainty is had for
H.264 with NAL lengths (MP4, QuickTime, Matroska): one picture a packet, distinct times, parameter
sets at the beginning only, no complaint of any library, and a decoder that gives exactly the frames it
was sent, in order of their times. What it cannot see is damage inside packets it does not decode.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.decode.h264_picture import Picture, length_size, picture_in
from pipeline.decode.sources import (
    SourceFrame,
    Tally,
    decode_packet,
    demuxed,
    errors_logged,
    is_flush,
    one_thread,
)
from pipeline.decode.types import DecodeRequest, Limits

KEPT_BYTES: Final = 1 << 28  # of packets in memory


class DoubtError(Exception):
    """The video must be decoded whole."""


@dataclass(frozen=True)
class CentreClip:
    """Where the clip lies and what it takes. Packets are numbered in file order.

    packets : all of them, the flush last
    ranks : int [n], place of each packet's frame in order of presentation
    times : int [n], presentation times in that order, in the stream's time base
    start, end : the clip's frames, half-open, in that order
    needed : numbers of the packets to be decoded
    delay : frames a decoder must hold back to bring the frames into order
    """

    packets: Sequence[Any]
    ranks: NDArray[np.int64]
    times: Sequence[int]
    start: int
    end: int
    needed: Sequence[int]
    delay: int


def may_be_cut(stream: Any, request: DecodeRequest) -> bool:
    """Whether it is worth looking at the packets: cheap, and right where the answer is no."""
    context = stream.codec_context
    return (
        request.centre is not None
        and (request.fps, request.thumbnails, request.decoder) == (None, 0, "pyav")
        and context.name == "h264"
        and length_size(context.extradata) is not None
        and (not stream.frames or stream.frames > request.centre)
    )


def plan_centre(container: Any, stream: Any, length: int, limits: Limits, tally: Tally) -> CentreClip:
    """Read all packets and choose those that the centre clip of `length` frames needs. Raises DoubtError."""
    packets = _packets(container, stream, tally)
    count = len(packets) - 1
    lengths = length_size(stream.codec_context.extradata)
    if lengths is None or not length < count <= limits.frames or stream.frames not in (0, count):
        raise DoubtError
    pictures = _pictures(packets[:-1], lengths)
    raw = np.asarray([packet.pts for packet in packets[:-1]], np.int64)
    order = np.argsort(raw, kind="stable")
    if not (np.diff(raw[order]) > 0).all():
        raise DoubtError
    ranks = np.empty(count, np.int64)
    ranks[order] = np.arange(count)
    restarts = np.flatnonzero([picture.restart for picture in pictures])
    # Nothing before a restart is shown after it, and nothing behind it before.
    highest_before = np.concatenate(([-1], np.maximum.accumulate(ranks)))[restarts]
    if restarts[:1].tolist() != [0] or not (highest_before + 1 == restarts).all():
        raise DoubtError
    if not (ranks[restarts] == restarts).all():
        raise DoubtError
    start = (count - length) // 2
    end = start + length
    first, last = restarts[restarts <= start].max(), order[start:end].max()
    needed = [
        number
        for number in range(first, last + 1)
        if start <= ranks[number] < end or not pictures[number].disposable
    ]
    delay = int((np.arange(count) - ranks).max())
    return CentreClip(packets, ranks, raw[order].tolist(), start, end, needed, delay)


def centre_frames(stream: Any, clip: CentreClip, limits: Limits) -> Iterator[SourceFrame]:
    """Every frame of the video in order of presentation, without a picture where it was not decoded.

    Wanted are the clip's frames; the first of the video is always decoded, for the facts it tells. Raises
    DoubtError, at times only after the last frame.
    """
    base = clip.packets[0].time_base

    def source(rank: int, frame: Any) -> SourceFrame:
        second = clip.times[rank] * base.numerator / base.denominator
        return SourceFrame(frame, second, False, False, wanted=clip.start <= rank < clip.end)

    reached = 0
    for rank, frame in _decoded(stream.codec_context, clip, limits):
        for between in range(reached, rank):
            yield source(between, None)
        yield source(rank, frame)
        reached = rank + 1
    for after in range(reached, len(clip.times)):
        yield source(after, None)


def _decoded(context: Any, clip: CentreClip, limits: Limits) -> Iterator[tuple[int, Any]]:
    """Place in order of presentation and picture of every frame decoded. Raises DoubtError.

    Packets are sent as the whole decode sends them until the first frame is out. How long that takes is
    how many frames the decoder holds back; were it fewer than the order asks for, the whole decode
    would lose frames.
    """
    one_thread(context, limits)
    complaints = errors_logged()
    flush = len(clip.ranks)
    waiting: list[int] = []  # a heap of places
    number, shown = 0, -1
    while number <= flush:
        if number < flush:
            heappush(waiting, int(clip.ranks[number]))
        frames = decode_packet(context, clip.packets[number])
        if frames is None or errors_logged() > complaints:
            raise DoubtError
        for frame in frames:
            if not waiting:
                raise DoubtError
            rank = heappop(waiting)
            if rank < shown or frame.pts != clip.times[rank] or frame.is_corrupt:
                raise DoubtError
            if shown < 0 and number < clip.delay:
                raise DoubtError
            shown = rank
            yield rank, frame
        if shown < 0 or number == flush:
            number += 1
        else:
            place = bisect_right(clip.needed, number)
            number = clip.needed[place] if place < len(clip.needed) else flush
    if waiting:
        raise DoubtError


def _packets(container: Any, stream: Any, tally: Tally) -> list[Any]:
    """All packets and the flush behind them. Raises DoubtError."""
    complaints = errors_logged()
    packets: list[Any] = []
    size = 0
    for packet in demuxed(container, stream, tally):
        packets.append(packet)
        size += packet.size
        whole = packet.size and packet.pts is not None and not packet.is_corrupt and not packet.is_discard
        if not (is_flush(packet) or whole) or size > KEPT_BYTES:
            raise DoubtError
        if packet.has_sidedata("new_extradata") or packet.has_sidedata("param_change"):
            raise DoubtError
    if tally.cut_off or len(packets) != tally.packets + 1 or errors_logged() > complaints:
        raise DoubtError
    return packets


def _pictures(packets: Sequence[Any], lengths: int) -> list[Picture]:
    """The picture of each packet; raises DoubtError where one holds anything else."""
    pictures = []
    for number, packet in enumerate(packets):
        picture = picture_in(memoryview(packet), lengths, opening=number == 0)
        if picture is None:
            raise DoubtError
        pictures.append(picture)
    return pictures
