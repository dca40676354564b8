"""The simulated camera's exposure: linear light to 8 bits."""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

#: Steps of the tone curve's table, evenly spaced in the root of light so that shadows have enough of them.
_STEPS: Final = 4096
_BRIGHTEST: Final = 9.0


def _tone_curve() -> NDArray[np.uint8]:
    """8-bit values of light from 0 to _BRIGHTEST: a filmic curve with a toe and a shoulder, then gamma 2.2.

    The curve is the rational fit of the ACES tone mapping by K. Narkowicz (2016).
    """
    light = np.linspace(0, np.sqrt(_BRIGHTEST), _STEPS) ** 2
    mapped = light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)
    return np.rint(255 * np.clip(mapped, 0, 1) ** (1 / 2.2)).astype(np.uint8)


_TABLE: Final = _tone_curve()


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _expose(
    image: NDArray[np.float32], gain: float, table: NDArray[np.uint8], frame: NDArray[np.uint8]
) -> None:
    scale = (table.shape[0] - 1) / math.sqrt(_BRIGHTEST)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            for c in range(3):
                light = min(max(image[y, x, c] * gain, 0.0), _BRIGHTEST)
                frame[y, x, c] = table[int(math.sqrt(light) * scale)]


def expose(image: NDArray[np.float32], gain: float, frame: NDArray[np.uint8]) -> None:
    """Linear light [H, W, 3] times `gain` through the tone curve to 8 bits, into `frame`."""
    _expose(image, gain, _TABLE, frame)
