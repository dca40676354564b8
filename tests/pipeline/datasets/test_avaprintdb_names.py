"""AVAPrintDB's file names, whatever is in them: four fields, or a clause that says what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.avaprintdb import parse_name, read_avaprintdb
from pipeline.datasets.nvfair import UnparsedNameError

FIELD = st.text(min_size=1, max_size=8).filter(lambda text: "-" not in text)


@given(st.text())
def test_any_name_parses_or_is_refused(stem: str) -> None:
    try:
        fields = parse_name(stem)
    except UnparsedNameError as error:
        assert stem.count("--") != 3 or "empty field" in str(error) or "---" in stem
    else:
        assert "--".join(fields) == stem
        assert all(fields)


@given(FIELD, FIELD, FIELD, FIELD)
def test_parsing_inverts_naming(target: str, driver: str, clip: str, generator: str) -> None:
    assert parse_name(f"{target}--{driver}--{clip}--{generator}") == (target, driver, clip, generator)


@pytest.mark.parametrize("odd", [b"a\xff--b--u--g.mp4", b"<b>--\n--u--g.mp4", b"a--b--u--\xe2\x80\xae.mp4"])
def test_hostile_name_stops_no_reading(tmp_path: Path, odd: bytes) -> None:
    folder = tmp_path / "videos" / "TEST"
    folder.mkdir(parents=True)
    (folder / "a--b--u--g.mp4").write_bytes(b"x")
    (folder / os.fsdecode(odd)).write_bytes(b"x")
    dataset = read_avaprintdb(tmp_path)
    assert "videos/TEST/a--b--u--g.mp4" in dataset.labels["path"].to_list()
    assert len(dataset.labels) + sum(problem.excluded for problem in dataset.problems) >= 2
