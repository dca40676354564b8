"""Whether a model file's own statement of what it is validated for says anything."""

from __future__ import annotations


def says_nothing(validated_for: str | None) -> bool:
    """True for an untrained model and for a missing word: silence must not look like trust."""
    said = (validated_for or "").strip().lower()
    return not said or said.startswith(("nothing", "none", "unknown")) or "untrained" in said
