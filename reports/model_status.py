"""What the model that made these scores is validated for, as one of three warnings."""

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
