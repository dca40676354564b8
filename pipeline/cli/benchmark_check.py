"""`benchmark --check`: what a dataset holds and what would be run, from its labels alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl
from rich.table import Table
from rich.text import Text

from pipeline.benchmark.alterations import ALTERATIONS
from pipeline.benchmark.embedding import Model
from pipeline.benchmark.protocols import why_no_single_source
from pipeline.benchmark.subgroups import groupings
from pipeline.cli.benchmark_ablations import Trained
from pipeline.cli.exit_codes import Exit
from pipeline.cli.progress import console, say
from pipeline.datasets.label import Dataset
from pipeline.datasets.pairs import pair_files
from pipeline.datasets.summary import count_videos, facts, licences, unmeasurable_targets
from pipeline.decode.types import Encoding
from pipeline.embed import EmbeddingSession
from pipeline.names import printable

#: For the estimate alone: a talking-head clip of some 100 small frames, one core, guard included.
ASSUMED_DECODE_SECONDS: Final = 0.06
ASSUMED_REENCODE_SECONDS: Final = 0.6
MOST_SHOWN: Final = 20


def check(
    whole: Dataset,
    chosen: Dataset,
    sample: Dataset | None,
    models: Sequence[Model],
    to_train: Sequence[Trained],
    unfit: Mapping[Trained, str],
    workers: int,
    *,
    multi_clip: bool,
) -> Exit:
    """Print what was found, what is wrong and what would be run. Opens no video."""
    groups, ungrouped = groupings(chosen)
    for problem in (*whole.problems, *ungrouped):
        say(f"  {problem}")
    table = Table("split", "generator", "self", "cross", "targets", "drivers", box=None)
    for row in count_videos(whole).iter_rows():
        table.add_row(*(f"{value:,}" if isinstance(value, int) else Text(printable(value)) for value in row))
    console.print(table)
    found = facts(whole)
    say(f"{whole.root}: {whole.kind}, " + ", ".join(f"{count:,} {name}" for name, count in found.items()))
    for name, count in licences(whole).iter_rows():
        say(f"  licence {name}: {count:,} videos")
    console.print(f"Would be run: {len(chosen):,} videos by {len(models)} model(s), {workers} worker(s).")
    for generator, group in _kinds(chosen):
        say(f"  {generator}: {group['self']:,} self, {group['cross']:,} cross")
    left_out = unmeasurable_targets(chosen)
    if left_out:
        console.print(f"  {len(left_out):,} targets would be left out:")
    for target, reason in list(left_out.items())[:MOST_SHOWN]:
        say(f"    {target}: {reason}")
    why_not = why_no_single_source(chosen.labels)
    if why_not is not None:
        say(f"  no single-source protocol: {why_not}")
    for name in pair_files(chosen):
        say(f"  pairs of {name}" + ("" if multi_clip else ": need --multi-clip"))
    if groups:
        names = ", ".join(group.attribute for group in groups)
        say(f"  subgroups by {names}")
    if sample is not None:
        console.print(f"  {len(ALTERATIONS)} alterations of a sample of {len(sample):,} videos")
    for one in to_train:
        say(
            f"  cannot be trained: {one.name}: {unfit[one]}"
            if one in unfit
            else f"  to be trained first: {one.name}"
        )
    embedding = sum(map(_embedding_seconds, models))
    seconds = len(chosen) * (ASSUMED_DECODE_SECONDS + embedding)
    if sample is not None:
        encoded = sum(isinstance(one.how, Encoding) for one in ALTERATIONS)
        seconds += len(sample) * (encoded * ASSUMED_REENCODE_SECONDS + len(ALTERATIONS) * embedding)
    console.print(
        f"About {_duration(seconds / workers)} for the centre clips, embedding as timed just now, decoding "
        f"taken as {ASSUMED_DECODE_SECONDS:g} s a video and core{', training not counted' * bool(to_train)}."
    )
    return Exit.SOME_FAILED if whole.excluded else Exit.ALL_PROCESSED


def _kinds(dataset: Dataset) -> list[tuple[str, dict[str, int]]]:
    counts = (
        count_videos(dataset).group_by("generator", maintain_order=True).agg(pl.col("self", "cross").sum())
    )
    return [(row["generator"], row) for row in counts.iter_rows(named=True)]


def _embedding_seconds(model: Model) -> float:
    """Seconds one clip takes on one core, measured on noise."""
    session = EmbeddingSession(model.path, "CPUExecutionProvider", threads=1)
    noise = np.random.default_rng(0).integers(0, 256, (1, model.metadata.clip_length, 128, 128), np.uint8)
    session.embed(noise)
    started = time.perf_counter()
    session.embed(noise)
    return time.perf_counter() - started


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
