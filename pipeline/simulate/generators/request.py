"""What a generator is asked for, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.motion.track import MotionTrack
from pipeline.simulate.video import Codec


@dataclass(frozen=True)
class Request:
    """One clip: whose face (`target`, an identity seed), who drives it (`driver`), doing what (`track`).

    `seed` draws light, camera, background and every loss of the clip; it carries no identity.
    """

    wheel: Path
    target: int
    driver: int
    track: MotionTrack
    seed: int


@dataclass(frozen=True)
class Shot:
    """A rendered clip: RGB frames uint8 [N, 256, 256, 3] and how they are to be encoded."""

    frames: NDArray[np.uint8]
    codec: Codec
