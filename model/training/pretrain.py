"""Teach a backbone to see how a face is set, before it is asked who moves it.

Simulated corpora know the motion behind every video. A few frames of one video are encoded, the feature maps
of each two in a row subtracted as in FEAT_DIFF, and a linear readout of the difference is held against the
difference of the true motion. Frames far apart differ more than neighbours, which makes this far easier to
learn than drivers, and whatever is linear in the difference of two frames is there between neighbours too.
The run folder is a training run's: ``last.safetensors`` and ``best.safetensors`` start another run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from model.frame_store import Frames, FrameSource
from model.layers.conditions import observe
from model.layers.motion_head import motion_readout
from model.layers.standardise import standardise
from model.registry import build
from model.training.augment import vary
from model.training.checkpoint import RunState, load_checkpoint, save_checkpoint
from model.training.config import TrainConfig
from model.training.distributed import join_world
from model.training.errors import TrainingError
from model.training.memory import keep_freed_memory
from model.training.run_folder import open_run
from model.training.sitting import sit
from model.training.videos import readable

GAPS: Final = (1, 2, 4, 8, 16, 32, 48)  # frames from one to the next, forwards or back
FRAMES: Final = 4  # of one video: each two in a row are a sample, so four give three where two give one
LARGEST: Final = 6.0  # standard deviations; rare great movements are cut there
VALIDATION_VIDEOS: Final = 384


@dataclass(frozen=True)
class MotionTruth:
    """What the faces of a corpus do: per video float32 ``[frames, channels]``, in the source's order.

    Seen in a mirror, channel k moves as channel ``mirror_channel[k]`` did, times ``mirror_sign[k]``.
    """

    tracks: Sequence[npt.NDArray[np.float32]]
    mirror_channel: npt.NDArray[np.int64]
    mirror_sign: npt.NDArray[np.float32]

    def mirrored(self, motion: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Motion, ``[…, channels]``, as a mirror shows it."""
        return motion[..., self.mirror_channel] * self.mirror_sign


@dataclass(frozen=True)
class Moves:
    """Four frames of each of B videos, uint8 ``[B, 4, 128, 128]``, and the motion from each to the next.

    ``motion``: float32 ``[B, 3, channels]`` in standard deviations; ``mirrored`` as in `Batch`.
    """

    clips: Frames
    motion: npt.NDArray[np.float32]
    mirrored: npt.NDArray[np.bool_]


class MotionReader(nn.Module):
    """A backbone and a linear readout of the difference of two of its maps."""

    def __init__(self, backbone: nn.Module, channels: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.readout = motion_readout(128, channels)

    def forward(self, clips: Tensor) -> Tensor:
        """``[B, k, 128, 128]`` -> motion from each frame to the next, ``[B, k - 1, channels]``."""
        difference = observe(standardise(clips), self.backbone, "FEAT_DIFF")
        motion: Tensor = self.readout(difference.flatten(0, 1))
        return motion.reshape(*difference.shape[:2], -1)


def pretrain(
    config: TrainConfig,
    source: FrameSource,
    truth: MotionTruth,
    run_dir: Path,
    progress: Callable[[int, float, float | None], None] | None = None,
    start: Path | None = None,
) -> RunState:
    """Train the backbone of a system on the true motion; four frames of ``drivers × videos`` videos a step.

    ``start``: the last checkpoint of another pretraining, to take backbone and readout from, the one
    ``config.start`` is the SHA-256 of. ``progress`` is told step, loss and explained share of the validation
    videos' motion, R². Raises TrainingError like `train`.
    """
    keep_freed_memory()
    world = join_world()
    if world.size > 1:
        raise TrainingError("pretraining runs in one process; start it without torchrun.")
    videos, validation = readable(source.labels, config)
    scale = spread([truth.tracks[video] for video in videos])
    torch.manual_seed(config.seed)
    network = build(config.system).to(world.device)
    reader = MotionReader(network.backbone, len(scale)).to(world.device)
    if start is not None:
        load_checkpoint(start, reader)
    optimizer = torch.optim.AdamW(
        reader.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    state = open_run(config, source, run_dir, reader, optimizer, world)

    def draw(step: int) -> Moves:
        random = np.random.default_rng((config.seed, step))
        count = config.drivers_per_batch * config.videos_per_driver
        return draw_moves(source, truth, videos, scale, count, random, mirror=config.augment)

    held = draw_moves(source, truth, validation, scale, VALIDATION_VIDEOS, np.random.default_rng(config.seed))

    def loss_of(moves: Moves) -> Tensor:
        clips = torch.from_numpy(moves.clips).to(world.device)
        if config.augment:
            clips = vary(clips, torch.from_numpy(moves.mirrored).to(world.device))
        motion = torch.from_numpy(moves.motion).to(world.device)
        return nn.functional.smooth_l1_loss(reader(clips), motion)

    def end_epoch(state: RunState, _epoch: int) -> RunState:
        return dataclasses.replace(state, validation={"r2": explained_share(reader, held)})

    def told(step: int, loss: float, state: RunState) -> None:
        if progress is not None:
            progress(step, loss, state.validation.get("r2"))

    state = sit(config, state, run_dir, reader, reader, optimizer, draw, loss_of, end_epoch, told)
    save_checkpoint(run_dir / "best.safetensors", network, state)
    return state


def draw_moves(
    source: FrameSource,
    truth: MotionTruth,
    videos: Sequence[int],
    scale: npt.NDArray[np.float32],
    count: int,
    random: np.random.Generator,
    *,
    mirror: bool = False,
) -> Moves:
    """Four frames of ``count`` videos drawn at random, a gap of `GAPS` from each to the next."""
    clips = np.empty((count, FRAMES, 128, 128), np.uint8)
    motion = np.empty((count, FRAMES - 1, len(scale)), np.float32)
    mirrored = random.random(count) < (0.5 if mirror else 0.0)
    for place, video in enumerate(random.choice(videos, count).tolist()):
        track = truth.tracks[video]
        taken = _walk(min(source.length(video), len(track)), random)
        for frame, at in enumerate(taken):
            clips[place, frame] = source.read(video, at, 1)[0]
        moved = motion_between(track[taken], scale)
        motion[place] = truth.mirrored(moved) if mirrored[place] else moved
    return Moves(clips, motion, mirrored)


def _walk(length: int, random: np.random.Generator) -> list[int]:
    """Places of four frames in a video: from a random one by random gaps to either side, inside the video."""
    places = [int(random.integers(length))]
    while len(places) < FRAMES:
        gap = int(random.choice(GAPS))
        reach = [place for place in (places[-1] - gap, places[-1] + gap) if 0 <= place < length]
        ends = [place for place in (0, length - 1) if place != places[-1]]
        places.append(int(random.choice(reach or ends or places)))
    return places


def motion_between(
    tracks: npt.NDArray[np.float32], scale: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """From each frame to the next, in units of ``scale``, cut at `LARGEST`; one frame fewer on axis -2."""
    moved: npt.NDArray[np.float32] = (np.diff(tracks, axis=-2) / scale).clip(-LARGEST, LARGEST)
    return moved


def spread(tracks: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """Standard deviation of each channel within a video, ``[channels]``, never quite zero."""
    variance = np.mean([track.var(axis=0) for track in tracks], axis=0)
    spread: npt.NDArray[np.float32] = np.sqrt(variance + 1e-6).astype(np.float32)
    return spread


def explained_share(reader: MotionReader, moves: Moves) -> float:
    """R² of held-out motion, the mean over its channels."""
    device = next(reader.parameters()).device
    reader.eval()
    with torch.inference_mode():
        read = [
            reader(torch.from_numpy(moves.clips[first : first + 128]).to(device)).cpu().numpy()
            for first in range(0, len(moves.clips), 128)
        ]
    left = ((np.concatenate(read) - moves.motion) ** 2).mean(axis=0)
    whole = (moves.motion**2).mean(axis=0)
    return float(np.mean(1 - left / np.maximum(whole, 1e-6)))
