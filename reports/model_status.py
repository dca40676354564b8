"""What the report must know of its model: what it sees, and what it is validated for, in three warnings."""

from __future__ import annotations

from typing import Literal

from model.validated_for import says_nothing, simulated_only
from reports.case import Row

Status = Literal["nothing", "simulation", "stated"]


def model_status(model: Row) -> Status:
    """``nothing``: untrained, denied or silent about it; ``simulation``: simulated people; else as stated.

    Anything that is not plainly a statement counts as nothing: a missing word must not look like trust.
    """
    said = str(model.get("validated_for") or "")
    if says_nothing(said):
        return "nothing"
    return "simulation" if simulated_only(said) else "stated"


def given_differences(model: Row) -> bool | None:
    """Whether the network is given differences of frames, not frames; None for a condition not known here."""
    return {"FEAT_DIFF": True, "PIXEL_DIFF": True, "RAW_FEAT": False, "STATIC": False}.get(
        str(model.get("condition"))
    )
