"""`driverprint export`: a training run's best checkpoint as one ONNX model file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from pipeline.cli.progress import console
from pipeline.cli.train import require_torch
from pipeline.errors import UserError

EXAMPLES: Final = """
Examples:

  driverprint export runs/feat-diff -o model.onnx
      The best checkpoint, compared with torch before it is written.

  driverprint export runs/feat-diff -o model.onnx --validated-for "simulation only"
      What reports made with it will say it is validated for.
"""

VALIDATED_FOR: Final = "nothing beyond the validation split of its own corpus"


def export_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that train has written.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="MODEL", help="ONNX file to write.")],
    validated_for: Annotated[
        str, typer.Option(help="What its results may be used for, in words; every report repeats it.")
    ] = VALIDATED_FOR,
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
        metadata = export_run(run, out, validated_for=validated_for)
    except ValueError as error:  # TrainingError, ParityError, a damaged configuration: each a sentence
        raise UserError(str(error)) from None
    figures = metadata.validation["validation"]
    auc = "unknown" if figures.get("auc") is None else f"{figures['auc']:.3f}"
    console.print(
        f"{out}: {metadata.model_name}, validation AUC {auc}, "
        f"largest difference to torch {metadata.parity_max_difference:.1e}; "
        f"validated for: {metadata.validated_for}.",
        markup=False,
    )
    if metadata.calibration is None:
        console.print(
            "No calibration could be fitted on the validation pairs: reports show no likelihood ratio."
        )
