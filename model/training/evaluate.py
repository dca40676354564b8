"""Embed the videos of a split and measure them by the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from model.crop import centre_start, read_clip
from model.frame_store import FrameSource
from model.network import DriverNetwork
from model.protocol import ProtocolResult, evaluate
from model.training.errors import TrainingError

FRAMES_AT_ONCE: Final = 1024  # bounds memory whatever T is


def embed_videos(
    network: DriverNetwork, source: FrameSource, videos: Sequence[int], clip_length: int
) -> npt.NDArray[np.float32]:
    """Embed the centre clip of each video in float32 and evaluation mode; ``[len(videos), 256]``."""
    device = next(network.parameters()).device
    precision, training = network.head_precision, network.training
    network.head_precision = None
    network.eval()
    at_once = max(1, FRAMES_AT_ONCE // clip_length)
    found = []
    with torch.inference_mode():
        for first in range(0, len(videos), at_once):
            clips = np.stack(
                [
                    read_clip(source, video, centre_start(source.length(video), clip_length), clip_length)
                    for video in videos[first : first + at_once]
                ]
            )
            found.append(network(torch.from_numpy(clips).to(device)).cpu().numpy())
    network.head_precision = precision
    network.train(training)
    return np.concatenate(found)


def require_finite(embeddings: npt.NDArray[np.float32], run_dir: Path, step: int) -> npt.NDArray[np.float32]:
    """The embeddings as they are. Raises TrainingError when one is not finite."""
    if not np.isfinite(embeddings).all():
        raise TrainingError(
            f"{run_dir}: an embedding is not finite at step {step}; the checkpoints written before are kept: "
            "train again with a lower learning rate or another seed."
        )
    return embeddings


def measure(
    source: FrameSource,
    videos: Sequence[int],
    embeddings: npt.NDArray[np.float32],
    *,
    with_originals: bool = False,
) -> ProtocolResult:
    """The protocol over embeddings of these videos, one row a video."""
    labels = [source.labels[video] for video in videos]
    return evaluate(
        embeddings,
        [label.target for label in labels],
        [label.driver for label in labels],
        [label.generator for label in labels],
        with_originals=with_originals,
    )
