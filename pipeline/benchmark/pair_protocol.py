"""Fixed lists of pairs, as AVAPrintDB's benchmark uses them: global AUC and EER with intervals.

The score of a pair is the mean cosine similarity over all pairs of their windows, which for unit
embeddings is the inner product of the two videos' mean embeddings.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from model.resampling import (
    FEWEST_IDENTITIES,
    FEWEST_PAIRS,
    Interval,
    identity_draws,
    pair_weights,
    percentile_interval,
)
from pipeline.benchmark.protocols import number

DRAWS: Final = 400


def score_pairs(pairs: pl.DataFrame, embeddings: pl.DataFrame) -> pl.DataFrame:
    """``left, right, same_driver, score`` of the pairs whose videos both have embeddings.

    pairs: ``left, right, same_driver``; embeddings: ``path, window, embedding`` of any length.
    """
    vectors = _means(embeddings.filter("window"))
    number_of = {path: place for place, path in enumerate(vectors["path"].to_list())}
    usable = pairs.filter(pl.col("left").is_in(list(number_of)) & pl.col("right").is_in(list(number_of)))
    matrix = np.array(vectors["embedding"].to_list())
    left, right = ([number_of[path] for path in usable[side]] for side in ("left", "right"))
    scores = np.einsum("ij,ij->i", matrix[left], matrix[right]) if len(usable) else np.zeros(0)
    return usable.with_columns(score=pl.Series(scores, dtype=pl.Float64))


def look_up_pairs(pairs: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """The same from pair scores of another system (``left, right, score``, either way round)."""
    swapped = scores.select(left="right", right="left", score="score")
    known = pl.concat([scores, swapped]).unique(["left", "right"], keep="first", maintain_order=True)
    return pairs.join(known, on=["left", "right"], how="inner", maintain_order="left")


def measure_pairs(scored: pl.DataFrame, n_pairs: int, drivers: pl.DataFrame) -> dict[str, Any]:
    """Figures of one pair file and one model, without ``model_id`` and ``pair_file``.

    scored: ``left, right, same_driver, score``; n_pairs: pairs of the file, of which those not scored are
    counted in ``n_left_out``; drivers: ``path, driver``. The 95 % interval resamples drivers, not pairs: a
    pair weighs the product of its two drivers' draws. None without same-driver pairs of five drivers, and
    for what else `model.resampling` refuses; the equal error rate needs thirty pairs of each kind.
    """
    same = scored["same_driver"].to_numpy()
    figures: dict[str, Any] = {
        "n_same": int(same.sum()),
        "n_different": int((~same).sum()),
        "n_left_out": n_pairs - len(scored),
    }
    names = ("auc", "auc_low", "auc_high", "eer", "eer_low", "eer_high")
    if not same.any() or same.all():
        return figures | dict.fromkeys(names)
    scores = scored["score"].to_numpy()
    who = dict(drivers.select("path", "driver").iter_rows())
    of_pair = [[who[path] for path in scored[side]] for side in ("left", "right")]
    identities, place = np.unique(of_pair, return_inverse=True)
    ends = place.reshape(2, -1)
    n_same = len(np.unique(ends[0][same]))
    whole = _auc_and_eer(same, scores, np.ones(len(scores)))
    found = [Interval(), Interval()]
    if n_same >= FEWEST_IDENTITIES:
        values = np.full((DRAWS, 2), np.nan)
        for row, weights in enumerate(identity_draws(len(identities), DRAWS)):
            (weight,) = pair_weights(weights[None], *ends)
            if (weight * same).any() and (weight * ~same).any():
                values[row] = _auc_and_eer(same, scores, weight)
        found = [percentile_interval(one, n_same) for one in values.T]
    ordered: tuple[float | None, ...] = (number(whole[0]), found[0].low, found[0].high)
    if min(figures["n_same"], figures["n_different"]) >= FEWEST_PAIRS:
        ordered += (number(whole[1]), found[1].low, found[1].high)
    return figures | dict(zip_longest(names, ordered))


def _means(embeddings: pl.DataFrame) -> pl.DataFrame:
    """Mean of each video's embeddings at unit length: ``path, embedding``."""
    vectors = embeddings["embedding"].to_numpy().astype(np.float64).reshape(len(embeddings), -1)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    groups: dict[str, list[int]] = {}
    for place, path in enumerate(embeddings["path"].to_list()):
        groups.setdefault(path, []).append(place)
    means = [vectors[rows].mean(axis=0) for rows in groups.values()]
    return pl.DataFrame({"path": list(groups), "embedding": pl.Series(means, dtype=pl.List(pl.Float64))})


def _auc_and_eer(
    same: NDArray[np.bool_], scores: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, float]:
    from sklearn.metrics import auc as area
    from sklearn.metrics import roc_curve

    kept = weight > 0
    accepted, found, _ = roc_curve(
        same[kept], scores[kept], sample_weight=weight[kept], drop_intermediate=False
    )
    # False matches rise and false non-matches fall along the curve; they meet where the difference is 0.
    gap = accepted - (1 - found)
    return float(area(accepted, found)), float(np.interp(0.0, gap, accepted))
