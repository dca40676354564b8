"""Speech: from a sequence of phonemes to what jaw and lips are told to do, with a driver's coarticulation."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.motion.content import Content, clock
from pipeline.simulate.motion.style import DriverStyle
from pipeline.simulate.motion.track import ARKIT_NAMES, CHANNELS, INDEX
from pipeline.simulate.motion.visemes import BILABIAL, INSISTENCE, SHAPES

_JAW, _LIPS, _ROUNDING = range(3)


def _articulator(name: str) -> int:
    if name.startswith("jaw"):
        return _JAW
    return _ROUNDING if name in ("mouthFunnel", "mouthPucker") else _LIPS


_ARTICULATOR: Final = np.array([_articulator(name) for name in ARKIT_NAMES])


def utter(style: DriverStyle, content: Content) -> NDArray[np.float64]:
    """Commands [n, 52] at 100 Hz: dominance functions of Cohen and Massaro (1993), exponential with unequal
    flanks, one set each for jaw, lips and rounding, so that a driver rounds early, or lets the jaw trail
    the lips."""
    time = clock(content.frames)
    ends = np.append(content.onsets[1:], content.onsets[-1] + 0.2)
    centres = 0.5 * (content.onsets + ends)
    half = np.maximum(0.5 * (ends - content.onsets) - 0.03, 0.0)
    shapes = SHAPES[content.visemes] * content.weights[:, None]
    out = np.empty((len(time), CHANNELS))
    closure = np.zeros(len(time))
    for a in (_JAW, _LIPS, _ROUNDING):
        distance = time[:, None] - (centres - style.lead[a])[None, :]
        late = distance > 0
        beyond = np.maximum(np.abs(distance) - half[None, :], 0.0)
        # np.minimum keeps the nearest sound dominant far from all sounds instead of dividing 0 by 0.
        pull = np.exp(-np.minimum(beyond / np.where(late, style.carry[a], style.anticipation[a]), 60.0))
        pull *= INSISTENCE[content.visemes, a][None, :]
        pull /= pull.sum(axis=1, keepdims=True)
        columns = np.flatnonzero(a == _ARTICULATOR)
        out[:, columns] = pull @ shapes[:, columns]
        if a == _LIPS:
            closure = pull[:, content.visemes == BILABIAL].sum(axis=1)
    # Closed lips bridge whatever gap the jaw leaves.
    out[:, INDEX["mouthClose"]] = closure * out[:, INDEX["jawOpen"]]
    return out
