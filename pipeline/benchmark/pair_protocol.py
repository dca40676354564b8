"""Fixed lists of pairs, as AVAPrintDB's benchmark uses them: global AUC and EER with intervals.

The score of a pair is the mean cosine similarity over all pairs of their windows, which for unit
embeddings is the inner product of the two videos' mean embeddings.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.metrics import auc as area
from sklearn.metrics import roc_curve

from pipeline.benchmark.intervals import bootstrap_draws
from pipeline.benchmark.protocols import number

DRAWS: Final = 400


def measure_pairs(pairs: pl.DataFrame, embeddings: pl.DataFrame, drivers: pl.DataFrame) -> dict[str, Any]:
    """Figures of one pair file and one model, without ``model_id`` and ``pair_file``.

    pairs: ``left, right, same_driver``; embeddings: ``path, window, embedding``; drivers: ``path, driver``.
    Pairs with a video that has no embedding are counted in ``n_left_out``. The 95 % interval resamples
    drivers, not pairs: a pair weighs the product of its two drivers' draws.
    """
    vectors = _means(embeddings.filter("window"))
    number_of = {path: place for place, path in enumerate(vectors["path"].to_list())}
    usable = pairs.filter(pl.col("left").is_in(list(number_of)) & pl.col("right").is_in(list(number_of)))
    same = usable["same_driver"].to_numpy()
    figures: dict[str, Any] = {
        "n_same": int(same.sum()),
        "n_different": int((~same).sum()),
        "n_left_out": len(pairs) - len(usable),
    }
    names = ("auc", "auc_low", "auc_high", "eer", "eer_low", "eer_high")
    if not same.any() or same.all():
        return figures | dict.fromkeys(names)
    matrix = np.stack(vectors["embedding"].to_list())
    left, right = ([number_of[path] for path in usable[side]] for side in ("left", "right"))
    scores = np.einsum("ij,ij->i", matrix[left], matrix[right])
    who = dict(drivers.select("path", "driver").iter_rows())
    identities, place = np.unique([who[path] for path in vectors["path"]], return_inverse=True)
    ends = place[left], place[right]
    values = []
    for weights in bootstrap_draws(len(identities), DRAWS):
        weight = np.where(ends[0] == ends[1], weights[ends[0]], weights[ends[0]] * weights[ends[1]])
        if (weight * same).any() and (weight * ~same).any():
            values.append(_auc_and_eer(same, scores, weight))
    whole = _auc_and_eer(same, scores, np.ones(len(scores)))
    low, high = np.quantile(values, (0.025, 0.975), axis=0) if values else (np.full(2, np.nan),) * 2
    ordered = (whole[0], low[0], high[0], whole[1], low[1], high[1])
    return figures | {name: number(float(value)) for name, value in zip(names, ordered, strict=True)}


def _means(embeddings: pl.DataFrame) -> pl.DataFrame:
    """Mean embedding of each video: ``path, embedding``."""
    vectors = embeddings["embedding"].to_numpy().astype(np.float64)
    groups: dict[str, list[int]] = {}
    for place, path in enumerate(embeddings["path"].to_list()):
        groups.setdefault(path, []).append(place)
    means = [vectors[rows].mean(axis=0) for rows in groups.values()]
    return pl.DataFrame({"path": list(groups), "embedding": pl.Series(means, dtype=pl.List(pl.Float64))})


def _auc_and_eer(
    same: NDArray[np.bool_], scores: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, float]:
    kept = weight > 0
    accepted, found, _ = roc_curve(
        same[kept], scores[kept], sample_weight=weight[kept], drop_intermediate=False
    )
    # False matches rise and false non-matches fall along the curve; they meet where the difference is 0.
    gap = accepted - (1 - found)
    return float(area(accepted, found)), float(np.interp(0.0, gap, accepted))
