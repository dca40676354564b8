"""Calibration data from the case's own known videos, formed as a questioned score is formed.

Each known video is scored as if it were questioned: the mean of as many of its windows, against the mean
of as many known videos of an identity, itself left out. Only known videos that show the same face as the
scored one enter: then the face cannot tell the kinds apart (the paper's comparison, arXiv 2604.23247,
section IV.B, carried over to identities). What comes with the driver still can: session, camera, codec,
generator, and that a face's owner is seen in self-reenactment and everybody else in cross-reenactment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.calibration import Calibration, Comparisons, Supply, calibrate, thinned
from model.similarity import Vector, similarity, unit_mean
from pipeline.score import Video


@dataclass(frozen=True)
class Numbers:
    """What a score is aggregated over: ``clips`` of the scored video, ``known`` videos of the identity."""

    clips: int
    known: int


class KnownFaces:
    """The known videos whose face is stated, by face and driver, in order of evidence_id.

    Of one recording in several files one enters: with the others it would agree perfectly and prove nothing.
    """

    def __init__(self, videos: Sequence[Video]) -> None:
        chosen = [v for v in videos if v.identity is not None and v.target is not None]
        recordings: dict[object, Video] = {}
        for video in sorted(chosen, key=lambda video: video.evidence_id):
            recordings.setdefault((video.identity, video.target, video.windows.tobytes()), video)
        self.videos = list(recordings.values())
        self.faces: dict[str, dict[str, list[Video]]] = defaultdict(lambda: defaultdict(list))
        for video in self.videos:
            self.faces[str(video.target)][str(video.identity)].append(video)
        self._clips = np.array([v.n_clips for v in self.videos], np.intp)
        self._driver = np.array([v.identity for v in self.videos], str)
        sizes = [{name: len(group) for name, group in self.faces[str(v.target)].items()} for v in self.videos]
        own = [str(v.identity) for v in self.videos]
        self._own = np.array([s[name] - 1 for s, name in zip(sizes, own, strict=True)], np.intp)
        self._most = max((n for s in sizes for n in s.values()), default=0)
        self._others = np.array(
            [
                [
                    sum(n >= known for name, n in s.items() if name != me)
                    for s, me in zip(sizes, own, strict=True)
                ]
                for known in range(self._most + 1)
            ],
            np.intp,
        ).reshape(self._most + 1, len(self.videos))

    def supply(self, numbers: Numbers) -> Supply:
        """What the known videos offer over these numbers."""
        if not self.videos or numbers.known > self._most:
            return Supply()
        fit = self._clips >= numbers.clips
        same, others = fit & (self._own >= numbers.known), fit * self._others[numbers.known]
        drivers = set(self._driver[same].tolist()) & set(self._driver[others > 0].tolist())
        return Supply(int(same.sum()), int(others.sum()), len(drivers))

    def best_numbers(self, wanted: Numbers) -> Numbers | None:
        """The numbers nearest to the wanted ones, never above, over which there is enough; None if none.

        Nearest: the largest product, and of equal ones that with more clips.
        """
        lengths = {min(n, wanted.clips) for n in self._clips.tolist()}
        options = [
            Numbers(clips, known)
            for clips in lengths
            for known in range(1, min(wanted.known, self._most) + 1)
        ]
        options.sort(key=lambda n: (n.clips * n.known, n.clips), reverse=True)
        return next((numbers for numbers in options if self.supply(numbers).enough), None)


@dataclass(frozen=True)
class CaseCalibration:
    """A calibration on the case's own known videos and the rows of the calibration table behind it."""

    numbers: Numbers
    calibration: Calibration
    rows: list[dict[str, Any]]


def calibrate_on_case(known: KnownFaces, numbers: Numbers) -> CaseCalibration | None:
    """Calibrates over ``numbers``; None when the scores do not tell the kinds apart.

    Where a video has more windows, or an identity more videos of the face, they are drawn without
    replacement from a fixed seed.
    """
    random = np.random.default_rng(0)
    scored: list[tuple[Video, str, float]] = []
    for video in known.videos:
        if video.n_clips < numbers.clips:
            continue
        own = unit_mean(video.windows[_drawn(random, video.n_clips, numbers.clips)])
        for name, group in sorted(known.faces[str(video.target)].items()):
            pool = [other for other in group if other is not video]
            if len(pool) >= numbers.known:
                picked = _drawn(random, len(pool), numbers.known)
                template = unit_mean(np.stack([pool[i].embedding for i in picked]))
                scored.append((video, name, similarity(own, template)))
    comparisons = Comparisons(
        np.array([score for *_, score in scored]),
        np.array([str(video.identity) for video, *_ in scored]),
        np.array([name for _, name, _ in scored]),
    )
    chosen = thinned(comparisons)
    fitted = calibrate(
        Comparisons(comparisons.score[chosen], comparisons.left[chosen], comparisons.right[chosen])
    )
    if fitted is None:
        return None
    calibration, llrs = fitted
    rows = []
    for i, llr in zip(chosen.tolist(), llrs.tolist(), strict=True):
        video, name, score = scored[i]
        rows.append(
            {
                "n_clips": numbers.clips,
                "n_known": numbers.known,
                "evidence_id": video.evidence_id,
                "identity": name,
                "driver": video.identity,
                "same_driver": video.identity == name,
                "score": score,
                "llr": llr,
            }
        )
    return CaseCalibration(numbers, calibration, rows)


def _drawn(random: np.random.Generator, n: int, wanted: int) -> NDArray[np.intp]:
    """``wanted`` of n places in ascending order; all of them without a draw."""
    return np.arange(n) if wanted == n else np.sort(random.choice(n, wanted, replace=False))


def means_of_draws(vectors: Vector, wanted: int, draws: int) -> Vector:
    """``(draws, d)``: unit means of ``wanted`` of the vectors ``(n, d)``; all rows equal when wanted is n."""
    if wanted == len(vectors):
        return np.repeat(unit_mean(vectors)[None], draws, axis=0)
    random = np.random.default_rng(0)
    return np.stack([unit_mean(vectors[_drawn(random, len(vectors), wanted)]) for _ in range(draws)])
