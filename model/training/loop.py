"""The training loop: from a frame source to a run folder, continued where a killed run stood.

A run folder holds ``config.json``, ``last.safetensors`` (after every epoch), ``best.safetensors``
(highest validation AUC), ``steps.csv``, ``validation.csv`` and ``curve.svg``.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from model.calibration import fit_calibration, pair_scores
from model.frame_store import FrameSource
from model.network import DriverNetwork
from model.protocol import ORIGINAL, ProtocolResult
from model.registry import build
from model.resampling import Why
from model.training.augment import vary
from model.training.batches import Batch, batches
from model.training.checkpoint import RunState, load_checkpoint, save_checkpoint
from model.training.config import TrainConfig
from model.training.distributed import (
    World,
    average_gradients,
    gather,
    join_world,
    share_statistics,
)
from model.training.errors import TrainingError
from model.training.evaluate import embed_videos, measure, require_finite
from model.training.log import StepRow, ValidationRow, append_rows, draw_curve
from model.training.loss import sup_con
from model.training.memory import keep_freed_memory
from model.training.observed import Observed, as_maps
from model.training.run_folder import open_run
from model.training.schedule import learning_rate
from model.training.videos import trainable


@dataclass(frozen=True)
class Progress:
    """What a progress bar shows after a step; ``validation_auc`` is the latest, None before the first.

    ``waiting_share``: share of the sitting's time spent waiting for data.
    """

    step: int
    total_steps: int
    loss: float
    clips_per_second: float
    waiting_share: float
    validation_auc: float | None


def train(
    config: TrainConfig,
    source: FrameSource,
    run_dir: Path,
    progress: Callable[[Progress], None] | None = None,
    start: Path | None = None,
) -> RunState:
    """Train a system, or go on where the run in ``run_dir`` stopped, and return the final state.

    ``start``: the checkpoint a new run takes its weights from, the one ``config.start`` is the SHA-256 of.

    Steps depend on seed and step number alone, so that a resumed run continues the same curve. Under
    torchrun the batch is shared among the processes. Raises TrainingError for data that cannot be
    trained or validated on, for a folder or checkpoint of another run, and when the loss, its
    gradient or an embedding ceases to be finite (the last good checkpoint stays).
    """
    keep_freed_memory()
    world = join_world()
    groups, validation = trainable(source.labels, config)
    n_clips = min(config.drivers_per_batch, len(groups)) * config.videos_per_driver
    if n_clips % world.size:
        raise TrainingError(
            f"{n_clips} clips a batch cannot be shared among {world.size} processes; start a divisor of that."
        )
    torch.manual_seed(config.seed)
    network = build(config.system)
    set_precision(network, world.device)
    share_statistics(network, world)
    network.to(world.device)
    if start is not None:
        load_checkpoint(start, network)
    if config.frozen_backbone:
        if config.system.condition != "FEAT_DIFF" or config.system.backbone == "ResNet18-published":
            raise TrainingError(
                f"{config.system}: only FEAT_DIFF over feature maps can be trained head only."
            )
        network.backbone.requires_grad_(False)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.999)
    )
    state = open_run(config, source, run_dir, network, optimizer, world)
    sitting = _Sitting(config, source, validation, run_dir, network, optimizer, world, state)
    with ExitStack() as stack:
        observed = None
        if config.frozen_backbone and state.step < config.total_steps:
            videos = sorted({video for group in groups for video in group})
            observed = stack.enter_context(
                Observed(network, source, videos, run_dir, world.rank, varied=config.augment)
            )
        feed = batches(source, groups, config, state.step, world.rank, world.size, observed)
        stack.callback(feed.close)
        sitting.run(feed, progress)
    return sitting.state


class _Sitting:
    """One uninterrupted stretch of a run, and where it stands."""

    def __init__(
        self,
        config: TrainConfig,
        source: FrameSource,
        validation: list[int],
        run_dir: Path,
        network: DriverNetwork,
        optimizer: torch.optim.Optimizer,
        world: World,
        state: RunState,
    ) -> None:
        self.config, self.source, self.validation, self.run_dir = config, source, validation, run_dir
        self.network, self.optimizer, self.world, self.state = network, optimizer, world, state
        self.rows: list[StepRow] = []

    def run(self, feed: Iterator[Batch], progress: Callable[[Progress], None] | None) -> None:
        started, waited = time.perf_counter(), 0.0
        first = self.state.step
        clips = 0
        for step in range(first, self.config.total_steps):
            before = time.perf_counter()
            batch = next(feed)
            waiting = time.perf_counter() - before
            waited += waiting
            loss, norm, rate = self._step(batch, step)
            seconds = time.perf_counter() - before
            clips += len(batch.clips) * self.world.size
            epoch = step // self.config.steps_per_epoch
            self.rows.append(StepRow(step + 1, epoch, loss, rate, norm, seconds, waiting))
            if (step + 1) % self.config.steps_per_epoch == 0:
                self._end_epoch(epoch)
            if progress is not None and self.world.leads:
                passed = time.perf_counter() - started
                auc = self.state.validation.get("auc")
                progress(
                    Progress(step + 1, self.config.total_steps, loss, clips / passed, waited / passed, auc)
                )

    def _step(self, batch: Batch, step: int) -> tuple[float, float, float]:
        """One optimisation step; returns loss, gradient norm before clipping, learning rate."""
        config, device = self.config, self.world.device
        rate = learning_rate(config, step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(config.seed * 1_000_003 + step)  # dropout of this step, whatever came before
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        if config.frozen_backbone:
            embeddings = self.network.summarise(as_maps(batch.clips, device))
        else:
            clips = torch.from_numpy(batch.clips).to(device)
            if config.augment:
                clips = vary(clips, torch.from_numpy(batch.mirrored).to(device))
            embeddings = self.network(clips)
        drivers = torch.from_numpy(batch.drivers).to(device)
        loss = sup_con(gather(embeddings, self.world), drivers, config.temperature)
        loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(self.network, self.world)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.clip_norm)
        if not math.isfinite(loss.item()) or not math.isfinite(norm.item()):
            raise TrainingError(
                f"{self.run_dir}: the loss or its gradient is not finite at step {step + 1}; the checkpoints "
                "of the last whole epoch are kept: train again with a lower learning rate or another seed."
            )
        self.optimizer.step()
        return loss.item(), norm.item(), rate

    def _end_epoch(self, epoch: int) -> None:
        """Validate where due, then checkpoint; all or nothing is written of an epoch."""
        config = self.config
        done = (epoch + 1) * config.steps_per_epoch
        seconds = self.state.seconds + sum(row.seconds for row in self.rows)
        self.state = dataclasses.replace(self.state, step=done, seconds=seconds)
        due = (epoch + 1) % config.validate_every == 0 or epoch + 1 == config.epochs
        if not self.world.leads:
            self.rows.clear()
            return
        self._embedded(self.validation[:1])  # the last step may have burst the weights that its loss was of
        append_rows(self.run_dir / "steps.csv", self.rows)
        self.rows.clear()
        if due:
            self._validate(epoch)
        save_checkpoint(self.run_dir / "last.safetensors", self.network, self.state, self.optimizer)
        if due:
            draw_curve(self.run_dir)

    def _embedded(self, videos: list[int]) -> np.ndarray[Any, np.dtype[np.float32]]:
        embeddings = embed_videos(self.network, self.source, videos, self.config.system.clip_length)
        return require_finite(embeddings, self.run_dir, self.state.step)

    def _validate(self, epoch: int) -> None:
        config, state = self.config, self.state
        embeddings = self._embedded(self.validation)
        result = measure(self.source, self.validation, embeddings, with_originals=config.with_originals)
        pooled = result.pooled
        row = ValidationRow(
            state.step,
            epoch,
            pooled.auc,
            pooled.low,
            pooled.high,
            result.mean_over_generators,
            len(pooled.targets),
        )
        append_rows(self.run_dir / "validation.csv", [row])
        figures = summarise(result)
        if pooled.auc > state.best_auc:
            calibration = calibrate(self.source, self.validation, embeddings)
            state = dataclasses.replace(
                state, best_auc=pooled.auc, validation=figures, calibration=calibration
            )
            save_checkpoint(self.run_dir / "best.safetensors", self.network, state)
        self.state = dataclasses.replace(state, validation=figures)


def calibrate(
    source: FrameSource, videos: list[int], embeddings: np.ndarray[Any, np.dtype[np.float32]]
) -> dict[str, Any] | None:
    """The calibration a model file carries, fitted on the synthetic ones of these videos."""
    labels = [source.labels[video] for video in videos]
    synthetic = [number for number, label in enumerate(labels) if label.generator != ORIGINAL]
    targets = [labels[number].target for number in synthetic]
    drivers = [labels[number].driver for number in synthetic]
    return fit_calibration(pair_scores(embeddings[synthetic], targets, drivers))


#: Of the reasons in `model.resampling` those that `mean_auc` can give.
_NO_INTERVAL: Final[dict[Why, str]] = {
    "few_clusters": "fewer than five target identities to draw from",
    "lost_draws": "more than a tenth of the draws leave nothing to compare",
    "no_overlap": "no overlap: the sample cannot show what it did not see",
    "no_spread": "the draws hardly differ",
}


def summarise(result: ProtocolResult) -> dict[str, Any]:
    """A protocol result as the plain figures a model file carries; None where nothing could be measured."""
    pooled = result.pooled
    refused = pooled.why_no_interval
    return {
        "auc": _number(pooled.auc),
        "interval_95": None if refused else [pooled.low, pooled.high],
        **({"no_interval": _NO_INTERVAL[refused]} if refused else {}),
        "mean_over_generators": _number(result.mean_over_generators),
        "per_generator": {name: _number(one.auc) for name, one in result.per_generator.items()},
        "targets": len(pooled.targets),
        "left_out": pooled.left_out,
        "positives": sum(target.n_positives for target in pooled.targets),
        "negatives": sum(target.n_negatives for target in pooled.targets),
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON knows no NaN


def set_precision(network: DriverNetwork, device: torch.device) -> None:
    """bfloat16 in the head, where the time goes; the backbone stays in float32 (TF32 on a GPU).

    Feature maps are subtracted from their neighbours: a bfloat16 backbone would round away most of
    what the subtraction is there to show, even when the subtraction itself is exact.
    """
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        network.head_precision = torch.bfloat16
    elif torch.cpu.get_capabilities().get("avx512_bf16"):
        network.head_precision = torch.bfloat16
