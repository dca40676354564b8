"""The protocol's AUC of each target identity, taken apart by impostor.

For each target identity, positives are all unordered pairs of its self-reenactments (driver is the
target), negatives all pairs self × cross of that target. Its AUC is a mean over its impostors' pairs, so
with the parts by impostor `model.intervals` draws identities without scoring a pair again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist, pdist

from model.roc import half_wins

HELD_PAIRS: Final = 4_000_000  # scores self × cross held at once: 32 MB

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class TargetAuc:
    """AUC of one target identity, and how many videos and pairs stand behind it."""

    target: str
    auc: float
    n_self: int
    n_cross: int
    n_positives: int
    n_negatives: int


@dataclass(frozen=True)
class Parts:
    """The protocol's AUC taken apart, one row a target that can be measured.

    Per target (rows) and impostor (columns, numbered as the identities): pairs ``count`` and AUC ``auc``
    against this one alone. ``target_of`` numbers the identities behind the rows; ``n_identities`` are all
    there are. ``left_out``: target -> why it is not measured.
    """

    count: Floats
    auc: Floats
    target_of: Ints
    n_identities: int
    targets: tuple[TargetAuc, ...]
    left_out: dict[str, str]

    @property
    def mean(self) -> float:
        """Unweighted mean of the targets' AUCs; NaN without a target."""
        return float(np.mean([one.auc for one in self.targets])) if self.targets else float("nan")

    @property
    def n_positives(self) -> int:
        """Self × self pairs of all targets."""
        return sum(one.n_positives for one in self.targets)

    @property
    def n_negatives(self) -> int:
        """Self × cross pairs of all targets."""
        return sum(one.n_negatives for one in self.targets)


@dataclass
class Scores:
    """State: the score of every pair of the measured targets, for figures that pool them."""

    same: list[Floats] = field(default_factory=lambda: [np.empty(0)])
    different: list[Floats] = field(default_factory=lambda: [np.empty(0)])

    @property
    def positives(self) -> Floats:
        """Scores of all self × self pairs."""
        return np.concatenate(self.same)

    @property
    def negatives(self) -> Floats:
        """Scores of all self × cross pairs."""
        return np.concatenate(self.different)


#: From a target's self-reenactments, as rows of the videos: the scores of their pairs, and what scores them
#: against the cross-reenactments it is given.
Scorer = Callable[[Ints], tuple[Floats, Callable[[Ints], Floats]]]


def by_distance(vectors: Floats, probes: Floats | None = None) -> Scorer:
    """Scores of embeddings [N, D]: minus the Euclidean distance.

    With ``probes`` (the same videos altered, [N, D]) the first video of a pair is the clean one and the
    second the altered one, so every pair of self-reenactments is scored both ways.
    """
    asked = vectors if probes is None else probes

    def score(own: Ints) -> tuple[Floats, Callable[[Ints], Floats]]:
        selves = vectors[own]
        # Difference by difference, not by the Gram matrix: equal embeddings must be at distance 0 and ties
        # stay ties.
        if probes is None:
            positives = -pdist(selves)
        else:
            positives = -cdist(selves, probes[own])[~np.eye(len(own), dtype=bool)]
        return positives, lambda other: -cdist(asked[other], selves).ravel()

    return score


def parts(
    score: Scorer,
    target: Names,
    driver: Names,
    chosen: npt.NDArray[np.bool_],
    kept: Scores | None = None,
) -> Parts:
    """Decompose the protocol's AUC over the chosen videos; the arrays have one entry a video.

    No more than ``HELD_PAIRS`` scores against impostors are held at once, unless they are asked for: then
    ``kept`` receives every score.
    """
    identities, numbers = np.unique(np.concatenate([target, driver]), return_inverse=True)
    of_target, of_driver = numbers[: len(target)], numbers[len(target) :]
    rows: list[tuple[int, Floats, Floats]] = []
    targets: list[TargetAuc] = []
    left_out: dict[str, str] = {}
    for number in np.unique(of_target[chosen]):
        here = chosen & (of_target == number)
        own = np.flatnonzero(here & (of_driver == number))
        other = np.flatnonzero(here & (of_driver != number))
        name = str(identities[number])
        if len(own) < 2:
            left_out[name] = f"{len(own)} self-reenactments, at least 2 needed"
            continue
        if not len(other):
            left_out[name] = "no cross-reenactments"
            continue
        positives, against = score(own)
        if not len(positives):
            left_out[name] = "no scored pair of two self-reenactments"
            continue
        positives = np.sort(positives)
        different: list[Floats] = []
        wins, count = np.zeros(len(identities), np.int64), np.zeros(len(identities), np.int64)
        for impostor, negatives in _by_impostor(against, other, of_driver, len(own)):
            wins[impostor] += half_wins(positives, negatives)
            count[impostor] += len(negatives)
            if kept is not None:
                different.append(negatives)
        n_negatives = int(count.sum())
        if not n_negatives:
            left_out[name] = "no scored pair of self- and cross-reenactments"
            continue
        if kept is not None:
            kept.same.append(positives)
            kept.different.extend(different)
        rows.append((number, count.astype(float), wins / (2 * len(positives) * np.maximum(count, 1))))
        whole = int(wins.sum()) / (2 * len(positives) * n_negatives)
        targets.append(TargetAuc(name, whole, len(own), len(other), len(positives), n_negatives))
    size = (len(rows), len(identities))
    return Parts(
        np.array([count for _, count, _ in rows]).reshape(size),
        np.array([value for _, _, value in rows]).reshape(size),
        np.array([number for number, _, _ in rows], dtype=np.intp),
        len(identities),
        tuple(targets),
        left_out,
    )


def _by_impostor(
    against: Callable[[Ints], Floats], other: Ints, of_driver: Ints, n_self: int
) -> Iterator[tuple[int, Floats]]:
    """The scores of cross-reenactments, a bounded number at a time, and the one impostor behind them."""
    at_once = max(1, HELD_PAIRS // n_self)
    ordered = other[np.argsort(of_driver[other], kind="stable")]
    impostors, starts = np.unique(of_driver[ordered], return_index=True)
    for impostor, videos in zip(impostors, np.split(ordered, starts[1:]), strict=True):
        for start in range(0, len(videos), at_once):
            yield int(impostor), against(videos[start : start + at_once])
