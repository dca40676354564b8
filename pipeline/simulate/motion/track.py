"""A motion track: 52 ARKit coefficients, head rotation and head translation at 25 frames a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FPS: Final = 25

_EYE = ("eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide")
_BOTH = ("Left", "Right")

# Order of the columns in a Live Link Face CSV (right before left for the jaw's and the mouth's shift).
ARKIT_NAMES: Final[tuple[str, ...]] = (
    *(name + "Left" for name in _EYE),
    *(name + "Right" for name in _EYE),
    *("jawForward", "jawRight", "jawLeft", "jawOpen"),
    *("mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft"),
    *(name + side for name in ("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch") for side in _BOTH),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *(name + side for name in ("mouthPress", "mouthLowerDown", "mouthUpperUp", "browDown") for side in _BOTH),
    *("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
)
INDEX: Final[dict[str, int]] = {name: i for i, name in enumerate(ARKIT_NAMES)}
CHANNELS: Final = len(ARKIT_NAMES)


@dataclass(frozen=True)
class MotionTrack:
    """What a driver did, frame by frame, with nothing about how the driver looks.

    `coefficients`: float32 [N, 52] in [0, 1], columns as in ARKIT_NAMES.
    `head`: float32 [N, 3] yaw, pitch, roll in radians with the signs of Live Link Face: yaw turns the face
    to its own right, pitch bows it, roll tilts it clockwise as the camera sees it. With x to the image's
    right, y up and z towards the camera the head is turned by R = Ry(-yaw) Rx(pitch) Rz(-roll).
    `translation`: float32 [N, 3] x, y, z in the same frame, in head radii.
    """

    coefficients: NDArray[np.float32]
    head: NDArray[np.float32]
    translation: NDArray[np.float32]

    def __post_init__(self) -> None:
        frames = len(self.coefficients)
        if (
            self.coefficients.shape != (frames, CHANNELS)
            or self.head.shape != (frames, 3)
            or self.translation.shape != (frames, 3)
        ):
            raise ValueError(
                f"a motion track needs [N, {CHANNELS}], [N, 3] and [N, 3], not {self.coefficients.shape}, "
                f"{self.head.shape} and {self.translation.shape}"
            )

    def __len__(self) -> int:
        return len(self.coefficients)
