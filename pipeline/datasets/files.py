"""Which files of a corpus are videos, and on which lines of a CSV its rows begin."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import polars as pl

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


def with_lines(path: Path, table: pl.DataFrame) -> pl.DataFrame:
    """``table`` as read from ``path``, with the line each row begins on (of a Parquet file its row, from 1).

    In a CSV a quoted cell may hold line breaks: such a break comes after an odd number of quotation marks.
    """
    first = 1 if path.suffix.lower() == ".parquet" else 2
    data = b"" if first == 1 else path.read_bytes()
    if b'"' in data:
        begins, quotes = [], 0
        for number, line in enumerate(data.split(b"\n"), start=1):
            if quotes % 2 == 0:
                begins.append(number)
            quotes += line.count(b'"')
        if len(begins) > len(table):  # else it is no CSV as polars reads one
            return table.insert_column(0, pl.Series("line", begins[1 : len(table) + 1], pl.UInt32))
    return table.with_row_index("line", offset=first)
