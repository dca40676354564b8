"""How a commanded face follows: an attack and a release of their own speed, overshoot, and a lag per
channel."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.simulate.motion.content import RATE


@njit(cache=True)
def _follow(
    target: NDArray[np.float64],
    attack: NDArray[np.float64],
    release: NDArray[np.float64],
    damping: NDArray[np.float64],
    rate: float,
) -> NDArray[np.float64]:
    length, columns = target.shape
    out = np.empty_like(target)
    for c in range(columns):
        y, v = target[0, c], 0.0
        for i in range(length):
            x = target[i, c]
            w = 2.0 * np.pi * (attack[c] if x > y else release[c])
            v = (v + w * w * (x - y) / rate) / (1.0 + 2.0 * damping[c] * w / rate)
            y += v / rate
            out[i, c] = y
    return out


def follow(
    target: NDArray[np.float64],
    attack: NDArray[np.float64],
    release: NDArray[np.float64],
    damping: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Second-order response [n, C] to commands [n, C] at 100 Hz.

    ``attack``, ``release``: natural frequencies in Hz [C] towards more and towards less; ``damping``: ratios
    [C]. The damping is integrated implicitly: stable below 15 Hz at this rate whatever it is.
    """
    out: NDArray[np.float64] = _follow(target, attack, release, damping, float(RATE))
    return out


@njit(cache=True)
def _delayed(signal: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float64]:
    length, columns = signal.shape
    out = np.empty_like(signal)
    for c in range(columns):
        whole = int(np.floor(shift[c]))
        part = shift[c] - whole
        for i in range(length):
            late = min(max(i - whole, 0), length - 1)
            later = min(max(i - whole - 1, 0), length - 1)
            out[i, c] = (1.0 - part) * signal[late, c] + part * signal[later, c]
    return out


def delayed(signal: NDArray[np.float64], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """`signal` [n, C] with column c shifted by seconds[c] (later when positive), linear between samples; the
    ends hold."""
    out: NDArray[np.float64] = _delayed(signal, seconds * RATE)
    return out
