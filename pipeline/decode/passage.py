"""A file's frames on their way onto the grid: they stream out, facts and caveats follow at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.decode.container import RefusedError
from pipeline.decode.damage import Damage, grid_gaps, holes
from pipeline.decode.grid import Clock, Grid, median_interval, varies
from pipeline.decode.luma import LumaScaler
from pipeline.decode.orientation import UPRIGHT, orientation_of
from pipeline.decode.portraits import Portraits
from pipeline.decode.sources import SourceFrame, Tally, decoder_version
from pipeline.decode.types import DecodeRequest, Limits, VideoFacts


@dataclass
class Outcome:
    """What is known when the last frame is out."""

    facts: VideoFacts
    seconds: NDArray[np.float64]
    source_index: NDArray[np.int32]
    gaps: tuple[tuple[int, int], ...]
    reason_code: str | None
    reason: str | None
    left_out: tuple[int, int] = (0, 0)


@dataclass
class Sink:
    """Where pictures go: one 128×128 frame and how often it is shown; a portrait's second and its picture.

    ``alive`` is called after each frame of the source: the child is at work, whatever it hands over.
    """

    frame: Callable[[NDArray[np.uint8], int], None]
    portrait: Callable[[float, NDArray[np.uint8]], None]
    alive: Callable[[], None]


@dataclass
class Passage:
    """The state of one file on its way through clock, grid and scaler."""

    request: DecodeRequest
    limits: Limits
    sink: Sink
    facts: VideoFacts
    interval: float
    pixel_aspect: float
    others: str | None  # a sentence, where the file holds other video tracks
    decoded: int = 0  # source frames, those whose times alone are known among them
    pictures: int = 0  # of these, frames that were really decoded
    handed_out: int = 0
    shortened: bool = False
    damaged: list[int] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    shown: list[tuple[int, int]] = field(default_factory=list)  # source frame, times shown
    raw: list[float | None] = field(default_factory=list)
    origins: list[float | None] = field(default_factory=list)  # raw time of the clock's zero at each frame

    def take(self, frames: Iterator[SourceFrame]) -> None:
        """Clock, grid and scale every frame; a frame is scaled once it is known to be shown."""
        self.clock, self.grid = Clock(self.interval), Grid(self.request.fps)
        self.scaler = LumaScaler(self.request.crop)
        self.portraits = Portraits(self.request.thumbnails, self.pixel_aspect)
        held: Any = None
        for source in frames:
            jumped = self.clock.push(source.second)
            time = self.clock.times[-1]
            if self.decoded:
                self._show(held, self.grid.push(time))
                if source.broken or jumped:
                    self.breaks.append(self.decoded)
            else:
                self.grid.push(time)
                self._first(source.frame)
            if source.damaged:
                self.damaged.append(self.decoded)
            elif self.portraits.wants(time):
                self.portraits.add(time, source.frame)
            self.raw.append(source.second)
            self.origins.append(self.clock.origin)
            held = source.frame if source.wanted else None
            self.decoded += 1
            self.pictures += source.frame is not None
            self.sink.alive()
            if self.grid.count >= self.limits.frames:
                self.shortened = True
                break
        if held is not None and not self.shortened:
            self._show(held, self.grid.finish())
        for second, gray in self.portraits.chosen():
            self.sink.portrait(second, gray)

    def _first(self, frame: Any) -> None:
        """Facts only a decoded frame tells."""
        orientation = orientation_of(frame) if self.request.decoder == "pyav" else UPRIGHT
        width, height = orientation.size(frame.width, frame.height)
        self.facts = replace(
            self.facts,
            pixel_format=frame.format.name,
            width=width,
            height=height,
            rotation=orientation.rotation,
            interlaced=bool(self.facts.interlaced or frame.interlaced_frame),
        )

    def _show(self, frame: Any, times: int) -> None:
        times = min(times, self.limits.frames - self.handed_out)
        if times <= 0 or frame is None:
            return
        self.sink.frame(self.scaler(frame, orientation_of(frame)), times)
        self.shown.append((self.decoded - 1, times))
        self.handed_out += times

    def outcome(self, damage: Damage, tally: Tally) -> Outcome:
        """Facts, times, gaps and the caveat. Raises RefusedError (`no_frames`, `too_short`)."""
        facts = replace(
            self.facts,
            frames_decoded=self.pictures,
            decoder=self.request.decoder,
            decoder_version=decoder_version(self.request.decoder),
            rejected_packets=damage.rejected,
        )
        if self.decoded == 0:
            raise RefusedError("no_frames", "The video stream gave no frame that could be decoded.", facts)
        if self.decoded == 1:
            raise RefusedError("too_short", "The video has one frame only; nothing moves in it.", facts)
        times = np.asarray(self.clock.times)
        interval = median_interval(times, self.interval)
        index = np.repeat(
            np.asarray([i for i, _ in self.shown], np.int32), np.asarray([n for _, n in self.shown], np.int64)
        )
        fps = self.request.fps
        grid_times = times[index] if fps is None else np.arange(len(index)) / fps
        missing = holes(times)
        gaps = grid_gaps(grid_times, index, times, self.damaged, [*self.breaks, *missing], interval)
        seen = len(np.unique(index))
        duration = float(times[-1] + interval)
        facts = replace(
            facts,
            fps=(self.decoded - 1) / float(times[-1]),
            vfr=varies(times),
            frames_on_grid=len(index),
            frames_duplicated=len(index) - seen,
            frames_dropped=self.pictures - seen - int(self.shortened),
            duration=duration,
        )
        caveats = self._caveats(damage, tally, gaps, missing, duration)
        return Outcome(
            facts,
            self._seconds(times)[index],
            index,
            gaps,
            caveats[0][0] if caveats else None,
            " ".join(sentence for _, sentence in caveats) or None,
        )

    def _seconds(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Times from the first frame: the file's own; where it has none, the clock's, on the file's scale."""
        first = next((origin for origin in self.origins if origin is not None), 0.0)
        since = np.asarray([0.0 if origin is None else origin - first for origin in self.origins])
        own = np.asarray([np.nan if r is None else r - first for r in self.raw])
        return np.where(np.isnan(own), times + since, own)

    def _caveats(
        self,
        damage: Damage,
        tally: Tally,
        gaps: tuple[tuple[int, int], ...],
        missing: list[int],
        duration: float,
    ) -> list[tuple[str, str]]:
        """Codes and sentences, the weightiest first."""
        found: list[tuple[str, str]] = []
        if damage.rejected or self.damaged:
            lost = sum(end - start for start, end in gaps)
            sentence = (
                f"The video is damaged: the decoder refused {damage.rejected} packets, "
                f"{len(self.damaged)} decoded frames are doubtful, {lost} grid frames lie in gaps."
            )
            found.append(("salvaged", sentence))
        elif missing:
            found.append(("holes", f"Frames are missing in {len(missing)} places; no clip spans them."))
        cut = self._truncation(tally, duration)
        if cut:
            found.insert(len(found) if gaps else 0, ("truncated", cut))
        if self.others:
            found.append(("several_tracks", self.others))
        if self.shortened:
            found.append(
                ("shortened", f"Only the first {duration:.0f} s were used, the limit for one video.")
            )
        if self.clock.repaired:
            sentence = f"{self.clock.repaired} presentation times were missing, repeated or jumped."
            found.append(("timestamps_repaired", sentence))
        return found

    def _truncation(self, tally: Tally, duration: float) -> str | None:
        """One sentence if the file ends before the video it declares."""
        declared, stated = self.facts.frames_declared, self.facts.duration
        if self.shortened or self.request.decoder != "pyav":
            return None
        # Frames that an edit list never shows are declared and not read, and an AVI counts those left out.
        whole = tally.packets == tally.indexed and duration > (stated or math.inf) - 1.5 * self.interval
        if declared and tally.packets < declared and not whole:
            return f"The container declares {declared} frames; {tally.packets} are in the file."
        if tally.cut_off:
            return "The file could not be read to its end."
        if (
            stated
            and not declared
            and not self.clock.repaired
            and max(duration, tally.others) < min(stated - 1.0, 0.95 * stated)
        ):
            return f"The container declares {stated:.1f} s; its frames cover {duration:.1f} s."
        return None
