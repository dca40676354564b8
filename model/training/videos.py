"""Which videos a run trains and validates on, and why it cannot: from labels alone, before any is decoded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from model.frame_store import VideoLabel
from model.protocol import ORIGINAL, evaluate
from model.training.config import TrainConfig
from model.training.errors import TrainingError


def chosen_videos(labels: Sequence[VideoLabel], config: TrainConfig, split: str) -> list[int]:
    """Videos of a split, of the generators the run names; originals only where it asks for them."""
    return [
        number
        for number, label in enumerate(labels)
        if label.split == split
        and (
            config.with_originals
            if label.generator == ORIGINAL
            else config.generators is None or label.generator in config.generators
        )
    ]


def videos_by_driver(labels: Sequence[VideoLabel], config: TrainConfig) -> list[list[int]]:
    """Training videos, self- and cross-reenactments alike, grouped by driver in name order.

    Raises TrainingError when there are fewer than two drivers, or a driver has a single video.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for number in chosen_videos(labels, config, "train"):
        groups[labels[number].driver].append(number)
    if len(groups) < 2:
        raise TrainingError(
            f"training needs at least 2 drivers, the training split has {len(groups)}; "
            "check the dataset's split and the generators asked for."
        )
    for driver, videos in groups.items():
        if len(videos) < 2:
            raise TrainingError(
                f"driver {driver!r} has a single training video ({labels[videos[0]].path}), "
                "at least 2 are needed; add another or leave the driver out of the training split."
            )
    return [groups[driver] for driver in sorted(groups)]


def trainable(labels: Sequence[VideoLabel], config: TrainConfig) -> tuple[list[list[int]], list[int]]:
    """Training videos by driver, and validation videos, from labels alone: before anything is decoded.

    Raises TrainingError where they cannot be trained or validated on.
    """
    return videos_by_driver(labels, config), _measurable(labels, config)


def readable(labels: Sequence[VideoLabel], config: TrainConfig) -> tuple[list[int], list[int]]:
    """Training and validation videos of a pretraining. Raises TrainingError where a split has none."""
    train, validation = (chosen_videos(labels, config, split) for split in ("train", "validation"))
    for split, videos in (("train", train), ("validation", validation)):
        if not videos:
            raise TrainingError(
                f"training and validation videos are needed, the {split} split has none; check the split."
            )
    return train, validation


def learnable(labels: Sequence[VideoLabel], config: TrainConfig) -> tuple[list[int], list[int]]:
    """Training and validation videos of a run whose drivers are performed; raises as the other two."""
    train, _ = readable(labels, config)
    return train, _measurable(labels, config)


def _measurable(labels: Sequence[VideoLabel], config: TrainConfig) -> list[int]:
    """Validation videos. Raises TrainingError where the protocol can measure none of their targets."""
    videos = chosen_videos(labels, config, "validation")
    columns = ([getattr(labels[n], name) for n in videos] for name in ("target", "driver", "generator"))
    blank = np.zeros((len(videos), 1), np.float32)
    if not evaluate(blank, *columns, with_originals=config.with_originals).pooled.targets:
        raise TrainingError(
            "the validation split has no target with 2 self-reenactments and a cross-reenactment, "
            "so no checkpoint could be chosen; check the split and the generators."
        )
    return videos
