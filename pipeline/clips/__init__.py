"""Decoded frames to clips: shots, windows, quality flags, the clip manifest."""
