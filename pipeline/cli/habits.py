"""`driverprint habits`: a head that knows a thousand drivers, on a backbone that sees motion."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from numpy.typing import NDArray

from model.system import System
from model.training.config import TrainConfig
from model.training.videos import learnable
from pipeline.cli.frame_source import DECODERS, RUN, STORE
from pipeline.cli.pretrain import open_with_motion
from pipeline.cli.progress import console, steps
from pipeline.cli.train import require_torch, sha256_of
from pipeline.errors import UserError

TAKES: Final = 8  # performances of each driver
FRAMES: Final = 80
SCHEDULE: Final = TrainConfig(
    system=System("F5C-reading", "FEAT_DIFF", 64),
    epochs=15,
    steps_per_epoch=100,
    warmup_epochs=1,
    validate_every=1,
    drivers_per_batch=64,
    videos_per_driver=4,
    weight_decay=1e-2,
    augment=True,
    frozen_backbone=True,
)

EXAMPLES: Final = """
Examples:

  driverprint habits corpus/ -o runs/habits --start runs/backbone
      After `driverprint pretrain corpus/ -o runs/backbone`: performs 1,200
      drivers (kept beside the run), gives their motion the errors the
      backbone makes in reading, and learns who moves like that.

The same command again continues a killed run.
"""


def habits_command(
    corpus: Annotated[Path, typer.Argument(help="The simulated corpus pretrained on.")],
    out: Annotated[Path, RUN],
    start: Annotated[Path, typer.Option(metavar="RUN", help="Run of `driverprint pretrain`.")],
    drivers: Annotated[int, typer.Option(min=2, help="Drivers to perform.")] = 1200,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of 100 steps.")] = SCHEDULE.epochs,
    store: Annotated[Path | None, STORE] = None,
    workers: Annotated[int | None, DECODERS] = None,
) -> None:
    """Teach a motion head from drivers that are performed but never rendered."""
    require_torch("habits")
    from model.training.errors import TrainingError
    from model.training.habits import learn_habits

    checkpoint = start / "last.safetensors"
    config = replace(SCHEDULE, epochs=epochs, start=sha256_of(checkpoint))
    source, truth = open_with_motion(corpus, out, store, workers, partial(learnable, config=config))
    performed = _performances(out.absolute().with_name(f"{out.name}.performed-{drivers}.npy"), drivers)
    said: float | None = None
    with steps("Learning habits") as stage:
        stage.expect(config.total_steps)

        def show(step: int, loss: float, auc: float | None) -> None:
            nonlocal said
            stage.step(step - stage.done)
            if auc is not None and auc != said:
                said = auc
                console.print(f"step {step}: loss {loss:.3f}, validation AUC {said:.3f}")

        try:
            state = learn_habits(config, source, truth, performed, checkpoint, out, show)
        except TrainingError as error:
            raise UserError(str(error)) from None
    console.print(
        f"{out}: best validation AUC {state.best_auc:.3f}; next: driverprint export {out} -o model.onnx",
        markup=False,
    )


def _performances(path: Path, drivers: int) -> NDArray[np.float32]:
    """Performed once and kept, whole or not at all; a file of other performances is made anew."""
    from pipeline.simulate.truth import CHANNELS, perform_drivers

    wanted = (drivers, TAKES, FRAMES, len(CHANNELS))
    if path.exists():
        kept: NDArray[np.float32] = np.load(path)
        if kept.shape == wanted:
            return kept
    with steps("Performing drivers") as stage:
        stage.expect(drivers)
        performed = perform_drivers(drivers, TAKES, FRAMES, told=stage.step)
    partial = path.with_suffix(".partial.npy")
    np.save(partial, performed)
    partial.replace(path)
    return performed
