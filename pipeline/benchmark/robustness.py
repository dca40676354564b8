"""AUC of altered videos against that of the same videos as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from model.intervals import joint_interval
from model.target_auc import Floats, Parts, by_distance, parts
from pipeline.benchmark.alterations import ALTERATIONS
from pipeline.benchmark.protocols import (
    MEAN,
    POOLED,
    Row,
    mean_auc,
    one_a_video,
    subsets,
    vectors_of,
)

BOTH: Final = "both"  # videos of a pair are altered
ONE: Final = "one"  # of them is: clean known videos against altered questioned ones


def measure_robustness(
    model_id: str,
    clean: pl.DataFrame,
    altered: pl.DataFrame,
    facts: pl.DataFrame,
    labels: pl.DataFrame,
) -> Iterator[Row]:
    """Rows of ``schemas.ROBUSTNESS`` of one model.

    clean: ``path, centre, embedding``; altered: ``path, alteration, embedding``; facts: ``path,
    alteration, unchanged``; labels: of the sample. A video is compared only where both embeddings are
    there, so that difference and interval are paired.
    """
    before = one_a_video(clean.filter("centre"), labels).rename({"embedding": "clean"})
    for alteration in ALTERATIONS:
        mine = altered.filter(alteration=alteration.key)
        videos = one_a_video(mine, before) if len(mine) else before.clear()
        unchanged = facts.filter(pl.col("alteration") == alteration.key, "unchanged")
        counts = {
            "n_videos": len(videos),
            "n_unchanged": videos.join(unchanged, on="path", how="semi").height,
            "n_failed": len(labels) - len(videos),
        }
        key = {"model_id": model_id, "alteration": alteration.key, "family": alteration.family}
        if not len(videos):
            yield {**key, "compared": BOTH, "subset": POOLED, **_figures([], []), **counts}
            continue
        now, then = vectors_of(videos), vectors_of(videos, "clean")
        for compared in (BOTH, ONE):
            for subset, changed, base in _taken_apart(videos, now, then, compared):
                figures = _figures(changed, base)
                yield {**key, "compared": compared, "subset": subset, **figures, **counts}


def _taken_apart(
    videos: pl.DataFrame, now: Floats, then: Floats, compared: str
) -> Iterator[tuple[str, list[Parts], list[Parts]]]:
    """Subset, the altered comparison and the clean one: pooled, each generator, the mean of these."""
    target = videos["target"].to_numpy().astype(str)
    driver = videos["driver"].to_numpy().astype(str)

    def found(mask: NDArray[np.bool_]) -> tuple[Parts, Parts]:
        changed = by_distance(now) if compared == BOTH else by_distance(then, now)
        return parts(changed, target, driver, mask), parts(by_distance(then), target, driver, mask)

    (_, masks), *_ = subsets(videos)  # without originals
    every = {subset: found(mask) for subset, mask in masks.items()}
    for subset, (changed, base) in every.items():
        yield subset, [changed], [base]
    single = [pair for subset, pair in every.items() if subset != POOLED]
    yield MEAN, [changed for changed, _ in single], [base for _, base in single]


def _figures(changed: list[Parts], base: list[Parts]) -> dict[str, Any]:
    interval, difference = joint_interval(changed), joint_interval(changed, base)
    auc, clean = mean_auc(changed), mean_auc(base)
    return {
        "auc": auc,
        "low": interval.low,
        "high": interval.high,
        "clean": clean,
        "difference": None if auc is None or clean is None else auc - clean,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "n_targets": max((len(one.targets) for one in changed), default=0),
    }
