"""The paper's measure: ROC AUC per target identity, averaged without weights (section IV.B).

What the pairs of a target are, `model.target_auc` says; the score of a pair is minus the Euclidean
distance of the embeddings. Training measures by `evaluate`; the benchmark and the report build on the same
`model.target_auc`, `model.intervals` and `model.roc`, none of which needs torch or scikit-learn.

Overall, as the reference computes it, *pools* the generators: its pairs span them. Table II's
footnote calls it the *mean over generators*. Both are reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model.intervals import joint_interval
from model.resampling import Why
from model.target_auc import Floats, TargetAuc, by_distance, parts

ORIGINAL: Final = "original"  # generator of a real recording, which is neither self- nor cross-reenactment


@dataclass(frozen=True)
class MeanAuc:
    """Unweighted mean over targets, its 95 % interval, the targets, and those left out with the reason.

    ``auc`` is NaN when no target is left, the interval where there is none; ``why_no_interval`` is the
    reason, see `model.resampling.Interval`.
    """

    auc: float
    low: float
    high: float
    targets: tuple[TargetAuc, ...]
    left_out: dict[str, str]
    why_no_interval: Why | None


@dataclass(frozen=True)
class ProtocolResult:
    """``pooled`` over all generators, each generator by itself, and the mean of the latter."""

    pooled: MeanAuc
    per_generator: dict[str, MeanAuc]
    mean_over_generators: float


def evaluate(
    embeddings: npt.NDArray[np.floating],
    targets: Sequence[str],
    drivers: Sequence[str],
    generators: Sequence[str],
    *,
    with_originals: bool = False,
) -> ProtocolResult:
    """Measure embeddings, one a video, by the protocol.

    embeddings: float ``[N, D]``; the three label sequences have length N. ``with_originals`` counts
    videos of generator ``original`` as self-reenactments in the pooled figure, as the reference does;
    otherwise they are left out. Raises ValueError when lengths differ or an embedding is not finite.
    """
    vectors = np.asarray(embeddings, dtype=np.float64)
    target, driver, generator = (np.asarray(labels, dtype=str) for labels in (targets, drivers, generators))
    if vectors.ndim != 2 or not len(vectors) == len(target) == len(driver) == len(generator):
        raise ValueError(
            f"embeddings {vectors.shape} and labels ({len(target)}, {len(driver)}, {len(generator)}) "
            "must be one per video"
        )
    if not np.isfinite(vectors).all():
        raise ValueError("an embedding is not finite")
    synthetic = generator != ORIGINAL
    pooled = mean_auc(vectors, target, driver, np.ones_like(synthetic) if with_originals else synthetic)
    per_generator = {
        str(name): mean_auc(vectors, target, driver, generator == name)
        for name in np.unique(generator[synthetic])
    }
    means = [result.auc for result in per_generator.values()]
    return ProtocolResult(pooled, per_generator, float(np.mean(means)) if means else float("nan"))


def mean_auc(
    vectors: Floats,
    target: npt.NDArray[np.str_],
    driver: npt.NDArray[np.str_],
    chosen: npt.NDArray[np.bool_],
) -> MeanAuc:
    """Mean over targets of the AUC among the chosen videos; arrays have length N, vectors ``[N, D]``.

    Its interval draws identities, as targets and as drivers at once, as the benchmark's does.
    """
    found = parts(by_distance(vectors), target, driver, chosen)
    interval = joint_interval([found])
    return MeanAuc(
        found.mean,
        float("nan") if interval.low is None else interval.low,
        float("nan") if interval.high is None else interval.high,
        found.targets,
        found.left_out,
        interval.why,
    )
