"""Which channels move together: muscle groups, their sides, their usual speeds, and the regions of the face.

Motion is made over 58 channels: the 52 ARKit coefficients, then yaw, pitch, roll (radians), then x, y, z
(head radii).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.motion.track import ARKIT_NAMES, CHANNELS, INDEX

ALL: Final = CHANNELS + 6
YAW, PITCH, ROLL = CHANNELS, CHANNELS + 1, CHANNELS + 2
HEAD: Final = slice(CHANNELS, CHANNELS + 3)
SHIFT: Final = slice(CHANNELS + 3, ALL)

# Prefixes of the actions of a muscle group, its usual natural frequency in Hz and its region.
_GROUPS: Final[tuple[tuple[tuple[str, ...], float, str], ...]] = (
    (("jawOpen", "jawForward"), 6.5, "jaw"),
    (("jawLeft", "jawRight"), 4.5, "jaw"),
    (("mouthClose", "mouthPress", "mouthRoll"), 8.0, "lips"),
    (("mouthFunnel", "mouthPucker", "cheekPuff"), 5.5, "lips"),
    (("mouthLowerDown", "mouthUpperUp", "mouthShrug"), 7.5, "lips"),
    (("mouthSmile", "mouthDimple"), 4.5, "corners"),
    (("mouthStretch", "mouthFrown"), 5.0, "corners"),
    (("mouthLeft", "mouthRight"), 5.0, "corners"),
    (("browInnerUp",), 3.6, "brows"),
    (("browOuterUp",), 3.6, "brows"),
    (("browDown",), 4.0, "brows"),
    (("cheekSquint", "noseSneer"), 4.0, "cheeks"),
    (("eyeSquint", "eyeWide"), 4.5, "lids"),
    (("eyeBlink", "eyeLook"), 9.0, "lids"),
    (("tongue",), 5.0, "lips"),
)
GROUPS: Final = len(_GROUPS) + 2
REGIONS: Final = ("jaw", "lips", "corners", "brows", "cheeks", "lids", "turn", "shift")


def _assign() -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    group, speed, region = np.zeros(ALL, np.int64), np.zeros(ALL), np.zeros(ALL, np.int64)
    for g, (prefixes, hertz, name) in enumerate(_GROUPS):
        for i, channel in enumerate(ARKIT_NAMES):
            if channel.startswith(prefixes):
                group[i], speed[i], region[i] = g, hertz, REGIONS.index(name)
    group[HEAD], speed[HEAD], region[HEAD] = GROUPS - 2, 2.6, REGIONS.index("turn")
    group[SHIFT], speed[SHIFT], region[SHIFT] = GROUPS - 1, 1.8, REGIONS.index("shift")
    return group, speed, region


GROUP, SPEED, REGION = _assign()  # [58]: group number, natural frequency in Hz, region number

# +1 on the left's, -1 on the right's, 0 on unpaired channels. The jaw's and mouth's shifts are opposite
# directions of one movement, not two sides of one action.
SIDE: Final[NDArray[np.float64]] = np.array(
    [
        0.0
        if name.startswith(("jaw", "mouthLeft", "mouthRight"))
        else float(name.endswith("Left")) - name.endswith("Right")
        for name in ARKIT_NAMES
    ]
    + [0.0] * 6
)
PAIRS: Final = tuple(
    (INDEX[name], INDEX[name[: -len("Left")] + "Right"])
    for name in ARKIT_NAMES
    if name.endswith("Left") and SIDE[INDEX[name]] > 0
)
EYES: Final = np.array([i for i, n in enumerate(ARKIT_NAMES) if n.startswith(("eyeBlink", "eyeLook"))])
