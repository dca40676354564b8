"""Fit a driver's motion to another head, as avatar software does: gains and offsets of each clip's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.simulate.motion.track import MotionTrack


def retarget(track: MotionTrack, rng: np.random.Generator) -> MotionTrack:
    """The track with expression and head motion scaled, and the head's mean pose moved, by chance.

    The amounts belong to the clip: how much a face moves on the whole, and where it looks on average,
    then says less about the driver than how it moves.
    """
    expression = float(np.exp(rng.normal(0, 0.10)))
    turn, shift = rng.uniform(0.7, 1.05), rng.uniform(0.3, 1.0)
    mean = track.head.mean(axis=0)
    pose = mean * rng.uniform(0.2, 1.0) + rng.normal(0, [0.05, 0.03, 0.02])
    return replace(
        track,
        coefficients=np.clip(track.coefficients * expression, 0, 1).astype(np.float32),
        head=((track.head - mean) * turn + pose).astype(np.float32),
        translation=(track.translation * shift).astype(np.float32),
    )
