"""Known videos scored as if they were questioned: each against every identity, itself left out.

These are the scores a questioned video's score may be laid beside: aggregated in the same way (mean of
a video's usable windows against the mean of an identity's videos, both of unit length), which a pair of
single videos is not.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reports.case import Case

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class KnownScores:
    """``same``: known video × its own identity without it; ``different``: × each other identity."""

    same: Floats = field(repr=False)
    different: Floats = field(repr=False)
    n_videos: int
    n_identities: int

    def share_as_high(self, score: float) -> tuple[float | None, float | None]:
        """Which share of the same-driver and of the different-driver scores reaches ``score``."""
        return tuple(  # type: ignore[return-value]
            float(np.mean(values >= score)) if len(values) else None for values in (self.same, self.different)
        )


def unit_mean(vectors: NDArray[np.floating]) -> Floats:
    """Mean of ``vectors`` (n, 256) scaled to unit length, as `pipeline.score` aggregates."""
    mean: Floats = np.asarray(vectors, np.float64).mean(axis=0)
    norm = float(np.linalg.norm(mean))
    return mean / norm if norm > 0 else mean


def known_scores(case: Case) -> KnownScores:
    """Leave-one-out scores of the known videos that may be compared."""
    videos: dict[str, list[Floats]] = defaultdict(list)
    for exhibit in case.exhibits:
        row = exhibit.row
        if row["status"] != "processed" or row["conflict"] is not None or row["identity"] is None:
            continue
        windows = case.usable_embeddings(row["evidence_id"])
        if len(windows):
            videos[row["identity"]].append(unit_mean(windows))
    stacks = {name: np.stack(members) for name, members in videos.items()}
    same: list[float] = []
    different: list[float] = []
    for name, members in stacks.items():
        for other, theirs in stacks.items():
            if other != name:
                different.extend((-np.linalg.norm(members - unit_mean(theirs), axis=1)).tolist())
        if len(members) > 1:
            for i, video in enumerate(members):
                same.append(-float(np.linalg.norm(video - unit_mean(np.delete(members, i, axis=0)))))
    return KnownScores(np.array(same), np.array(different), sum(map(len, stacks.values())), len(stacks))
