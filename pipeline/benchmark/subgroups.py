"""How the AUC differs between groups of people or of videos.

Groups come from what a dataset says of its identities (AVAPrintDB's soft biometrics, the source corpus)
or of its videos (any further column of a CSV dataset). A video belongs to the group of the target it
shows, or to that of its own row; both videos of a pair carry the value. The gap is the AUC of a group
minus that of the videos with any other value, and its interval draws identities once for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from model.intervals import joint_interval
from model.target_auc import Scorer, parts
from pipeline.benchmark.protocols import Row, number
from pipeline.datasets.label import Dataset, DatasetProblem

MOST_GROUPS: Final = 12
THIRDS: Final = 3


@dataclass(frozen=True)
class Grouping:
    """An attribute and the group of each video: path -> value; videos of unknown value are absent."""

    attribute: str
    group_of: dict[str, str]


def groupings(dataset: Dataset) -> tuple[list[Grouping], list[DatasetProblem]]:
    """Every attribute that parts the dataset's videos, and those that do not, with the reason.

    Numbers of more than ``MOST_GROUPS`` values (an age) are cut into thirds of equally many identities;
    words of more values (a file's id) make no groups.
    """
    labels = dataset.labels
    found: list[tuple[str, pl.DataFrame]] = []
    if labels["source"].drop_nulls().n_unique() > 1:
        found.append(("source", labels.select("path", "target", value="source")))
    subjects = dataset.subjects.rename({"identity": "target"})
    for name in subjects.columns[1:]:
        stated = subjects.select("target", pl.col(name).alias("value"))
        joined = labels.select("path", "target").join(stated, on="target", how="inner", maintain_order="left")
        found.append((name, joined))
    for name in dataset.attributes.columns[1:]:
        stated = dataset.attributes.select("path", pl.col(name).alias("value"))
        joined = labels.select("path", "target").join(stated, on="path", how="inner", maintain_order="left")
        found.append((name, joined))
    groups: list[Grouping] = []
    problems: list[DatasetProblem] = []
    for name, table in found:
        known = table.drop_nulls("value")
        count = known["value"].n_unique()
        if count > MOST_GROUPS:
            thirds = _thirds(known)
            if thirds is None:
                sentence = f"column {name} has {count} different values; no groups are made of it."
                problems.append(DatasetProblem(dataset.root.name, None, sentence))
                continue
            known, count = thirds, thirds["value"].n_unique()
        if count > 1:
            groups.append(Grouping(name, dict(known.select("path", "value").iter_rows())))
    return groups, problems


def _thirds(table: pl.DataFrame) -> pl.DataFrame | None:
    """Numbers as thirds ``low to high`` with equally many targets each; None when they are not numbers."""
    values = table["value"].cast(pl.Float64, strict=False)
    if values.null_count():
        return None
    numbers = table.with_columns(values)
    per_target = np.sort(numbers.group_by("target").agg(pl.col("value").median())["value"].to_numpy())
    edges = [per_target[len(per_target) * n // THIRDS] for n in range(1, THIRDS)]
    third = np.searchsorted(edges, numbers["value"].to_numpy(), side="right")
    cut = numbers.with_columns(third=pl.Series(third))
    ends = cut.group_by("third").agg(low=pl.col("value").min(), high=pl.col("value").max())
    names = {row["third"]: f"{row['low']:g} to {row['high']:g}" for row in ends.iter_rows(named=True)}
    return cut.with_columns(value=pl.col("third").replace_strict(names, return_dtype=pl.String))


def measure_subgroups(
    model_id: str, videos: pl.DataFrame, score: Scorer, groups: list[Grouping]
) -> Iterator[Row]:
    """Rows of ``schemas.SUBGROUPS``: the paper's protocol, generators pooled, without originals.

    videos: labels, in the order ``score`` knows them.
    """
    target = videos["target"].to_numpy().astype(str)
    driver = videos["driver"].to_numpy().astype(str)
    synthetic = ~videos["original"].to_numpy()
    for grouping in groups:
        value = np.array([grouping.group_of.get(path, "") for path in videos["path"].to_list()])
        known = synthetic & (value != "")
        for group in np.unique(value[known]):
            mine, rest = (
                parts(score, target, driver, known & mask) for mask in (value == group, value != group)
            )
            interval, gap = joint_interval([mine]), joint_interval([mine], [rest])
            yield {
                "model_id": model_id,
                "attribute": grouping.attribute,
                "group": str(group),
                "auc": number(mine.mean),
                "low": interval.low,
                "high": interval.high,
                "rest": number(rest.mean),
                "gap": number(mine.mean - rest.mean),
                "gap_low": gap.low,
                "gap_high": gap.high,
                "n_targets": len(mine.targets),
                "n_videos": int((known & (value == group)).sum()),
                "n_positives": mine.n_positives,
                "n_negatives": mine.n_negatives,
            }
