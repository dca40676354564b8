"""Recorded Live Link Face files become tracks at 25 fps, or one sentence that says where they are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.simulate.motion import ARKIT_NAMES, INDEX, MotionTrack, external_tracks, read_live_link

COLUMNS = [
    "Timecode",
    "BlendshapeCount",
    *(name[0].upper() + name[1:] for name in ARKIT_NAMES),
    *("HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll"),
    *("RightEyeYaw", "RightEyePitch", "RightEyeRoll"),
]


def timecode(seconds: float, base: int) -> str:
    whole = int(seconds)
    frame = (seconds - whole) * base
    return (
        f"{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{int(frame):02d}"
        f".{int(frame % 1 * 1000):03d}"
    )


def jaw(seconds: float) -> float:
    return 0.3 + 0.25 * float(np.sin(2 * np.pi * 1.5 * seconds))


def take(fps: float = 60, base: int = 60, length: float = 3.0, start: float = 36000.25) -> list[list[str]]:
    rows = [COLUMNS]
    for i in range(round(length * fps)):
        values = np.full(61, 0.125)
        values[INDEX["jawOpen"]] = jaw(i / fps)
        values[52] = 0.4 * np.cos(i / fps)
        # A hair's breadth keeps a whole frame number from being written as the one before it.
        rows.append([timecode(start + i / fps + 1e-7, base), "61", *(f"{v:.10f}" for v in values)])
    return rows


def write(path: Path, rows: list[list[str]]) -> Path:
    path.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("fps", "base"), [(60, 60), (59.94, 60), (30, 30), (30, 60), (25, 25), (24, 24), (50, 50), (120, 120)]
)
def test_any_frame_rate_becomes_25_a_second_at_the_right_times(tmp_path: Path, fps: float, base: int) -> None:
    track = read_live_link(write(tmp_path / "a.csv", take(fps, base)))
    time = np.arange(len(track)) / 25
    assert abs(len(track) - 75) <= 3
    expected = [jaw(t) for t in time]
    assert np.abs(track.coefficients[:, INDEX["jawOpen"]] - expected).max() < 0.02
    assert np.abs(track.head[:, 0] - 0.4 * np.cos(time)).max() < 0.005
    assert not track.translation.any()


def test_columns_are_found_by_name_in_any_order_and_capitals(tmp_path: Path) -> None:
    rows = take()
    order = np.random.default_rng(0).permutation(len(COLUMNS))
    shuffled = [[row[i] for i in order] for row in rows]
    shuffled[0] = [name.upper() for name in shuffled[0]]
    plain = read_live_link(write(tmp_path / "a.csv", rows))
    assert np.array_equal(
        plain.coefficients, read_live_link(write(tmp_path / "b.csv", shuffled)).coefficients
    )


def test_a_take_over_midnight_goes_on(tmp_path: Path) -> None:
    over = read_live_link(write(tmp_path / "a.csv", take(start=86399.0)))
    noon = read_live_link(write(tmp_path / "b.csv", take(start=43200.0)))
    assert np.allclose(over.coefficients, noon.coefficients, atol=1e-4)


def test_rows_of_lost_tracking_are_bridged(tmp_path: Path) -> None:
    rows = take()
    lost = [[row[0], "0"] if 40 <= i < 46 else row for i, row in enumerate(rows)]
    whole = read_live_link(write(tmp_path / "a.csv", rows))
    bridged = read_live_link(write(tmp_path / "b.csv", lost))
    assert len(bridged) == len(whole)
    assert np.abs(bridged.coefficients - whole.coefficients).max() < 0.08


def test_a_frame_written_twice_counts_once(tmp_path: Path) -> None:
    rows = take()
    twice = [*rows[:20], rows[20], rows[20], *rows[21:]]
    once, again = (read_live_link(write(tmp_path / f"{n}.csv", r)) for n, r in (("a", rows), ("b", twice)))
    assert np.allclose(once.coefficients, again.coefficients)


def spoil(rows: list[list[str]], line: int, column: str, cell: str) -> list[list[str]]:
    rows = [list(row) for row in rows]
    rows[line - 1][COLUMNS.index(column)] = cell
    return rows


@pytest.mark.parametrize(
    ("line", "column", "cell", "said"),
    [
        (5, "JawOpen", "wide", "'wide' is not a number"),
        (5, "JawOpen", "", "'' is not a number"),
        (7, "MouthClose", "nan", "'nan' is not a number"),
        (9, "MouthSmileLeft", "57.0", "57 is not a coefficient"),
        (11, "HeadPitch", "-12.5", "-12.5 is not an angle in radians"),
        (4, "Timecode", "10:00:00", "not a time of the form HH:MM:SS:FF.mmm"),
        (4, "Timecode", "10:61:00:03.000", "not a time of the form HH:MM:SS:FF.mmm"),
        (90, "Timecode", "10:00:00:03.000", "goes back in time"),
    ],
)
def test_a_wrong_cell_is_named_by_file_line_and_column(
    tmp_path: Path, line: int, column: str, cell: str, said: str
) -> None:
    path = write(tmp_path / "take.csv", spoil(take(), line, column, cell))
    with pytest.raises(UserError) as error:
        read_live_link(path)
    assert f"{path}, line {line}, column {column}: " in str(error.value)
    assert said in str(error.value)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    at = COLUMNS.index("BrowInnerUp")
    rows = [row[:at] + row[at + 1 :] for row in take()]
    with pytest.raises(UserError, match=r"take\.csv, line 1, column BrowInnerUp: is missing"):
        read_live_link(write(tmp_path / "take.csv", rows))


def test_a_column_that_stands_twice_is_named(tmp_path: Path) -> None:
    rows = [[*row, row[19]] for row in take()]
    with pytest.raises(UserError, match="line 1, column JawOpen: stands twice"):
        read_live_link(write(tmp_path / "take.csv", rows))


def test_a_row_cut_short_is_named(tmp_path: Path) -> None:
    rows = take()
    rows[-1] = rows[-1][:30]
    with pytest.raises(UserError, match=f"line {len(rows)}, column {COLUMNS[30]}: the row has 30 cells"):
        read_live_link(write(tmp_path / "take.csv", rows))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "line 1, column Timecode: is missing"),
        ((",".join(COLUMNS) + "\n").encode(), "holds no tracked frames"),
        (b"Timecode\xff\xfe\n", "line 1: not UTF-8"),
    ],
)
def test_a_file_that_is_no_take_is_refused_in_a_sentence(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "take.csv"
    path.write_bytes(data)
    with pytest.raises(UserError, match=said):
        read_live_link(path)


def test_a_take_of_one_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="less than two frames"):
        read_live_link(write(tmp_path / "take.csv", take()[:2]))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_live_link(tmp_path / "none.csv")


WHOLE = "\n".join(",".join(row) for row in take(30, 30, 0.5)).encode()


PIECES = [
    b",",
    b"\n",
    b'"',
    b"\r",
    b"\x00",
    b"-",
    b"e9",
    b"1e999",
    b"99:99:99:99",
    b";",
    b"_1",
    b"\xef\xbb\xbf",
]
EDIT = st.tuples(
    st.integers(0, len(WHOLE)), st.integers(0, 40), st.binary(max_size=12) | st.sampled_from(PIECES)
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(EDIT, max_size=4))
def test_a_damaged_file_gives_a_track_or_a_sentence(
    tmp_path: Path, edits: list[tuple[int, int, bytes]]
) -> None:
    data = WHOLE
    for at, cut, put in edits:
        data = data[:at] + put + data[at + cut :]
    path = tmp_path / "take.csv"
    path.write_bytes(data)
    try:
        track = read_live_link(path)
    except UserError as error:
        assert "take.csv" in str(error)
        assert "\n" not in str(error)
    else:
        assert isinstance(track, MotionTrack)
        assert np.isfinite(track.coefficients).all()
        assert np.isfinite(track.head).all()
        assert track.coefficients.min() >= 0
        assert track.coefficients.max() <= 1


def test_tracks_are_listed_by_driver_and_clip(tmp_path: Path) -> None:
    for name in ("bob/two.csv", "ann/one.CSV", "bob/one.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, take(length=0.2))
    (tmp_path / "bob" / "note.txt").write_text("not a take")
    assert [(d, c, p.name) for d, c, p in external_tracks(tmp_path)] == [
        ("ann", "one", "one.CSV"),
        ("bob", "one", "one.csv"),
        ("bob", "two", "two.csv"),
    ]


def test_a_take_outside_a_drivers_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "loose.csv", take(length=0.2))
    with pytest.raises(UserError, match=r"loose\.csv is not in a folder of its driver"):
        external_tracks(tmp_path)


def test_a_folder_without_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no <driver>/<clip>\.csv"):
        external_tracks(tmp_path)
    with pytest.raises(UserError, match="is not a folder"):
        external_tracks(tmp_path / "none")
