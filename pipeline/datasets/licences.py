"""NVFAIR's per-file licences: ``per_file_information_NVFAIR_v2.xlsx``, one row a file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from pipeline.datasets.label import DatasetProblem

FILE_NAME: Final = "file name"
LICENCE: Final = "applicable license"


def with_licences(root: Path, labels: pl.DataFrame) -> tuple[pl.DataFrame, list[DatasetProblem]]:
    """Fill the ``licence`` column from the workbook beside the videos, where there is one."""
    workbook = next(
        (
            path
            for folder in (root, root / "metadata")
            for path in sorted(folder.glob("per_file_information*.xlsx"))
        ),
        None,
    )
    if workbook is None:
        return labels, []
    try:
        table = pl.read_excel(workbook, engine="calamine", infer_schema_length=0)
    except Exception as error:  # the reader's own exception classes; any means the same
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return labels, [
            DatasetProblem(workbook.name, None, f"cannot be read ({reason}); no licence is known.")
        ]
    missing = [name for name in (FILE_NAME, LICENCE) if name not in table.columns]
    if missing:
        return labels, [
            DatasetProblem(workbook.name, 1, f"has no column {missing[0]!r}; no licence is known.")
        ]
    stated = table.select(_key(FILE_NAME).alias("key"), pl.col(LICENCE).str.strip_chars().alias("stated"))
    stated = stated.with_row_index("line", offset=2).filter(pl.col("key").is_not_null())
    conflicts = stated.group_by("key").agg(pl.col("stated").n_unique().alias("n"), pl.col("line").max())
    conflicts = conflicts.filter(pl.col("n") > 1).sort("line")
    problems = [
        DatasetProblem(workbook.name, line, f"{key} has more than one licence; taken as unknown.")
        for key, line in conflicts.select("key", "line").iter_rows()
    ]
    stated = stated.filter(~pl.col("key").is_in(conflicts["key"].implode())).unique("key")
    keyed = labels.drop("licence").with_columns(_key("path").alias("key"))
    joined = keyed.join(stated.select("key", licence="stated"), on="key", how="left", maintain_order="left")
    unknown = joined["licence"].null_count()
    if unknown:
        problems.append(DatasetProblem(workbook.name, None, f"names no licence for {unknown} videos."))
    absent = stated.join(keyed, on="key", how="anti").sort("line")
    if len(absent):
        first = absent.row(0, named=True)
        problems.append(
            DatasetProblem(
                workbook.name,
                first["line"],
                f"{first['key']} is listed but not in the folder ({len(absent)} such files).",
            )
        )
    return joined.select(labels.columns), problems


def _key(column: str) -> pl.Expr:
    """The last four parts of a path: source, generator, target, file."""
    parts = pl.col(column).str.strip_chars().str.replace_all("\\", "/", literal=True).str.split("/")
    return parts.list.tail(4).list.join("/")
