"""What defines a training run. Needs no torch, so that the command line can show it anywhere."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from model.system import System, parse_system


@dataclass(frozen=True)
class TrainConfig:
    """The paper's schedule (Table I) unless told otherwise.

    ``generators`` names those to train and validate on, None for all; ``with_originals`` counts real
    recordings as self-reenactments, as the reference does. ``augment`` varies the pictures and counts
    mirrored drivers as further drivers; ``frozen_backbone`` trains the head alone; ``linked_faces`` draws
    batches in which a face recurs under other drivers and not under its own; ``start`` is the SHA-256 of the
    checkpoint the weights were taken from. None of the four is the paper's.
    """

    system: System = field(default_factory=System)
    drivers_per_batch: int = 16
    videos_per_driver: int = 8
    epochs: int = 150
    steps_per_epoch: int = 200
    warmup_epochs: int = 5
    validate_every: int = 5  # epochs
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    temperature: float = 0.07
    seed: int = 42
    generators: tuple[str, ...] | None = None
    with_originals: bool = False
    augment: bool = False
    frozen_backbone: bool = False
    linked_faces: bool = False
    start: str | None = None

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.epochs * self.steps_per_epoch


PRESETS: Final[dict[str, TrainConfig]] = {
    "paper": TrainConfig(),
    # What two CPU cores manage in well under an hour.
    "small": TrainConfig(
        system=System(clip_length=32),
        drivers_per_batch=8,
        videos_per_driver=4,
        epochs=20,
        steps_per_epoch=50,
        warmup_epochs=1,
        validate_every=2,
    ),
    # Ten minutes a ResNet18 on two CPU cores: enough to compare how systems begin to learn, not to learn.
    "brief": TrainConfig(
        system=System(clip_length=32),
        drivers_per_batch=8,
        videos_per_driver=4,
        epochs=5,
        steps_per_epoch=8,
        warmup_epochs=1,
    ),
}


def save_config(config: TrainConfig, path: Path) -> None:
    """Write a configuration as JSON; the file appears whole or not at all."""
    values: dict[str, Any] = dataclasses.asdict(config) | {"system": str(config.system)}
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(values, indent=2), encoding="utf-8")
    partial.replace(path)


def load_config(path: Path) -> TrainConfig:
    """Read a configuration. Raises ValueError that names the file when it is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values["system"] = parse_system(values["system"])
        if values["generators"] is not None:
            values["generators"] = tuple(values["generators"])
        return TrainConfig(**values)
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(
            f"{path}: is not a training configuration; name the folder of a training run."
        ) from None
