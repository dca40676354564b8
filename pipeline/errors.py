"""The one exception a user is meant to read."""

from __future__ import annotations


class UserError(Exception):
    """Unusable input or arguments: one sentence that names the file and the remedy (exit code 2)."""
