"""Teach a motion head who moves like that, from drivers that are performed and never rendered.

Pictures are dear and drivers are many: a head that is shown a hundred drivers learns these by heart. A
pretrained backbone reads motion off pictures with errors that a rendered corpus shows; here motion of any
number of simulated drivers is given the same errors, and the head learns from that. Pictures come in again
where the result is validated. The run folder is a training run's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from model.frame_store import FrameSource
from model.layers.conditions import observe
from model.layers.motion_head import MotionHead
from model.layers.standardise import standardise
from model.network import DriverNetwork
from model.registry import build
from model.training.checkpoint import RunState, load_checkpoint, save_checkpoint
from model.training.config import TrainConfig
from model.training.distributed import join_world
from model.training.errors import TrainingError
from model.training.evaluate import embed_videos, measure, require_finite
from model.training.log import ValidationRow, append_rows, draw_curve
from model.training.loop import calibrate, summarise
from model.training.loss import sup_con
from model.training.memory import keep_freed_memory
from model.training.pretrain import MotionReader, MotionTruth, motion_between, spread
from model.training.run_folder import open_run
from model.training.sitting import sit
from model.training.videos import learnable

READ_VIDEOS: Final = 240  # training videos from which the errors of the readings are taken
FINEST: Final = 0.01  # standard deviations of motion; no reading is taken for more exact

Performed = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ReadingErrors:
    """How readings of motion from one frame to the next differ from the truth, channel by channel.

    A reading is ``share`` times the true motion plus an error of standard deviation ``error``; the motion is
    in units of ``scale``, its standard deviation within a video. All float32 ``[channels]``.
    """

    scale: npt.NDArray[np.float32]
    share: npt.NDArray[np.float32]
    error: npt.NDArray[np.float32]


def learn_habits(
    config: TrainConfig,
    source: FrameSource,
    truth: MotionTruth,
    performed: Performed,
    start: Path,
    run_dir: Path,
    progress: Callable[[int, float, float | None], None] | None = None,
) -> RunState:
    """Train the head of ``config.system``, whose backbone and readout ``start`` holds, and return the state.

    performed: float32 ``[drivers, clips, frames, channels]``, at least T frames; ``start``: the last
    checkpoint of a pretraining, the one ``config.start`` is the SHA-256 of. ``progress`` is told step, loss
    and the latest validation AUC. Raises TrainingError like `train`.
    """
    keep_freed_memory()
    world = join_world()
    if world.size > 1:
        raise TrainingError("habits are learnt in one process; start it without torchrun.")
    length = config.system.clip_length
    if performed.shape[2] < length:
        raise TrainingError(f"performances of {performed.shape[2]} frames are shorter than T = {length}.")
    videos, validation = learnable(source.labels, config)
    torch.manual_seed(config.seed)
    network = build(config.system)
    head = _with_reader(network, start)
    network.eval()
    errors = reading_errors(network.backbone, head, source, truth, videos, config.seed)
    head.scale.copy_(torch.from_numpy(1 / errors.error))
    learner = nn.ModuleList((head.patterns, head.embed))
    optimizer = torch.optim.AdamW(
        learner.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    state = open_run(config, source, run_dir, network, optimizer, world)

    def draw(step: int) -> tuple[Performed, npt.NDArray[np.int64]]:
        return draw_performances(performed, truth, errors, config, np.random.default_rng((config.seed, step)))

    def loss_of(drawn: tuple[Performed, npt.NDArray[np.int64]]) -> Tensor:
        readings, drivers = drawn
        vectors = nn.functional.normalize(head.summarise(torch.from_numpy(readings)), dim=1)
        return sup_con(vectors, torch.from_numpy(drivers), config.temperature)

    def end_epoch(state: RunState, epoch: int) -> RunState:
        return _validate(config, network, source, validation, run_dir, state, epoch)

    def told(step: int, loss: float, state: RunState) -> None:
        if progress is not None:
            progress(step, loss, state.validation.get("auc"))

    return sit(config, state, run_dir, network, learner, optimizer, draw, loss_of, end_epoch, told)


def _with_reader(network: DriverNetwork, start: Path) -> MotionHead:
    """Give the network a pretraining's backbone and readout; its motion head."""
    if not isinstance(network.head, MotionHead):
        raise TrainingError("only a backbone with a motion head learns habits: name the system F5C-reading.")
    reader = MotionReader(network.backbone, network.head.scale.shape[0])
    load_checkpoint(start, reader)
    network.head.read.load_state_dict(reader.readout.state_dict())
    return network.head


def reading_errors(
    backbone: nn.Module,
    head: MotionHead,
    source: FrameSource,
    truth: MotionTruth,
    videos: list[int],
    seed: int,
) -> ReadingErrors:
    """What the readout, evaluating, makes of rendered motion from frame to frame, against the truth."""
    scale = spread([truth.tracks[video] for video in videos])
    random = np.random.default_rng(seed)
    taken = random.choice(videos, min(READ_VIDEOS, len(videos)), replace=False).tolist()
    read, moved = [], []
    with torch.inference_mode():
        for video in taken:
            frames = min(source.length(video), len(truth.tracks[video]))
            clip = torch.from_numpy(source.read(video, 0, frames)[None].copy())
            difference = observe(standardise(clip), backbone, "FEAT_DIFF")[0]
            read.append(head.read(difference).numpy())
            moved.append(motion_between(truth.tracks[video][:frames], scale))
    readings, motion = np.concatenate(read), np.concatenate(moved)
    share = (readings * motion).sum(axis=0) / np.maximum((motion**2).sum(axis=0), 1e-6)
    error = np.maximum((readings - share * motion).std(axis=0), FINEST)
    return ReadingErrors(scale, share.astype(np.float32), error.astype(np.float32))


def draw_performances(
    performed: Performed,
    truth: MotionTruth,
    errors: ReadingErrors,
    config: TrainConfig,
    random: np.random.Generator,
) -> tuple[Performed, npt.NDArray[np.int64]]:
    """Scaled readings as a backbone would give them, ``[N·M, T-1, channels]``, and their drivers, ``[N·M]``.

    Half of the drivers are mirrored and numbered as drivers of their own.
    """
    count, takes, frames = performed.shape[:3]
    length = config.system.clip_length
    n_drivers = min(config.drivers_per_batch, count)
    chosen = random.choice(count, n_drivers, replace=False)
    mirrored = random.random(n_drivers) < 0.5
    clips = []
    for driver, other_side in zip(chosen.tolist(), mirrored.tolist(), strict=True):
        for take in random.choice(takes, config.videos_per_driver, replace=takes < config.videos_per_driver):
            first = int(random.integers(frames - length + 1))
            track = performed[driver, take, first : first + length]
            clips.append(truth.mirrored(track) if other_side else track)
    motion = motion_between(np.stack(clips), errors.scale)
    noise = random.standard_normal(motion.shape, np.float32)
    readings = motion * (errors.share / errors.error) + noise
    drivers = np.repeat(chosen + count * mirrored, config.videos_per_driver)
    return readings.astype(np.float32), drivers.astype(np.int64)


def _validate(
    config: TrainConfig,
    network: DriverNetwork,
    source: FrameSource,
    videos: list[int],
    run_dir: Path,
    state: RunState,
    epoch: int,
) -> RunState:
    """Measure on rendered validation videos; the best network so far is kept with its calibration."""
    embeddings = embed_videos(network, source, videos, config.system.clip_length)
    require_finite(embeddings, run_dir, state.step)
    result = measure(source, videos, embeddings, with_originals=config.with_originals)
    pooled, mean = result.pooled, result.mean_over_generators
    row = ValidationRow(state.step, epoch, pooled.auc, pooled.low, pooled.high, mean, len(pooled.targets))
    append_rows(run_dir / "validation.csv", [row])
    draw_curve(run_dir)
    figures = summarise(result)
    if pooled.auc > state.best_auc:
        fitted = calibrate(source, videos, embeddings)
        state = dataclasses.replace(state, best_auc=pooled.auc, validation=figures, calibration=fitted)
        save_checkpoint(run_dir / "best.safetensors", network, state)
    return dataclasses.replace(state, validation=figures)
