"""`driverprint export`: a training run's best checkpoint as one ONNX model file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import typer

from model.validated_for import in_words
from model.validated_under import conditions_of
from pipeline.cli.progress import console, steps
from pipeline.cli.train import require_torch
from pipeline.datasets.open_dataset import open_dataset
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeRequest
from pipeline.errors import UserError

EXAMPLES: Final = """
Examples:

  driverprint export runs/feat-diff -o model.onnx
      The best checkpoint, compared with torch before it is written.

  driverprint export runs/feat-diff -o model.onnx \\
      --validated-for "simulation only" --validated-on corpus/
      What reports made with it will say it is validated for, and under
      which conditions.
"""

VALIDATED_FOR: Final = "nothing beyond the validation split of its own corpus"


def export_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that train has written.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="MODEL", help="ONNX file to write.")],
    validated_for: Annotated[
        str, typer.Option(help="What its results may be used for, in words; every report repeats it.")
    ] = VALIDATED_FOR,
    validated_on: Annotated[
        Path | None,
        typer.Option(
            metavar="DATASET",
            help="The dataset trained on, whose validation videos' conditions are noted.",
        ),
    ] = None,
) -> None:
    """Export a trained network as a model file for analyze and benchmark."""
    require_torch("export")
    from model.training.export_run import export_run

    if not (run / "config.json").is_file():
        inner = sorted(path.parent.name for path in run.glob("*/config.json"))
        hint = (
            f"it holds {', '.join(inner)}: name one of them" if inner else "name a folder train has written"
        )
        raise UserError(f"{run} is not a training run; {hint}.")
    if not (run / "best.safetensors").exists():
        raise UserError(
            f"{run} has not been validated yet: let 'driverprint train' reach its first validation."
        )
    if out.is_dir():
        raise UserError(f"{out} is a folder: name the file to write, as {out / 'model.onnx'}.")
    try:
        measured = None if validated_on is None else {"conditions": _conditions(validated_on)}
        metadata = export_run(run, out, validated_for=validated_for, measured=measured)
    except ValueError as error:  # TrainingError, ParityError, a damaged configuration: each a sentence
        raise UserError(str(error)) from None
    figures = metadata.validation["validation"]
    auc = "unknown" if figures.get("auc") is None else f"{figures['auc']:.3f}"
    console.print(
        f"{out}: {metadata.model_name}, validation AUC {auc}, "
        f"largest difference to torch {metadata.parity_max_difference:.1e}; "
        f"validated for: {in_words(metadata.validated_for)}.",
        markup=False,
    )
    if metadata.calibration is None:
        console.print(
            "No calibration could be fitted on the validation pairs: reports show a likelihood ratio only "
            "where a case's own known videos calibrate one."
        )


def _conditions(corpus: Path) -> dict[str, list[Any]]:
    """The conditions of the validation videos that decode."""
    dataset = open_dataset(corpus)
    videos = dataset.labels.filter(pl.col("split") == "validation", ~pl.col("original"))
    found = []
    with GuardedDecoder() as decoder, steps("Conditions of validation videos") as stage:
        stage.expect(len(videos))
        for path, generator in videos.select("path", "generator").iter_rows():
            decoded = decoder.decode(dataset.root / path, DecodeRequest(fps=None, thumbnails=0))
            if isinstance(decoded, Decoded):
                size = (dataset.root / path).stat().st_size
                found.append({**asdict(decoded.facts), "size": size, "generator": generator})
            stage.step()
    if not found:
        raise UserError(f"{corpus} has no validation video that can be decoded: name the dataset trained on.")
    return conditions_of(found)
