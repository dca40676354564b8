"""What a frozen backbone makes of every frame, computed once, so that the head alone can be trained on it.

The backbone is four fifths of a training step's time on a CPU, and while it is frozen it gives the same
differences again and again. They are kept as bfloat16, to which the head's precision rounds them anyway:
64 KiB a frame, in a file that is removed when training leaves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.frame_store import FrameSource
from model.layers.conditions import observe
from model.layers.standardise import standardise
from model.network import DriverNetwork
from model.training.augment import vary

Observation = npt.NDArray[np.int16]  # bfloat16, bit by bit

MAP: Final = (128, 16, 16)


class Observed:
    """State: a memory-mapped file of feature differences, of each video as it is and, where varied, mirrored.

    A context manager: the file goes when it is left. For the condition FEAT_DIFF and backbones with
    128×16×16 maps.
    """

    def __init__(
        self,
        network: DriverNetwork,
        source: FrameSource,
        videos: Sequence[int],
        folder: Path,
        rank: int,
        *,
        varied: bool,
    ) -> None:
        """Encode ``videos`` into ``folder``, a file for each process of number ``rank``."""
        self._path = folder / f"observed.{rank}.partial"
        self._places: dict[tuple[int, bool], tuple[int, int]] = {}
        sides = (False, True) if varied else (False,)
        versions = [(video, mirrored) for mirrored in sides for video in videos]
        total = sum(source.length(video) - 1 for video, _ in versions)
        self._maps = np.memmap(self._path, np.int16, "w+", shape=(total, *MAP))
        device = next(network.parameters()).device
        network.backbone.eval()
        at = 0
        for video, mirrored in versions:
            clip = torch.from_numpy(source.read(video, 0, source.length(video))[None].copy()).to(device)
            if mirrored:
                torch.manual_seed(video)
                clip = vary(clip, torch.ones(1, dtype=torch.bool, device=device))
            with torch.inference_mode():
                maps = observe(standardise(clip), network.backbone, "FEAT_DIFF")[0]
            self._maps[at : at + len(maps)] = maps.bfloat16().contiguous().view(torch.int16).cpu().numpy()
            self._places[video, mirrored] = (at, len(maps))
            at += len(maps)

    def __enter__(self) -> Observed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self._maps
        self._path.unlink(missing_ok=True)

    def read_clip(self, video: int, start: int, clip_length: int, *, mirrored: bool) -> Observation:
        """The T - 1 differences of T consecutive frames, int16 ``[T-1, 128, 16, 16]``.

        A short video ends in zeros: its last frame is repeated.
        """
        first, count = self._places[video, mirrored]
        maps = self._maps[first + start : first + min(start + clip_length - 1, count)]
        missing = clip_length - 1 - len(maps)
        return np.concatenate((maps, np.zeros((missing, *MAP), np.int16))) if missing else maps


def as_maps(observations: Observation, device: torch.device) -> Tensor:
    """``[B, T-1, 128, 16, 16]``, bfloat16 as they are kept."""
    return torch.from_numpy(observations).to(device).view(torch.bfloat16)
