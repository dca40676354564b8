"""One video under two names: nothing in the labels tells, and every pair of the two scores 0, the best."""

from __future__ import annotations

import polars as pl

from pipeline.datasets.label import DatasetProblem


def same_embeddings(embeddings: pl.DataFrame) -> list[DatasetProblem]:
    """A remark where videos have the very embedding of another.

    embeddings: ``path, centre, embedding`` (pl.Array) of one model. Different videos do not agree in every
    bit of it, unless neither moves, to a model of differences, or the model gives everything the same.
    """
    centre = embeddings.filter("centre").sort("path")
    bits = pl.Series([hash(vector.tobytes()) for vector in centre["embedding"].to_numpy()], dtype=pl.Int64)
    shared = centre.select("path", bits=bits).filter(pl.col("bits").is_duplicated())
    if not len(shared):
        return []
    first, other = shared.filter(pl.col("bits") == shared["bits"][0])["path"].head(2)
    sentence = (
        f"and {other} give the very same embedding, as do {len(shared):,} videos in all, in groups of two or "
        "more: they are one video under several names, or do not move, or the model cannot tell them apart; "
        "each counts as a video of its own."
    )
    return [DatasetProblem(first, None, sentence)]
