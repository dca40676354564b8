"""The figures of the paper (arXiv 2604.23247, Tables III to VIII): mean AUC over NVFAIR's 35 test targets.

The columns LIA and TPS of Table VI are exchanged in print against Tables VII and VIII; here they stand as
those have them.
"""

from __future__ import annotations

from typing import Final

#: The paper's name of a generator -> the folder name of NVFAIR's release.
GENERATORS: Final = {"FV2V": "facevid2vid", "TPS": "tps", "LIA": "lia"}
#: Test identities of NVFAIR, behind every figure here.
TARGETS: Final = 35
COLUMNS: Final = ("overall", "facevid2vid", "tps", "lia")

#: T of every figure here but those of F5C FEAT_DIFF, which the paper measured at each length.
CLIP_LENGTH: Final = 64

#: (backbone, condition, T) -> overall, FV2V, TPS, LIA.
SYSTEMS: Final[dict[tuple[str, str, int], tuple[float | None, ...]]] = {
    ("F5C", "FEAT_DIFF", 64): (0.877, 0.869, 0.880, 0.882),
    ("F5C", "PIXEL_DIFF", 64): (0.861, 0.849, 0.868, 0.866),
    ("F5C", "RAW_FEAT", 64): (0.649, 0.719, 0.682, 0.684),
    ("F5C", "STATIC", 64): (0.610, 0.685, 0.630, 0.631),
    ("F5C", "FEAT_DIFF", 16): (0.813, 0.808, 0.817, 0.816),
    ("F5C", "FEAT_DIFF", 32): (0.862, 0.853, 0.868, 0.866),
    ("F5C", "FEAT_DIFF", 128): (0.891, 0.883, 0.895, 0.896),
    ("ResNet18-published", "STATIC", 64): (0.581, 0.695, 0.596, 0.599),
    ("ResNet18-published", "RAW_FEAT", 64): (0.581, 0.693, 0.609, 0.608),
    ("ResNet18-published", "FEAT_DIFF", 64): (0.547, 0.567, 0.553, 0.556),
    ("ResNet18-published", "PIXEL_DIFF", 64): (0.759, 0.785, 0.763, 0.764),
}

#: The landmark baseline of Prashnani et al., as the paper reports it.
BASELINE: Final = (0.853, 0.870, 0.850, 0.840)

#: Condition -> trained on -> tested on (Tables IV and V).
CROSS_GENERATOR: Final[dict[str, dict[str, dict[str, float]]]] = {
    "FEAT_DIFF": {
        "facevid2vid": {"facevid2vid": 0.869, "tps": 0.833, "lia": 0.842},
        "tps": {"facevid2vid": 0.838, "tps": 0.879, "lia": 0.872},
        "lia": {"facevid2vid": 0.852, "tps": 0.869, "lia": 0.902},
    },
    "PIXEL_DIFF": {
        "facevid2vid": {"facevid2vid": 0.865, "tps": 0.822, "lia": 0.816},
        "tps": {"facevid2vid": 0.839, "tps": 0.891, "lia": 0.873},
        "lia": {"facevid2vid": 0.857, "tps": 0.862, "lia": 0.893},
    },
}
