"""The shapes of speech and feeling: ARKit targets of 15 visemes and 7 emotions.

The viseme set is the usual one of avatar lip sync (silence, PP, FF, TH, DD, kk, CH, SS, nn, RR, aa, E, ih,
oh, ou). The emotions follow the action units of Ekman and Friesen's EMFACS, written in ARKit's names. An
action without a side means both sides.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.motion.track import CHANNELS, INDEX


def channels(name: str) -> list[int]:
    """Indices of an action: the one channel of that name, or its left and right ones."""
    return [INDEX[name]] if name in INDEX else [INDEX[name + "Left"], INDEX[name + "Right"]]


def pattern(**actions: float) -> NDArray[np.float64]:
    """Vector [52] with the given amplitude per action."""
    vector = np.zeros(CHANNELS)
    for name, amplitude in actions.items():
        vector[channels(name)] = amplitude
    return vector


_SHAPES: Final = {
    "sil": pattern(),
    "PP": pattern(
        jawOpen=0.09,
        mouthClose=0.11,
        mouthPress=0.26,
        mouthRollLower=0.18,
        mouthRollUpper=0.14,
        mouthPucker=0.05,
    ),
    "FF": pattern(jawOpen=0.08, mouthRollLower=0.30, mouthUpperUp=0.13, mouthShrugLower=0.08),
    "TH": pattern(jawOpen=0.12, mouthLowerDown=0.13, mouthUpperUp=0.06, tongueOut=0.05),
    "DD": pattern(jawOpen=0.10, mouthLowerDown=0.15, mouthUpperUp=0.08),
    "kk": pattern(jawOpen=0.17, mouthLowerDown=0.12, mouthUpperUp=0.06),
    "CH": pattern(
        jawOpen=0.08,
        mouthFunnel=0.34,
        mouthPucker=0.14,
        mouthLowerDown=0.10,
        mouthShrugUpper=0.12,
        jawForward=0.05,
    ),
    "SS": pattern(jawOpen=0.05, mouthStretch=0.14, mouthLowerDown=0.15, mouthUpperUp=0.08, mouthDimple=0.06),
    "nn": pattern(jawOpen=0.10, mouthLowerDown=0.12, mouthUpperUp=0.05),
    "RR": pattern(jawOpen=0.12, mouthFunnel=0.20, mouthPucker=0.20),
    "aa": pattern(jawOpen=0.42, mouthLowerDown=0.22, mouthUpperUp=0.15),
    "E": pattern(jawOpen=0.26, mouthStretch=0.12, mouthSmile=0.10, mouthLowerDown=0.20, mouthUpperUp=0.12),
    "ih": pattern(jawOpen=0.17, mouthStretch=0.18, mouthSmile=0.12, mouthLowerDown=0.18, mouthUpperUp=0.08),
    "oh": pattern(jawOpen=0.29, mouthFunnel=0.34, mouthPucker=0.15),
    "ou": pattern(jawOpen=0.14, mouthFunnel=0.24, mouthPucker=0.46),
}
VISEMES: Final = tuple(_SHAPES)
SHAPES: Final[NDArray[np.float64]] = np.stack(list(_SHAPES.values()))  # [15, 52]
SILENCE: Final = VISEMES.index("sil")
VOWELS: Final = tuple(VISEMES.index(v) for v in ("aa", "E", "ih", "oh", "ou"))
BILABIAL: Final = VISEMES.index("PP")
CONSONANTS: Final = tuple(i for i in range(len(VISEMES)) if i not in VOWELS and i != SILENCE)

EMOTIONS: Final = ("joy", "sadness", "anger", "surprise", "fear", "disgust", "contempt")
EMOTION_SHAPES: Final[NDArray[np.float64]] = np.stack(  # [7, 52]
    [
        pattern(mouthSmile=0.55, cheekSquint=0.38, eyeSquint=0.18, mouthDimple=0.12, mouthUpperUp=0.06),
        pattern(browInnerUp=0.40, mouthFrown=0.32, mouthShrugLower=0.16, browDown=0.08, eyeSquint=0.08),
        pattern(
            browDown=0.50, noseSneer=0.16, mouthPress=0.18, eyeSquint=0.22, mouthFrown=0.12, jawForward=0.05
        ),
        pattern(browInnerUp=0.45, browOuterUp=0.45, eyeWide=0.35, jawOpen=0.05),
        pattern(browInnerUp=0.45, browOuterUp=0.15, browDown=0.12, eyeWide=0.28, mouthStretch=0.22),
        pattern(noseSneer=0.50, mouthUpperUp=0.20, mouthFrown=0.14, browDown=0.20, cheekSquint=0.16),
        pattern(mouthDimple=0.28, mouthPress=0.14, mouthSmile=0.10, eyeSquint=0.10),
    ]
)

# How firmly a sound insists on its shape against its neighbours, for jaw, lips and rounding: lips must meet
# for a bilabial and lip must meet teeth for a labiodental; a rounded sound colours its surroundings; the
# rest gives way.
INSISTENCE: Final[NDArray[np.float64]] = np.ones((len(VISEMES), 3))  # [15, 3]
for _name, _values in {
    "PP": (1.6, 6.0, 1.0),
    "FF": (1.5, 4.0, 1.0),
    "CH": (1.3, 1.5, 2.0),
    "SS": (1.6, 1.2, 0.8),
    "DD": (0.8, 0.7, 0.5),
    "kk": (0.6, 0.5, 0.4),
    "nn": (0.8, 0.6, 0.5),
    "aa": (1.5, 1.2, 0.8),
    "oh": (1.2, 1.0, 1.6),
    "ou": (1.0, 1.0, 2.0),
}.items():
    INSISTENCE[VISEMES.index(_name)] = _values
