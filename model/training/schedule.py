"""The learning rate, step by step."""

from __future__ import annotations

import math
from typing import Final

from model.training.config import TrainConfig

FLOOR: Final = 0.01  # of the learning rate, reached at the last step


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then a cosine down to 1 %; step counts from 0."""
    warmup = config.warmup_epochs * config.steps_per_epoch
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, config.total_steps - 1 - warmup)
    return config.learning_rate * (FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * progress)) / 2)
