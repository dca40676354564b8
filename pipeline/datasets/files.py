"""Which files of a corpus are videos."""

from __future__ import annotations

import os
from typing import Final

VIDEO_SUFFIXES: Final = (".mp4", ".webm", ".mkv", ".mov", ".avi")
#: Counted where they lie, so that none is overlooked; the corpora are of the suffixes above.
OTHER_VIDEO_SUFFIXES: Final = (".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ts", ".mts", ".ogv", ".mxf")


def videos_below(entry: os.DirEntry[str]) -> list[str]:
    """The file if it is a video, or every video below the folder; hidden ones are none."""
    files = [entry.path]
    if entry.is_dir():
        files = [f"{folder}/{name}" for folder, _, names in os.walk(entry.path) for name in names]
    names = ((file, file.rpartition("/")[2].lower()) for file in files)
    suffixes = VIDEO_SUFFIXES + OTHER_VIDEO_SUFFIXES
    return [file for file, name in names if name.endswith(suffixes) and not name.startswith(".")]
