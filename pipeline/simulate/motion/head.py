"""Head sway: six resonant random processes mixed by a driver into rotation and translation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from pipeline.simulate.motion.content import RATE
from pipeline.simulate.motion.style import DriverStyle


def sway(style: DriverStyle, length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """[length, 6] of unit spread each: AR(2) processes of the driver's frequency and width, mixed by the
    driver."""
    settle = 600
    noise = rng.standard_normal((length + settle, 6))
    out = np.empty((length, 6))
    for k in range(6):
        r = float(np.exp(-np.pi * style.sway_width[k] / RATE))
        a1 = -2 * r * float(np.cos(2 * np.pi * style.sway_hertz[k] / RATE))
        a2 = r * r
        variance = (1 + a2) / ((1 - a2) * ((1 + a2) ** 2 - a1**2))
        out[:, k] = lfilter([1 / np.sqrt(variance)], [1.0, a1, a2], noise[:, k])[settle:]
    return out @ style.sway_mix.T
