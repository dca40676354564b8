"""Recorded motion: Live Link Face CSV files, one per clip, in one folder per driver."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from pipeline.errors import UserError
from pipeline.simulate.motion.track import ARKIT_NAMES, CHANNELS, FPS, MotionTrack

_HEAD: Final = ("HeadYaw", "HeadPitch", "HeadRoll")
_VALUES: Final = tuple(name[0].upper() + name[1:] for name in ARKIT_NAMES) + _HEAD
_TIMECODE: Final = re.compile(r"\s*(\d{1,2})[:;](\d{1,2})[:;](\d{1,2})[:;](\d{1,3})(\.\d+)?\s*", re.ASCII)
_DAY: Final = 86400.0
_BASES: Final = (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)
_APP_BASE: Final = 60  # frames a second of the app's timecode unless its user chose otherwise
_LONGEST: Final = 4 * 3600.0  # s; a longer span is a broken timecode, not a take


@dataclass(frozen=True)
class _Rows:
    seconds: NDArray[np.float64]  # [R] whole seconds of the timecode, unwrapped at midnight
    frames: NDArray[np.float64]  # [R] frame number with its fraction
    values: NDArray[np.float64]  # [R, 55]
    lines: list[int]


def external_tracks(folder: Path) -> list[tuple[str, str, Path]]:
    """(driver, clip, path) of every `<driver>/<clip>.csv` below `folder`, sorted. Raises UserError when
    there is none or when a CSV lies where no driver's name can be read from."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: give the one that holds <driver>/<clip>.csv")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() == ".csv" and p.is_file())
    for path in found:
        if len(path.relative_to(folder).parts) != 2:
            raise UserError(
                f"{path} is not in a folder of its driver: move it to {folder}/<driver>/<clip>.csv"
            )
    if not found:
        raise UserError(
            f"{folder} holds no <driver>/<clip>.csv: put each driver's Live Link Face files in a folder"
        )
    return [(path.parent.name, path.stem, path) for path in found]


def read_live_link(path: Path) -> MotionTrack:
    """The track of a Live Link Face CSV, resampled to 25 fps by its timecodes (`HH:MM:SS:FF.mmm`).

    Columns are found by name whatever their order and capitals: Timecode, the 52 ARKit coefficients,
    HeadYaw, HeadPitch, HeadRoll (radians). BlendshapeCount may be absent; a row that counts 0 (tracking
    lost) is bridged. Eye angles are ignored: the eyeLook coefficients hold the gaze. The frame base of the
    timecode is the one that makes the rows most regular, 60 (the app's own) when a take is too short to
    tell. The file holds no translation: it is zero. Raises UserError naming file, line and column of what
    is wrong.
    """
    rows = _read(path)
    base = _frame_base(rows)
    time = rows.seconds + rows.frames / base
    back = np.flatnonzero(np.diff(time) < 0)
    if len(back):
        raise _fault(
            path, rows.lines[int(back[0]) + 1], "Timecode", "goes back in time: sort or cut the rows"
        )
    # Two rows of one instant are one frame written twice.
    keep = np.append(np.diff(time) > 1e-9, True)
    time, values = time[keep] - time[0], rows.values[keep]
    if time[-1] > _LONGEST:
        raise _fault(
            path, rows.lines[-1], "Timecode", "is hours after the first row: one file holds one take"
        )
    count = int(np.floor(time[-1] * FPS + 1e-6)) + 1
    if count < 2:
        raise UserError(
            f"{path}: its {len(rows.lines)} rows last less than two frames at 25 fps: record a longer take"
        )
    frames = np.minimum(np.arange(count) / FPS, time[-1])
    resampled = PchipInterpolator(time, values, axis=0)(frames)
    return MotionTrack(
        coefficients=np.clip(resampled[:, :CHANNELS], 0.0, 1.0).astype(np.float32),
        head=resampled[:, CHANNELS:].astype(np.float32),
        translation=np.zeros((count, 3), np.float32),
    )


def _fault(path: Path, line: int, column: str, what: str) -> UserError:
    return UserError(f"{path}, line {line}, column {column}: {what}")


def _read(path: Path) -> _Rows:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}): check the path and its permissions"
        ) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise UserError(f"{path}, line {line}: not UTF-8 text: export the CSV again") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    seconds: list[float] = []
    frames: list[float] = []
    values: list[list[float]] = []
    lines: list[int] = []
    try:
        header = [cell.strip() for cell in next(reader, [])]
        place = _places(path, header)
        counter = next((i for i, cell in enumerate(header) if cell.lower() == "blendshapecount"), None)
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            line = reader.line_num
            if counter is not None and len(row) > counter and row[counter].strip() == "0":
                continue
            if len(row) != len(header):
                column = header[min(len(row), len(header) - 1)]
                raise _fault(path, line, column, f"the row has {len(row)} cells, the header {len(header)}")
            whole, frame = _timecode(path, line, row[place["timecode"]])
            if seconds and whole < seconds[-1] - _DAY / 2:
                whole += _DAY
            seconds.append(whole)
            frames.append(frame)
            values.append([_number(path, line, name, row[place[name.lower()]]) for name in _VALUES])
            lines.append(line)
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: not CSV ({error}): export it again") from error
    if not lines:
        raise UserError(f"{path} holds no tracked frames after its header: record the take again")
    return _Rows(np.array(seconds), np.array(frames), np.array(values), lines)


def _places(path: Path, header: list[str]) -> dict[str, int]:
    place: dict[str, int] = {}
    for i, cell in enumerate(header):
        if cell.lower() in place:
            raise _fault(path, 1, cell, "stands twice in the header: delete one of the two")
        place[cell.lower()] = i
    for name in ("Timecode", *_VALUES):
        if name.lower() not in place:
            raise _fault(
                path, 1, name, "is missing from the header: export with all columns of Live Link Face"
            )
    return place


def _timecode(path: Path, line: int, cell: str) -> tuple[float, float]:
    match = _TIMECODE.fullmatch(cell)
    if match is None or int(match[2]) > 59 or int(match[3]) > 59 or int(match[1]) > 23:
        raise _fault(path, line, "Timecode", f"{cell!r} is not a time of the form HH:MM:SS:FF.mmm")
    if int(match[4]) >= max(_BASES):
        raise _fault(path, line, "Timecode", f"{cell!r} counts more than {max(_BASES)} frames in a second")
    return int(match[1]) * 3600.0 + int(match[2]) * 60.0 + int(match[3]), int(match[4]) + float(match[5] or 0)


def _number(path: Path, line: int, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise _fault(path, line, column, f"{cell!r} is not a number")
    if column in _HEAD:
        if abs(value) > np.pi:
            raise _fault(path, line, column, f"{value:g} is not an angle in radians")
    elif not -0.5 <= value <= 1.5:  # calibrated takes stray a little outside 0 to 1
        raise _fault(path, line, column, f"{value:g} is not a coefficient between 0 and 1")
    return value


def _frame_base(rows: _Rows) -> int:
    """Frames a second that the timecode counts."""
    possible = [b for b in _BASES if b > np.max(np.floor(rows.frames))]
    if len(rows.lines) < 3 or rows.seconds[0] == rows.seconds[-1]:
        return _APP_BASE if _APP_BASE in possible else possible[0]
    uneven = []
    for base in possible:
        step = np.diff(rows.seconds + rows.frames / base)
        uneven.append(
            float(np.mean(np.abs(step - np.median(step))) / max(float(np.mean(np.abs(step))), 1e-9))
        )
    return possible[int(np.argmin(np.round(uneven, 6)))]
