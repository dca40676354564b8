"""Decoding one file, inside the guarded child: from an open container to frames and facts."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.decode.centre import DoubtError, centre_frames, may_be_cut, plan_centre
from pipeline.decode.container import (
    RefusedError,
    open_container,
    open_read_only,
    other_tracks,
    video_stream,
)
from pipeline.decode.damage import Damage
from pipeline.decode.luma import CropOutsideError
from pipeline.decode.passage import Outcome, Passage, Sink
from pipeline.decode.probe import nominal_interval, pixel_aspect, probe_stream
from pipeline.decode.sources import Tally, decord_frames, pyav_frames, times_in_order
from pipeline.decode.types import DecodeRequest, Limits, VideoFacts


def probe_file(path: str, limits: Limits) -> VideoFacts:
    """Facts of a file without decoding it. Raises RefusedError."""
    descriptor = open_read_only(path)
    try:
        with open_container(descriptor, limits) as container:
            return probe_stream(container, video_stream(container), limits)
    finally:
        os.close(descriptor)


def decode_file(path: str, request: DecodeRequest, limits: Limits, sink: Sink) -> Outcome:
    """Decode one file into `sink`. Raises RefusedError."""
    try:
        return _decode_file(path, request, limits, sink)
    except DoubtError:
        return _decode_file(path, replace(request, centre=None), limits, sink)


def _decode_file(path: str, request: DecodeRequest, limits: Limits, sink: Sink) -> Outcome:
    """One file as asked for. Raises RefusedError, and DoubtError before anything reached `sink`."""
    descriptor = open_read_only(path)
    try:
        with open_container(descriptor, limits) as container:
            stream = video_stream(container)
            facts = probe_stream(container, stream, limits)
            if may_be_cut(stream, request):
                return _decode_centre(container, stream, facts, request, limits, sink)
            damage, tally = Damage(), Tally()
            frames = (
                decord_frames(descriptor, tally)
                if request.decoder == "decord"
                else times_in_order(pyav_frames(container, stream, limits, damage, tally), container, stream)
            )
            passage = _passage(container, stream, facts, request, limits, sink)
            try:
                passage.take(frames)
            except CropOutsideError as error:
                raise RefusedError("bad_crop", f"The {error}; correct it in the case file.", facts) from error
            except RefusedError as refusal:
                if passage.decoded < 2:
                    raise RefusedError(refusal.code, refusal.sentence, facts) from refusal
                tally.cut_off = True  # what came before the refusal stands
            return passage.outcome(damage, tally)
    finally:
        os.close(descriptor)


def _decode_centre(
    container: Any, stream: Any, facts: VideoFacts, request: DecodeRequest, limits: Limits, sink: Sink
) -> Outcome:
    """The centre clip alone; its frames are held back until no doubt is left. Raises DoubtError."""
    assert request.centre is not None
    tally = Tally()
    held: list[tuple[NDArray[np.uint8], int]] = []
    holding = replace(sink, frame=lambda picture, times: held.append((picture, times)))
    passage = _passage(container, stream, facts, request, limits, holding)
    try:
        clip = plan_centre(container, stream, request.centre, limits, tally)
        passage.take(centre_frames(stream, clip, limits))
        outcome = passage.outcome(Damage(), tally)
    except (RefusedError, CropOutsideError, MemoryError) as error:
        raise DoubtError from error
    if outcome.reason_code or len(held) != request.centre:
        raise DoubtError
    for picture, times in held:
        sink.frame(picture, times)
    return replace(outcome, left_out=(clip.start, len(clip.times) - clip.end))


def _passage(
    container: Any, stream: Any, facts: VideoFacts, request: DecodeRequest, limits: Limits, sink: Sink
) -> Passage:
    interval, aspect = nominal_interval(stream), pixel_aspect(stream)
    return Passage(request, limits, sink, facts, interval, aspect, other_tracks(container, stream))
