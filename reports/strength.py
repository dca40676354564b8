"""How good the likelihood ratios are: Cllr, PAV and Tippett on the comparisons the case was calibrated on.

Each comparison's likelihood ratio comes from a calibration that saw neither of its two drivers. Where the
model's calibration served, or none, the case holds no such comparisons and there is nothing to show.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.calibration import Comparisons
from model.likelihood import cllr, cllr_min
from reports.case import Case

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Strength:
    """One calibration of the case, over ``n_clips`` against ``n_known`` known videos.

    ``n_same_drivers`` and ``n_different_drivers`` are the people the two kinds rest on, as
    `model.calibration.Comparisons` counts them. ``same`` and ``different`` are log10 LRs;
    ``misleading_same`` and ``misleading_different`` the shares that point to the wrong proposition. None
    where the bound on that side is 0, so that not one comparison of either kind could point there.
    """

    n_clips: int
    n_known: int
    n_same: int
    n_different: int
    n_same_drivers: int
    n_different_drivers: int
    cllr: float
    cllr_min: float
    misleading_same: float | None
    misleading_different: float | None
    same: Floats = field(repr=False)
    different: Floats = field(repr=False)


def strengths(case: Case) -> list[Strength]:
    """The case's calibrations, the one over most clips and known videos first."""
    columns = {
        name: case.calibration.column(name).to_numpy(zero_copy_only=False)
        for name in ("n_clips", "n_known", "llr", "driver", "identity")
    }
    numbers = sorted(set(zip(columns["n_clips"].tolist(), columns["n_known"].tolist(), strict=True)))
    numbers.sort(key=lambda n: n[0] * n[1], reverse=True)
    found = []
    for n_clips, n_known in numbers:
        here = (columns["n_clips"] == n_clips) & (columns["n_known"] == n_known)
        llr = columns["llr"][here].astype(np.float64)
        compared = Comparisons(llr, columns["driver"][here], columns["identity"][here])
        same, different = llr[compared.same], llr[~compared.same]
        found.append(
            Strength(
                n_clips=n_clips,
                n_known=n_known,
                n_same=len(same),
                n_different=len(different),
                n_same_drivers=compared.n_same_drivers,
                n_different_drivers=compared.n_different_drivers,
                cllr=cllr(same, different),
                cllr_min=cllr_min(same, different),
                misleading_same=float(np.mean(same < 0)) if (llr < 0).any() else None,
                misleading_different=float(np.mean(different > 0)) if (llr > 0).any() else None,
                same=same,
                different=different,
            )
        )
    return found
