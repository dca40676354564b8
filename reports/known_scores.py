"""Known videos scored as if they were questioned: each against every identity, itself left out.

These are the scores a questioned video's score may be laid beside: aggregated in the same way (mean of
a video's usable windows against the mean of an identity's videos, both of unit length), which a pair of
single videos is not. The nearest of several identities is chosen because it is the highest of several scores,
and single scores are no measure for it: a stranger's nearest of twenty reaches what one in thirty of them
reaches. It is laid beside the highest score of every known video against those who did not drive it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.resampling import FEWEST_IDENTITIES, FEWEST_PAIRS
from model.similarity import similarity, unit_mean
from reports.case import Case

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reached:
    """``reached`` of ``of`` scores of known videos are at least as high as a questioned score.

    ``share`` is None with fewer than thirty scores or five identities: the scores of one person's videos
    hang together, so that many scores of few people would show a share of nothing by luck.
    """

    reached: int
    of: int
    share: float | None


@dataclass(frozen=True)
class KnownScores:
    """``same``: known video × its own identity without it; ``different``: × each other identity.

    ``highest``: each known video's highest score against the other identities, what the nearest of people
    who did not drive it comes to. ``n_repeated``: identities with two videos or more, the source of `same`.
    """

    same: Floats = field(repr=False)
    different: Floats = field(repr=False)
    highest: Floats = field(repr=False)
    n_videos: int
    n_identities: int
    n_repeated: int

    def same_as_high(self, score: float) -> Reached:
        """How many same-driver scores reach ``score``."""
        return _reached(self.same, score, self.n_repeated)

    def different_as_high(self, score: float, *, nearest: bool) -> Reached:
        """How many different-driver scores reach ``score``.

        These are single scores for an identity named before the comparison, and for the nearest of all,
        which is itself the highest of several, each known video's highest. A known video has one other
        identity fewer to come near to than a questioned one, so a stranger's nearest lies a little above.
        """
        return _reached(self.highest if nearest else self.different, score, self.n_identities)


def _reached(values: Floats, score: float, identities: int) -> Reached:
    reached = int(np.sum(values >= score))
    enough = len(values) >= FEWEST_PAIRS and identities >= FEWEST_IDENTITIES
    return Reached(reached, len(values), reached / len(values) if enough else None)


def known_scores(case: Case) -> KnownScores:
    """Leave-one-out scores of the known videos that may be compared."""
    return leave_one_out(known_videos(case))


def known_videos(case: Case) -> dict[str, Floats]:
    """Each identity's known videos that may be compared, as rows of unit length (videos, 256)."""
    videos: dict[str, list[Floats]] = defaultdict(list)
    for exhibit in case.exhibits:
        row = exhibit.row
        if row["status"] != "processed" or row["conflict"] is not None or row["identity"] is None:
            continue
        windows = case.usable_embeddings(row["evidence_id"])
        if len(windows):
            videos[row["identity"]].append(unit_mean(windows))
    return {name: np.stack(members) for name, members in videos.items()}


def leave_one_out(stacks: dict[str, Floats]) -> KnownScores:
    """The scores among known videos, given each identity's as rows of unit length (videos, 256)."""
    templates = {name: unit_mean(members) for name, members in stacks.items()}
    same: list[float] = []
    different: list[Floats] = []
    highest: list[Floats] = []
    for name, members in stacks.items():
        others = [-np.linalg.norm(members - t, axis=1) for other, t in templates.items() if other != name]
        if others:
            different += others
            highest.append(np.max(others, axis=0))
        if len(members) > 1:
            for i, video in enumerate(members):
                same.append(similarity(video, unit_mean(np.delete(members, i, axis=0))))
    return KnownScores(
        same=np.array(same),
        different=np.concatenate([np.empty(0), *different]),
        highest=np.concatenate([np.empty(0), *highest]),
        n_videos=sum(map(len, stacks.values())),
        n_identities=len(stacks),
        n_repeated=sum(len(members) > 1 for members in stacks.values()),
    )
