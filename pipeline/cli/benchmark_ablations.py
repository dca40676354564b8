"""`benchmark --ablations`: every system of the paper's Tables III to VIII, trained or reused."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from model.frame_store import FrameStore, VideoLabel
from model.metadata import ModelMetadata
from model.system import CONDITIONS, Backbone, System
from model.training.config import TrainConfig, load_config
from model.training.errors import TrainingError
from model.training.videos import trainable
from pipeline.cli.export import VALIDATED_FOR
from pipeline.cli.frame_source import open_or_decode
from pipeline.cli.progress import console, steps
from pipeline.cli.train import require_torch
from pipeline.datasets.label import Dataset
from pipeline.errors import UserError

LENGTHS: Final = (16, 32, 64, 128)  # Table VII's
RESNETS: Final[tuple[Backbone, ...]] = ("ResNet18-published", "ResNet18-fair")


@dataclass(frozen=True)
class Trained:
    """A system, and the generators it is trained on; None for all of them."""

    system: System
    generators: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """Its folder and file below RUN/ablations."""
        name = str(self.system).replace(":", "-")
        return name if self.generators is None else f"{name}-on-{'-'.join(self.generators)}"


def systems_of_the_tables(generators: Sequence[str], length: int) -> list[Trained]:
    """Every system Tables III to VIII need, those that say most first; ``generators`` of the corpus.

    ``length``: T of every table but VII, the paper's is 64.
    """
    conditions = [Trained(System(condition=condition, clip_length=length)) for condition in CONDITIONS]
    resnets = [
        Trained(System(backbone, condition, length)) for condition in CONDITIONS for backbone in RESNETS
    ]
    lengths = [Trained(System(clip_length=frames)) for frames in LENGTHS if frames != length]
    single = [
        Trained(System(condition=condition, clip_length=length), (generator,))
        for condition in CONDITIONS[:2]  # FEAT_DIFF and PIXEL_DIFF, Tables IV and V
        for generator in (generators if len(generators) > 1 else ())
    ]
    of_differences = 2 * len(RESNETS)  # CONDITIONS begins with the two that look at differences
    return [*conditions, *resnets[:of_differences], *lengths, *single, *resnets[of_differences:]]


def system_of(metadata: ModelMetadata) -> tuple[str, str, int, tuple[str, ...] | None]:
    """What decides which cell a model file fills: backbone, condition, T, generators trained on."""
    generators = metadata.validation.get("training", {}).get("generators")
    trained_on = tuple(generators) if isinstance(generators, list) else None
    return metadata.backbone, metadata.condition, metadata.clip_length, trained_on


def is_there(one: Trained, present: Collection[tuple[str, str, int, tuple[str, ...] | None]]) -> bool:
    """Whether a model file fills the cell already."""
    system = one.system
    return (system.backbone, system.condition, system.clip_length, one.generators) in present


def missing_systems(whole: Dataset, models: Iterable[ModelMetadata], schedule: TrainConfig) -> list[Trained]:
    """The systems of the tables that no model given fills; those trained before are reused later."""
    present = {system_of(one) for one in models}
    trained = whole.labels.filter(~pl.col("original"), pl.col("split") == "train")["generator"]
    wanted = systems_of_the_tables(sorted(trained.unique()), schedule.system.clip_length)
    return [one for one in wanted if not is_there(one, present)]


def frames_of(dataset: Path, store: Path, workers: int | None, address: str | None) -> FrameStore:
    """The decoded corpus to train on; training is for this machine, and a process can be in one Ray only."""
    if address is not None:
        raise UserError(
            "--ablations trains on this machine alone: run it without --address until every system is "
            "trained, then again with it."
        )
    return open_or_decode(dataset, store, (), with_originals=False, workers=workers)


def untrainable(
    wanted: Sequence[Trained], schedule: TrainConfig, labels: Sequence[VideoLabel]
) -> dict[Trained, str]:
    """Of the systems those that these labels alone forbid to train, each with the sentence that says why."""
    why: dict[tuple[str, ...] | None, str] = {}
    for generators in dict.fromkeys(one.generators for one in wanted):
        try:
            trainable(labels, replace(schedule, generators=generators))
        except TrainingError as error:
            why[generators] = str(error)
    return {one: why[one.generators] for one in wanted if one.generators in why}


def train_missing(
    missing: Sequence[Trained],
    folder: Path,
    schedule: TrainConfig,
    frames: Callable[[], FrameStore],
    deadline: float,
) -> tuple[list[Path], list[str]]:
    """Train and export what is missing, until ``deadline`` (of time.monotonic).

    Each system has a folder below ``folder``; a killed training goes on where it stood, an exported system is
    reused. Returns the model files, and one sentence for each system that has none. ``frames`` is asked for
    the decoded corpus when the first training begins. Raises UserError when a folder holds another schedule.
    """
    files: list[Path] = []
    without: list[str] = []
    store: FrameStore | None = None
    for number, one in enumerate(missing, start=1):
        config = replace(schedule, system=one.system, generators=one.generators)
        out = folder / f"{one.name}.onnx"
        _require_same(folder / one.name, config)
        if not out.is_file():
            if time.monotonic() >= deadline:
                without.append(f"{one.name}: its time has not come.")
                continue
            require_torch("benchmark --ablations")
            store = store or frames()
            title = f"System {number} of {len(missing)}, {one.name}"
            why_not = _train_and_export(config, store, folder / one.name, out, title, deadline)
            if why_not:
                without.append(f"{one.name}: {why_not}")
                continue
        files.append(out)
    return files, without


def _require_same(run: Path, config: TrainConfig) -> None:
    if not (run / "config.json").is_file():
        return
    try:
        same = load_config(run / "config.json") == config
    except ValueError as error:
        raise UserError(str(error)) from None
    if not same:
        raise UserError(
            f"{run} was trained by another schedule: give the --preset it was begun with, or another RUN."
        )


def _train_and_export(
    config: TrainConfig, store: FrameStore, run: Path, out: Path, title: str, deadline: float
) -> str | None:
    """None when the model file is written, else why it is not."""
    from model.training.export_run import export_run
    from model.training.loop import Progress, train
    from model.training.memory import give_back_freed_memory

    give_back_freed_memory()  # what the last system's training kept: this one may need all there is
    with steps(title) as stage:
        stage.expect(config.total_steps)

        def show(now: Progress) -> None:
            stage.step(now.step - stage.done)
            if time.monotonic() >= deadline and now.step < config.total_steps:
                raise _TimeIsUpError

        try:
            state = train(config, store, run, show)
            if state.best_auc == float("-inf"):
                return "no validation could be measured."
            out.parent.mkdir(parents=True, exist_ok=True)
            export_run(run, out, validated_for=VALIDATED_FOR)
        except _TimeIsUpError:
            return "its training is begun; the same command goes on with it."
        except (TrainingError, ValueError) as error:
            console.print(f"  {run.name}: {error}", markup=False)
            return str(error)
    console.print(f"  {out.name}: validation AUC {state.best_auc:.3f}", markup=False)
    return None


class _TimeIsUpError(Exception):
    """The hours allowed are over; the last whole epoch is kept."""
