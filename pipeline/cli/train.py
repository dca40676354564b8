"""`driverprint train`: any system of the paper on any labelled corpus."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from model.frame_store import FrameStore
from model.system import BACKBONES, CONDITIONS, System, parse_system
from model.training.config import PRESETS, TrainConfig
from model.training.videos import trainable
from pipeline.cli.frame_source import DECODERS, RUN, STORE, frames_folder, open_or_decode
from pipeline.cli.progress import console, steps
from pipeline.errors import UserError

EXAMPLES: Final = """
Examples:

  driverprint train corpus/ -o runs/feat-diff --preset small
      F5C FEAT_DIFF; decodes the corpus once into runs/feat-diff.frames, and
      trains.

  driverprint train NVFAIR-v2-release/ -o runs/paper
      The paper's schedule to the letter: 150 epochs of 200 steps, T = 64.

  driverprint train runs/paper.frames -o runs/ablation \\
      --system F5C:STATIC:64 --system F5C:RAW_FEAT:64
      Several systems from frames already decoded, each into a folder below
      runs/ablation.

  driverprint train corpus/ -o runs/head --start runs/backbone --head-only \\
      --augment --linked-faces
      After `driverprint pretrain corpus/ -o runs/backbone`: a head on a
      backbone that sees motion already.

  torchrun --nproc-per-node 4 -m pipeline train runs/paper.frames \\
      -o runs/paper
      On four GPUs.

The same command again continues a killed run on the same curve.
"""


def train_command(
    dataset: Annotated[Path, typer.Argument(help="Corpus (NVFAIR, AVAPrintDB, CSV), or decoded frames.")],
    out: Annotated[Path, RUN],
    system: Annotated[
        list[str] | None, typer.Option(help="backbone:condition:T, repeatable; default is the preset's.")
    ] = None,
    generators: Annotated[
        str | None, typer.Option(help="Train and validate on these generators only, by comma.")
    ] = None,
    preset: Annotated[str, typer.Option(help=f"Schedule: {', '.join(PRESETS)}.")] = "paper",
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs.")] = None,
    step_count: Annotated[int | None, typer.Option("--steps", min=1, help="Steps an epoch.")] = None,
    batch: Annotated[str | None, typer.Option(help="Drivers × videos of each, as 16x8.")] = None,
    clip_length: Annotated[int | None, typer.Option(min=2, help="T, in frames.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0.0, help="Peak learning rate.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Same seed, same curve.")] = None,
    with_originals: Annotated[
        bool, typer.Option("--with-originals", help="Real recordings count as self-reenactments.")
    ] = False,
    start: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Begin with the weights of another run.")
    ] = None,
    head_only: Annotated[
        bool, typer.Option("--head-only", help="Leave the backbone as --start has it; three times as fast.")
    ] = False,
    augment: Annotated[
        bool, typer.Option("--augment", help="Vary framing and tone; mirrored drivers are further drivers.")
    ] = False,
    linked_faces: Annotated[
        bool, typer.Option("--linked-faces", help="Batches where a face speaks for the wrong driver.")
    ] = False,
    store: Annotated[Path | None, STORE] = None,
    workers: Annotated[int | None, DECODERS] = None,
) -> None:
    """Train a network on a labelled corpus of avatar videos."""
    require_torch("train")
    names = tuple(name.strip() for name in (generators or "").split(",") if name.strip())
    config = configured(preset, epochs, step_count, batch, clip_length, learning_rate, seed)
    config = replace(config, generators=names or None, with_originals=with_originals, augment=augment)
    checkpoint = None if start is None else start / "best.safetensors"
    config = replace(
        config, frozen_backbone=head_only, linked_faces=linked_faces, start=sha256_of(checkpoint)
    )
    systems = [_system(text, clip_length) for text in system or []] or [config.system]
    place = frames_folder(store, out)
    source = open_or_decode(
        dataset, place, names, with_originals=with_originals, workers=workers,
        check=partial(trainable, config=config),
    )  # fmt: skip
    for one in systems:
        folder = out if len(systems) == 1 else out / str(one).replace(":", "-")
        _train(replace(config, system=one), source, folder, checkpoint)


def _train(config: TrainConfig, source: FrameStore, folder: Path, start: Path | None) -> None:
    from model.training.errors import TrainingError
    from model.training.loop import Progress, train

    said: float | None = None
    last: Progress | None = None
    with steps(f"Training {config.system}") as stage:
        stage.expect(config.total_steps)

        def show(now: Progress) -> None:
            nonlocal said, last
            stage.step(now.step - stage.done)
            last = now
            if now.validation_auc is not None and now.validation_auc != said:
                said = now.validation_auc
                console.print(f"step {now.step}: loss {now.loss:.3f}, validation AUC {said:.3f}")

        try:
            state = train(config, source, folder, show, start)
        except TrainingError as error:
            raise UserError(str(error)) from None
        except ValueError as error:
            if str(folder) not in str(error):
                raise
            raise UserError(str(error)) from None
    if last:
        console.print(
            f"{last.clips_per_second:,.1f} clips/s; "
            f"{100 * last.waiting_share:.1f} % of the time spent waiting for data."
        )
    console.print(
        f"{folder}: best validation AUC {state.best_auc:.3f} "
        f"after {state.seconds / 60:,.1f} min of training; next: driverprint export {folder} -o model.onnx",
        markup=False,
    )


def sha256_of(checkpoint: Path | None) -> str | None:
    """SHA-256 of the checkpoint a run starts from. Raises UserError when there is none."""
    if checkpoint is None:
        return None
    try:
        with checkpoint.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise UserError(f"--start: there is no {checkpoint}: name the folder of a finished run.") from None


def configured(
    preset: str,
    epochs: int | None,
    step_count: int | None,
    batch: str | None,
    clip_length: int | None,
    learning_rate: float | None,
    seed: int | None,
) -> TrainConfig:
    if preset not in PRESETS:
        raise UserError(f"There is no preset {preset!r}: choose {' or '.join(PRESETS)}.")
    config = PRESETS[preset]
    if batch is not None:
        drivers, cross, videos = batch.lower().replace("×", "x").partition("x")
        if not (
            cross and drivers.isdecimal() and videos.isdecimal() and int(drivers) > 1 and int(videos) > 1
        ):
            raise UserError(f"--batch {batch!r} is not drivers × videos: give two numbers above 1, as 16x8.")
        config = replace(config, drivers_per_batch=int(drivers), videos_per_driver=int(videos))
    if clip_length is not None:
        config = replace(config, system=replace(config.system, clip_length=clip_length))
    given = {"epochs": epochs, "steps_per_epoch": step_count, "learning_rate": learning_rate, "seed": seed}
    return replace(config, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def _system(text: str, clip_length: int | None) -> System:
    """``backbone:condition:T``; --clip-length, where given, is T."""
    if clip_length:
        text = ":".join((*text.split(":")[:2], str(clip_length)))
    try:
        return parse_system(text)
    except ValueError:
        raise UserError(
            f"--system {text!r} is not backbone:condition:T: choose of {', '.join(BACKBONES)}, "
            f"of {', '.join(CONDITIONS)}, and T, as F5C:FEAT_DIFF:64."
        ) from None


def require_torch(command: str) -> None:
    """Raises UserError that says what to install when torch is absent."""
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        raise UserError(
            f"'driverprint {command}' needs torch, which is not installed: pip install 'driverprint[train]'."
        ) from None
