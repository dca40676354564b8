"""`driverprint pretrain`: a backbone that sees motion, from a corpus whose motion is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from model.frame_store import FrameStore, VideoLabel
from model.training.config import TrainConfig
from model.training.videos import readable
from pipeline.cli.frame_source import DECODERS, RUN, STORE, frames_folder, open_or_decode
from pipeline.cli.progress import console, steps
from pipeline.cli.train import require_torch, sha256_of
from pipeline.errors import UserError

if TYPE_CHECKING:
    from model.training.pretrain import MotionTruth

SCHEDULE: Final = TrainConfig(
    epochs=24,
    steps_per_epoch=100,
    warmup_epochs=1,
    drivers_per_batch=32,
    videos_per_driver=1,
    learning_rate=2e-3,
    weight_decay=1e-2,
    augment=True,
)

EXAMPLES: Final = """
Examples:

  driverprint pretrain corpus/ -o runs/backbone
      The motion behind a simulated corpus is known: F5C learns to read it
      from frames of one video.

  driverprint train corpus/ -o runs/head --start runs/backbone --head-only \\
      --augment --preset small
      Then the temporal head learns who moves like that.

  driverprint pretrain corpus/ -o runs/longer --start runs/backbone \\
      --epochs 40 --learning-rate 1.5e-3
      Goes on from there under a schedule of its own.

The same command again continues a killed run.
"""


def pretrain_command(
    corpus: Annotated[Path, typer.Argument(help="Corpus made by `driverprint simulate`.")],
    out: Annotated[Path, RUN],
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of 100 steps of 32 videos.")] = SCHEDULE.epochs,
    learning_rate: Annotated[
        float, typer.Option(min=0.0, help="Peak learning rate.")
    ] = SCHEDULE.learning_rate,
    start: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Begin where another pretraining ended.")
    ] = None,
    store: Annotated[Path | None, STORE] = None,
    workers: Annotated[int | None, DECODERS] = None,
) -> None:
    """Teach the backbone to read simulated motion before it is trained to tell drivers apart."""
    require_torch("pretrain")
    from model.training.errors import TrainingError
    from model.training.pretrain import pretrain

    checkpoint = None if start is None else start / "last.safetensors"
    config = replace(SCHEDULE, epochs=epochs, learning_rate=learning_rate, start=sha256_of(checkpoint))
    source, truth = open_with_motion(corpus, out, store, workers, partial(readable, config=config))
    said: float | None = None
    with steps("Pretraining") as stage:
        stage.expect(epochs * SCHEDULE.steps_per_epoch)

        def show(step: int, loss: float, explained: float | None) -> None:
            nonlocal said
            stage.step(step - stage.done)
            if explained is not None and explained != said:
                said = explained
                console.print(f"step {step}: loss {loss:.3f}, {said:.3f} of held-out motion explained (R²)")

        try:
            pretrain(config, source, truth, out, show, checkpoint)
        except TrainingError as error:
            raise UserError(str(error)) from None
    console.print(f"{out}: next: driverprint train {corpus} -o RUN --start {out} --head-only", markup=False)


def open_with_motion(
    corpus: Path,
    out: Path,
    store: Path | None,
    workers: int | None,
    check: Callable[[Sequence[VideoLabel]], object],
) -> tuple[FrameStore, MotionTruth]:
    """The frames of a simulated corpus, kept in ``store`` or beside ``out``, and the motion behind them.

    Nothing is decoded of a corpus whose motion is not known, or with whose labels ``check`` finds fault.
    """
    from model.training.pretrain import MotionTruth
    from pipeline.simulate.truth import corpus_tracks, mirror, recorded_plans

    def sound(labels: Sequence[VideoLabel]) -> None:
        check(labels)
        recorded_plans(corpus, [label.path for label in labels])

    source = open_or_decode(
        corpus, frames_folder(store, out), (), with_originals=False, workers=workers, check=sound
    )
    console.print("Performing the motion of every video again …")
    return source, MotionTruth(corpus_tracks(corpus, [label.path for label in source.labels]), *mirror())
