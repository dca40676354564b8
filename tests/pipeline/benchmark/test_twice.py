"""Videos that give the very same embedding are remarked, with every reason there may be."""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.benchmark.twice import same_embeddings


def embedded(*vectors: list[float]) -> pl.DataFrame:
    """A video a vector: a, b, c …; each with one centre clip and another window that all of them share."""
    paths = [chr(ord("a") + number) for number in range(len(vectors))]
    every = np.array([*vectors, *([9.0, 9.0] for _ in vectors)], np.float32)
    centre = [True] * len(vectors) + [False] * len(vectors)
    columns = {"path": [*paths, *paths], "centre": centre, "embedding": every}
    return pl.DataFrame(columns, schema_overrides={"embedding": pl.Array(pl.Float32, 2)})


def test_videos_of_different_embeddings_carry_no_remark() -> None:
    assert same_embeddings(embedded([0, 1], [1, 0])) == []
    assert same_embeddings(embedded([0, 1]).clear()) == []


def test_model_that_gives_everything_the_same_is_among_the_reasons() -> None:
    """A model that training has brought to nothing: its videos are neither one nor still."""
    (problem,) = same_embeddings(embedded([1, 0], [0, 1], [1, 0], [0, 1], [1, 1]))
    assert str(problem).startswith("a: and c give the very same embedding, as do 4 videos in all")
    assert "or the model cannot tell them apart" in str(problem)
    assert problem.excluded == 0
