"""One row for everything that lies in the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Found:
    """A file or archive member, and what intake decided about it.

    ``status`` is None for a video candidate that is to be decoded from ``local``, and a reason is then a
    caveat; otherwise ``failed``, ``skipped`` or ``duplicate`` with ``reason_code`` (see ``pipeline.reasons``)
    and ``reason``, one sentence.
    """

    path: str  # label below the evidence folder, see pipeline.names; unique in a case
    local: Path | None  # where its bytes can be read; a member's copy in scratch may be removed once decoded
    evidence_id: str | None  # SHA-256, hex; None when the bytes could not be read
    size: int  # bytes
    modified: datetime | None  # UTC; None when not recorded or without a time zone
    role: str  # known or questioned
    identity: str | None
    target: str | None
    claimed_driver: str | None
    crop: tuple[int, int, int, int] | None  # x, y, width, height in pixels
    kind: str  # "video" (candidate), "archive" or "other"
    status: str | None = None
    reason_code: str | None = None
    reason: str | None = None
