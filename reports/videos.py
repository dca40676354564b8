"""One video's section: pictures, timeline, clips with their score along time, what decoding found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.similarity import similarity, unit_mean
from reports.case import Case, Exhibit, Row
from reports.known_scores import known_videos
from reports.pictures import Motion, Occlusion, Picture, motion, occlusion, picture

#: With more videos than this the sections leave the report for pages of their own beside it.
MOST_INLINE: Final = 200
#: Pictures may take this much of the file (base64 included); the rest is text and figures.
_PICTURE_BUDGET: Final = 10_000_000
_MOST_FRAMES: Final = 12
_LANES: Final = 4
_MOST_DRAWN: Final = 400  # pieces of a timeline; a band 900 pixels wide shows no more


@dataclass(frozen=True)
class Span:
    """A piece of the timeline; ``x`` and ``width`` in percent of the whole."""

    x: float
    width: float
    lane: int
    start: float
    end: float
    usable: bool
    flags: tuple[str, ...]
    energy: float
    score: float | None
    height: float


@dataclass(frozen=True)
class Video:
    """Everything a video's section shows. ``spans`` are clips, ``shots`` (x, width) in percent.

    ``drawn`` is what the timeline shows of the spans: all, or gathered when there are very many.
    """

    label: str
    anchor: str
    row: Row
    frames: tuple[Picture, ...]
    motion: Motion | None
    occlusion: Occlusion | None
    duration: float
    shots: tuple[tuple[float, float], ...]
    spans: tuple[Span, ...]
    drawn: tuple[Span, ...]
    lanes: int
    ticks: tuple[tuple[float, float], ...]
    nearest: str | None
    score_low: float | None
    score_high: float | None
    unusable: tuple[tuple[float, float, tuple[str, ...]], ...]


def frames_per_video(n_videos: int) -> int:
    """How many key frames each section can show within the file's budget, 2 to 12."""
    typical = 16_000  # bytes of a 160-pixel gray PNG as base64
    sharing = n_videos if n_videos <= MOST_INLINE else 100  # pages of their own share no budget
    return int(np.clip(_PICTURE_BUDGET / max(sharing, 1) / typical - 1, 2, _MOST_FRAMES))


class Identities:
    """Mean embedding of each identity's known videos, computed once for all questioned videos."""

    def __init__(self, case: Case) -> None:
        self.mean = {name: unit_mean(videos) for name, videos in known_videos(case).items()}


def video(case: Case, exhibit: Exhibit, identities: Identities, n_frames: int) -> Video:
    """The section of one exhibit; ``n_frames`` key frames at most."""
    row = exhibit.row
    evidence_id = exhibit.evidence_id or ""
    clips, shots = case.clips.get(evidence_id, []), case.shots.get(evidence_id, [])
    fps = float(case.run.get("options", {}).get("fps") or 25)
    duration = max(
        [shot["end_frame"] / fps for shot in shots]
        + [clip["end_second"] for clip in clips]
        + [row["duration"] or 0.0]
    )
    scored = [] if row["conflict"] else case.scores.get(evidence_id, [])
    nearest = min(scored, key=lambda r: (r["rank"], r["identity"]))["identity"] if scored else None
    scores = _clip_scores(case, evidence_id, identities.mean.get(nearest) if nearest else None)
    spans, lanes = _spans(clips, duration, scores)
    pictures = case.visuals(evidence_id) if exhibit.evidence_id else []
    thumbnails = [p for p in pictures if p["kind"] == "thumbnail"]
    return Video(
        label=exhibit.label,
        anchor=exhibit.anchor,
        row=row,
        frames=tuple(picture(p) for p in _spread(thumbnails, n_frames)),
        motion=motion(pictures),
        occlusion=occlusion(pictures),
        duration=duration,
        shots=tuple(_percent(s["start_frame"] / fps, s["end_frame"] / fps, duration) for s in shots),
        spans=spans,
        drawn=_gathered(spans),
        lanes=lanes if len(spans) <= _MOST_DRAWN else 1,
        ticks=_ticks(duration),
        nearest=nearest,
        score_low=min(scores.values(), default=None),
        score_high=max(scores.values(), default=None),
        unusable=tuple((s.start, s.end, s.flags) for s in spans if not s.usable),
    )


def _clip_scores(case: Case, evidence_id: str, template: NDArray[np.float64] | None) -> dict[str, float]:
    """Score of every usable clip against the nearest identity, by clip_id."""
    if template is None:
        return {}
    usable = {clip["clip_id"] for clip in case.clips.get(evidence_id, []) if clip["usable"]}
    found = case.clip_embeddings(evidence_id)
    return {
        clip_id: similarity(vector.astype(np.float64), template)
        for clip_id, vector in found.items()
        if clip_id in usable
    }


def _spans(clips: list[Row], duration: float, scores: dict[str, float]) -> tuple[tuple[Span, ...], int]:
    """Clips laid out in as few lanes as they overlap in, four at most; score heights in percent."""
    low, high = min(scores.values(), default=0.0), max(scores.values(), default=0.0)
    free = [-1.0] * _LANES
    spans = []
    for clip in clips:
        start, end = clip["start_second"], clip["end_second"]
        lane = next((i for i, until in enumerate(free) if until <= start + 1e-9), int(np.argmin(free)))
        free[lane] = end
        x, width = _percent(start, end, duration)
        score = scores.get(clip["clip_id"])
        height = 100.0 if high == low else 15 + 85 * ((low if score is None else score) - low) / (high - low)
        spans.append(
            Span(
                x,
                width,
                lane,
                start,
                end,
                clip["usable"],
                tuple(clip["flags"]),
                clip["motion_energy"],
                score,
                height,
            )
        )
    return tuple(spans), max((s.lane for s in spans), default=0) + 1


def _gathered(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """At most 400 pieces: neighbouring clips of a long video as one, used when all of them are.

    Its score and height are the means of those that have one.
    """
    if len(spans) <= _MOST_DRAWN:
        return spans
    size = -(-len(spans) // _MOST_DRAWN)
    pieces = []
    for start in range(0, len(spans), size):
        some = spans[start : start + size]
        scored = [s for s in some if s.score is not None]
        pieces.append(
            replace(
                some[0],
                width=some[-1].x + some[-1].width - some[0].x,
                lane=0,
                end=some[-1].end,
                usable=all(s.usable for s in some),
                flags=tuple(dict.fromkeys(flag for s in some for flag in s.flags)),
                score=float(np.mean([s.score for s in scored])) if scored else None,
                height=float(np.mean([s.height for s in scored])) if scored else 0.0,
            )
        )
    return tuple(pieces)


def _percent(start: float, end: float, duration: float) -> tuple[float, float]:
    return (100 * start / duration, 100 * (end - start) / duration) if duration > 0 else (0.0, 100.0)


def _ticks(duration: float) -> tuple[tuple[float, float], ...]:
    """(second, percent) of the time axis: at most seven round steps."""
    if duration <= 0:
        return ()
    rough = duration / 6
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(next(power * m for m in (1, 2, 5, 10) if power * m >= rough))
    return tuple((float(s), 100 * float(s) / duration) for s in np.arange(0, duration * 0.97, step))


def _spread(rows: Sequence[Any], most: int) -> list[Any]:
    if len(rows) <= most:
        return list(rows)
    return [rows[i] for i in np.linspace(0, len(rows) - 1, most).round().astype(int)]
