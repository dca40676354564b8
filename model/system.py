"""Names of the systems the paper compares: backbone × condition × clip length. Needs no torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

Condition = Literal["FEAT_DIFF", "PIXEL_DIFF", "RAW_FEAT", "STATIC"]
Backbone = Literal[
    "F5C",
    "ResNet18-published",  # per-frame vectors, averaged over time, as the reference implements it
    "ResNet18-fair",  # its feature maps through the same temporal head as F5C's
    "ConvStack",  # F5C without FCC and CCC
    "F5C-without-FCC",
    "F5C-without-CCC",
    "F5C-reading",  # with a head that reads known motion first; not the paper's
]
CONDITIONS: Final[tuple[Condition, ...]] = get_args(Condition)
BACKBONES: Final[tuple[Backbone, ...]] = get_args(Backbone)


@dataclass(frozen=True)
class System:
    """One row of the paper's tables; ``clip_length`` T in frames, the paper's are 16, 32, 64, 128."""

    backbone: Backbone = "F5C"
    condition: Condition = "FEAT_DIFF"
    clip_length: int = 64

    def __str__(self) -> str:
        return f"{self.backbone}:{self.condition}:{self.clip_length}"


def parse_system(text: str) -> System:
    """Read `backbone:condition:T`, as `F5C:FEAT_DIFF:64`. Raises ValueError with what is possible."""
    match = re.fullmatch(r"([^:]+):([^:]+):(\d{1,4})", text)
    if match and match[1] in BACKBONES and match[2] in CONDITIONS and int(match[3]) >= 2:
        return System(cast(Backbone, match[1]), cast(Condition, match[2]), int(match[3]))
    raise ValueError(
        f"{text!r} is not a system: give backbone:condition:T, as F5C:FEAT_DIFF:64, "
        f"with a backbone of {', '.join(BACKBONES)}, a condition of {', '.join(CONDITIONS)}, T at least 2."
    )
