"""Two decoders, one stream of frames: PyAV leads, decord2 is kept to be measured against it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any, Final

import av
import av.error
import numpy as np

from pipeline.decode.container import RefusedError
from pipeline.decode.damage import Damage
from pipeline.decode.types import Limits

MICROSECOND = Fraction(1, 1_000_000)
REORDERED: Final = 16  # frames shown later than decoded, at most (H.264, A.3.1)


@dataclass
class SourceFrame:
    """A decoded frame and where it stands.

    second : raw presentation time, s; None where the container gives none
    damaged : decoded from damaged data, or predicted from it
    broken : something between the frame before and this one is lost
    wanted : it is to be handed back; without, `frame` may be None
    """

    frame: Any
    second: float | None
    damaged: bool
    broken: bool
    wanted: bool = True


@dataclass
class Tally:
    """What the demuxer saw, beside the frames."""

    packets: int = 0
    indexed: int = 0  # packets the container's index lists for the stream
    others: float = 0.0  # s that other streams last, looked at where the video's own length is not declared
    cut_off: bool = False  # reading ended with an error, not with the end of the file


def pyav_frames(
    container: Any, stream: Any, limits: Limits, damage: Damage, tally: Tally
) -> Iterator[SourceFrame]:
    """Every frame PyAV can decode, in presentation order; refused packets are counted in `damage`.

    One thread a decoder: many files are decoded at a time, and an error then belongs to the packet
    that was just sent. Raises RefusedError (`no_decoder`, `over_memory`).
    """
    context = stream.codec_context
    one_thread(context, limits)
    latest: int | None = None
    doubtful = False  # for streams without times: damaged, and no key frame since
    messages = errors_logged()
    for packet in demuxed(container, stream, tally):
        flushing = is_flush(packet)
        if packet.size == 0 and not flushing:
            continue  # an empty packet in the middle would read as the end of the stream
        damage.see(packet, lost_before=errors_logged() > messages)
        messages = errors_logged()
        frames = decode_packet(context, packet)
        time = packet.pts if packet.pts is not None else latest
        if frames is None:
            if not flushing:
                damage.refuse(time)
        elif errors_logged() > messages and not flushing:
            damage.complain(time)
        doubtful = doubtful or frames is None or errors_logged() > messages
        messages = errors_logged()
        for frame in frames or []:
            if frame.is_corrupt:
                doubtful = True
                if frame.pts is not None:
                    damage.begin(frame.pts)
            elif frame.key_frame:
                doubtful = False
            if frame.pts is None:
                yield SourceFrame(frame, None, doubtful, False)
                continue
            broken = latest is not None and damage.between(latest, frame.pts)
            base = frame.time_base
            second = frame.pts * base.numerator / base.denominator  # of integers: rounded once, correctly
            yield SourceFrame(frame, second, damage.covers(frame.pts), broken)
            latest = frame.pts


def times_in_order(frames: Iterator[SourceFrame], container: Any, stream: Any) -> Iterator[SourceFrame]:
    """The frames with their times in order, where a container gives them in the order of decoding.

    AVI holds no times: a packet's is its place in the file. Frames come in the order they are shown in, so
    the earliest time among those that may still be mixed up is the next one's. Raises RefusedError as
    ``frames`` does, after the frames that came before.
    """
    context = stream.codec_context
    if container.format.name != "avi" or not context.has_b_frames:
        yield from frames
        return
    # They are held decoded: pictures so large that sixteen would fill the memory are allowed fewer (A.3.1).
    room = max(4, min(REORDERED, (1 << 26) // max(1, context.width * context.height)))
    waiting: deque[SourceFrame] = deque()
    times: list[float] = []

    def given(most: int) -> Iterator[SourceFrame]:
        while len(waiting) > most:
            frame = waiting.popleft()
            if frame.second is not None:
                frame.second = heappop(times)
            yield frame

    try:
        for frame in frames:
            waiting.append(frame)
            if frame.second is not None:
                heappush(times, frame.second)
            yield from given(room)
    except RefusedError:
        yield from given(0)
        raise
    yield from given(0)


def one_thread(context: Any, limits: Limits) -> None:
    """Set a decoder up: pictures no larger than the limit, no thread beside the one that asks."""
    context.thread_count = 1
    context.options = {"max_pixels": str(limits.pixels)}


def is_flush(packet: Any) -> bool:
    """Whether this is the empty packet behind the last one, which makes a decoder give up what it holds."""
    return packet.pts is None and packet.dts is None and packet.size == 0


def decode_packet(context: Any, packet: Any) -> list[Any] | None:
    """Frames of one packet, None where the decoder refuses it."""
    try:
        return list(packet.decode())
    except EOFError:
        return []
    except MemoryError as error:
        raise RefusedError("over_memory", "Decoding needs more memory than the limit.") from error
    except av.error.FFmpegError as error:
        if not context.is_open:
            raise RefusedError(
                "no_decoder", f"The decoder for {context.name} refuses this stream."
            ) from error
        return None


def errors_logged() -> int:
    """Error messages of the libraries so far; they conceal damage, but say so."""
    return int(av.logging.get_last_error()[0])


def demuxed(container: Any, stream: Any, tally: Tally) -> Iterator[Any]:
    """Packets of one stream and the flush at the end, even when reading breaks off."""
    tally.indexed = len(stream.index_entries)
    begin = (container.start_time or 0) / 1e6  # s
    try:
        for packet in container.demux(stream) if stream.duration else container.demux():
            if packet.stream.index == stream.index:
                tally.packets += packet.size > 0
                yield packet
            elif packet.pts is not None and packet.time_base:
                end = packet.pts + (packet.duration or 0)
                tally.others = max(tally.others, float(end * packet.time_base) - begin)
    except av.error.FFmpegError:
        tally.cut_off = True
        flush = av.Packet()
        flush.stream = stream
        yield flush


def decord_frames(descriptor: int, tally: Tally) -> Iterator[SourceFrame]:
    """Every frame decord gives, as RGB; it turns the picture upright itself. Raises RefusedError.

    decord knows no gray output and no damage: it fills lost frames with their neighbours.
    """
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    try:
        reader = decord.VideoReader(f"/dev/fd/{descriptor}", num_threads=1)
        times = reader.get_frame_timestamp(list(range(len(reader))))[:, 0]
        for index in range(len(reader)):
            tally.packets += 1
            # libswscale's fast way from YUV to RGB, which decord takes, rounds down: by 1.25 levels on
            # average. One is given back.
            picture = np.minimum(reader.next().asnumpy(), 254) + np.uint8(1)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.time_base = MICROSECOND
            yield SourceFrame(frame, float(times[index]), False, False)
    except (decord.DECORDError, RuntimeError, StopIteration) as error:
        raise RefusedError("unreadable", "decord gave the file up.") from error


def decoder_version(name: str) -> str:
    """Version of the decoding package and of the libavcodec inside it."""
    if name == "decord":
        import decord

        return str(decord.__version__)
    codec = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return f"{av.__version__} (libavcodec {codec})"
