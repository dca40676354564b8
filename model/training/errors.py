"""What stops a training run, in one sentence for the user."""

from __future__ import annotations


class TrainingError(ValueError):
    """Data, checkpoint or loss make it impossible to go on; names what and the remedy."""
