"""`driverprint ablate --motion`: does a backbone see movement between neighbouring frames at all?"""

from __future__ import annotations

import csv
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import polars as pl
import typer
from numpy.typing import NDArray
from rich.table import Table

from model.crop import centre_start
from pipeline.cli.progress import console, say, steps
from pipeline.cli.train import require_torch
from pipeline.datasets.open_dataset import open_dataset
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeFailure, DecodeRequest
from pipeline.errors import UserError
from pipeline.frames.frozen import frozen_clip

if TYPE_CHECKING:
    from torch import nn

    from model.ablation import MotionRow

EXAMPLES: Final = """
Examples:

  driverprint ablate corpus/ --motion --run runs/feat-diff \\
      --run runs/resnet -o motion.csv
      How far features move from frame to frame, trained backbones, each
      generator.

  driverprint ablate corpus/ --motion --footage interviews/ -o motion.csv
      The same on real footage as well; without --run every backbone as
      initialised.

The measure is the mean of |f(t+1) - f(t)| / |f(t)|. Its floor is a frozen
picture of the same videos, encoded as H.264 and decoded again.
"""

FLOOR: Final = "frozen, re-encoded"
FOOTAGE: Final = "real footage"
UNTRAINED: Final = (
    "F5C",
    "ConvStack",
    "F5C-without-FCC",
    "F5C-without-CCC",
    "ResNet18-fair",
    "ResNet18-published",
)
SEED: Final = 42
SUFFIXES: Final = (".mp4", ".webm", ".mkv", ".mov", ".avi")


def ablate_command(
    dataset: Annotated[Path, typer.Argument(help="Corpus (NVFAIR, AVAPrintDB, CSV).")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="CSV", help="Table to write.")],
    motion: Annotated[
        bool, typer.Option("--motion", help="Measure how far features move between frames.")
    ] = False,
    run: Annotated[list[Path] | None, typer.Option(help="Training run to look at, repeatable.")] = None,
    footage: Annotated[Path | None, typer.Option(help="Folder of real videos to measure as well.")] = None,
    videos: Annotated[int, typer.Option(min=1, help="Videos of each kind.")] = 16,
    clip_length: Annotated[int, typer.Option(min=2, help="Frames of each clip.")] = 32,
) -> None:
    """Examine why differencing works: motion of the features against coding noise."""
    if not motion:
        raise UserError("Nothing to do: give --motion, the examination there is.")
    require_torch("ablate")
    from model.ablation import motion_table

    backbones = _backbones(run or [])
    kinds, skipped = _clips(dataset, footage, videos, clip_length)
    rows = motion_table(backbones, kinds, FLOOR)
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(rows[0])])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    _show(rows)
    for path, reason in skipped:
        say(f"  left out: {path}: {reason}")
    say(f"{out}: {len(rows)} rows")


def _backbones(runs: list[Path]) -> dict[str, nn.Module]:
    """The backbone of each run's best checkpoint; without runs, every backbone as it is initialised."""
    import torch

    from model.registry import build
    from model.system import System
    from model.training.export_run import load_run

    if not runs:
        found = {}
        for name in UNTRAINED:
            torch.manual_seed(SEED)
            found[f"{name} (untrained)"] = build(System(backbone=name)).backbone
        return found
    try:
        loaded = [(path, *load_run(path)) for path in runs]
    except ValueError as error:
        raise UserError(str(error)) from None
    return {f"{config.system} ({path.name})": network.backbone for path, config, network, _ in loaded}


def _clips(
    path: Path, footage: Path | None, wanted: int, length: int
) -> tuple[dict[str, NDArray[np.uint8]], list[tuple[Path, str]]]:
    """Centre clips by kind: each generator, real footage, and frozen pictures of all of them."""
    dataset = open_dataset(path)
    lists = {
        str(generator): [dataset.root / name for name in _spread(group["path"].to_list(), wanted)]
        for (generator,), group in dataset.labels.group_by(pl.col("generator"), maintain_order=True)
    }
    if footage is not None:
        real = sorted(p for p in footage.rglob("*") if p.suffix.lower() in SUFFIXES)
        if not real:
            raise UserError(f"{footage} holds no video: name a folder of real footage.")
        lists[FOOTAGE] = _spread(real, wanted)
    moving: dict[str, list[NDArray[np.uint8]]] = {kind: [] for kind in lists}
    still: list[NDArray[np.uint8]] = []
    skipped: list[tuple[Path, str]] = []
    with GuardedDecoder() as decoder, steps("Decoding") as stage:
        stage.expect(sum(map(len, lists.values())))
        for kind, paths in lists.items():
            for video in paths:
                decoded = decoder.decode(video, DecodeRequest(fps=None, thumbnails=1))
                stage.step()
                why = _unusable(decoded, length)
                if why is not None or isinstance(decoded, DecodeFailure):
                    skipped.append((video, why or ""))
                    continue
                start = centre_start(len(decoded.frames), length)
                moving[kind].append(decoded.frames[start : start + length])
                frozen = frozen_clip(decoded.portraits[0].gray, length, decoder)
                if frozen is not None:
                    still.append(frozen)
    kinds = {kind: np.stack(clips) for kind, clips in sorted(moving.items()) if clips}
    if not kinds or not still:
        raise UserError(
            f"{path}: no video has {length} frames that can be decoded: give a smaller --clip-length."
        )
    return {**kinds, FLOOR: np.stack(still)}, skipped


def _unusable(decoded: Decoded | DecodeFailure, length: int) -> str | None:
    if isinstance(decoded, DecodeFailure):
        return decoded.reason
    return f"has {len(decoded.frames)} frames, fewer than {length}" if len(decoded.frames) < length else None


def _spread(items: list[Any], wanted: int) -> list[Any]:
    """At most ``wanted`` items, evenly over the list."""
    chosen = np.unique(np.linspace(0, len(items) - 1, min(wanted, len(items))).round().astype(int))
    return [items[number] for number in chosen]


def _show(rows: list[MotionRow]) -> None:
    table = Table("backbone", "clips", "n", "relative change", "spread", "above the floor", box=None)
    for row in rows:
        above = "" if row.above_floor is None else f"{row.above_floor:.1f}×"
        table.add_row(
            row.backbone, row.clips, str(row.n_clips), f"{row.mean:.4f}", f"{row.deviation:.4f}", above
        )
    console.print(table)
