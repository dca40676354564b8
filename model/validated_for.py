"""What a model file's own statement of what it is validated for amounts to."""

from __future__ import annotations


def says_nothing(validated_for: str | None) -> bool:
    """True for an untrained model and for a missing word: silence must not look like trust."""
    said = (validated_for or "").strip().lower()
    return not said or said.startswith(("nothing", "none", "unknown")) or "untrained" in said


def simulated_only(validated_for: str | None) -> bool:
    """True for a model validated on simulated people: how often they move alike says nothing of real ones."""
    return "simulat" in (validated_for or "").lower()
