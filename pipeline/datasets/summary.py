"""What a dataset holds, counted."""

from __future__ import annotations

import polars as pl

from pipeline.datasets.label import SPLITS, Dataset

NO_SPLIT = "none"


def count_videos(dataset: Dataset) -> pl.DataFrame:
    """Videos per split and generator: ``split, generator, self, cross, targets, drivers``.

    An original counts as self.
    """
    own = pl.col("target") == pl.col("driver")
    order = {name: place for place, name in enumerate((*SPLITS, NO_SPLIT))}
    return (
        dataset.labels.with_columns(pl.col("split").fill_null(NO_SPLIT))
        .group_by("split", "generator")
        .agg(
            own.sum().alias("self"),
            (~own).sum().alias("cross"),
            pl.col("target").n_unique().alias("targets"),
            pl.col("driver").n_unique().alias("drivers"),
        )
        .sort(pl.col("split").replace_strict(order, default=len(order)), "generator")
    )


def facts(dataset: Dataset) -> dict[str, int]:
    """Counts of the whole: videos, identities, cross-source reenactments, unknown licence, excluded."""
    labels = dataset.labels
    return {
        "videos": len(labels),
        "identities": pl.concat([labels["target"], labels["driver"]]).n_unique(),
        "in no split": labels["split"].null_count(),
        "cross-source": labels.filter(pl.col("source") != pl.col("driver_source")).height,
        "licence unknown": labels["licence"].null_count(),
        "excluded": dataset.excluded,
    }


def licences(dataset: Dataset) -> pl.DataFrame:
    """Videos of each licence stated: ``licence, videos``."""
    return (
        dataset.labels.drop_nulls("licence").group_by("licence").agg(pl.len().alias("videos")).sort("licence")
    )


def unmeasurable_targets(dataset: Dataset) -> dict[str, str]:
    """Targets the paper's protocol leaves out, generators pooled and originals apart, with the reason."""
    own = pl.col("target") == pl.col("driver")
    counts = (
        dataset.labels.filter(~pl.col("original"))
        .group_by("target")
        .agg(own.sum().alias("own"), (~own).sum().alias("other"))
        .filter((pl.col("own") < 2) | (pl.col("other") == 0))
        .sort("target")
    )
    return {
        target: f"{n} self-reenactments, at least 2 needed" if n < 2 else "no cross-reenactments"
        for target, n in counts.select("target", "own").iter_rows()
    }
