"""From score to log10 likelihood ratio: logistic calibration on validation pairs.

The numbers go into the model file's metadata as ``calibration``; whoever reports a likelihood ratio
decides what the data behind them can carry.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist, pdist
from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]

_UNPENALISED: Final = 1e6  # scikit-learn's inverse of the penalty


def pair_scores(
    embeddings: npt.NDArray[np.floating], targets: Sequence[str], drivers: Sequence[str]
) -> tuple[Floats, Floats]:
    """Scores of the protocol's same-driver and different-driver pairs, all targets together.

    embeddings ``[N, D]``. Score: minus the Euclidean distance, as in :mod:`model.protocol`.
    """
    vectors = np.asarray(embeddings, dtype=np.float64)
    target, driver = np.asarray(targets, dtype=str), np.asarray(drivers, dtype=str)
    same: list[Floats] = []
    different: list[Floats] = []
    for name in np.unique(target):
        selves = vectors[(target == name) & (driver == name)]
        crosses = vectors[(target == name) & (driver != name)]
        if len(selves):
            same.append(-pdist(selves))
            different.append(-cdist(selves, crosses).ravel())
    empty = np.empty(0)
    return np.concatenate([*same, empty]), np.concatenate([*different, empty])


def fit_calibration(same: Floats, different: Floats, n_identities: int) -> dict[str, Any] | None:
    """log10 LR = slope · score + intercept, by logistic regression with both kinds weighing the same.

    None where there is nothing to fit: a kind without pairs, or a slope that is not positive (scores
    that do not tell the kinds apart). ``score_low`` and ``score_high`` bound the scores seen.
    """
    if not len(same) or not len(different):
        return None
    scores = np.concatenate((same, different))
    kinds = np.repeat((1, 0), (len(same), len(different)))
    fit = LogisticRegression(C=_UNPENALISED, class_weight="balanced", max_iter=1000)
    fit.fit(scores[:, None], kinds)
    slope, intercept = float(fit.coef_[0, 0]), float(fit.intercept_[0])
    if slope <= 0:
        return None
    return {
        "method": "logistic regression on validation pairs, equal weight for both kinds",
        "slope": slope / math.log(10),
        "intercept": intercept / math.log(10),
        "same_driver_pairs": len(same),
        "different_driver_pairs": len(different),
        "identities": n_identities,
        "score_low": float(scores.min()),
        "score_high": float(scores.max()),
    }
