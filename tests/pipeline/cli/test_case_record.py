"""What run.json says of a case."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from pipeline.casefile import CaseFile
from pipeline.cli.case_record import _case_file, _knows
from pipeline.cli.request import read_request
from pipeline.evidence import evidence_rows
from pipeline.intake.walk import find_evidence
from pipeline.tables import from_rows


def test_note_beside_the_known_videos_makes_no_case_of_known_drivers(tmp_path: Path) -> None:
    """known/ with nothing but a note in it: the case is exploratory, and its pairs are shown."""
    known = tmp_path / "evidence" / "known"
    known.mkdir(parents=True)
    (known / "readme.txt").write_text("Put the known videos here.")
    assert not _knows(_evidence(tmp_path))
    (known / "letter.mp4").write_text("No video, but meant to be one.")
    assert _knows(_evidence(tmp_path))


def _evidence(folder: Path) -> pa.Table:
    found = list(find_evidence(folder / "evidence", CaseFile(), folder / "scratch"))
    return from_rows("evidence", evidence_rows(found, {}, []))


def test_link_in_the_evidence_to_statements_elsewhere_is_theirs_who_put_it_there(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "other.toml").write_text('[case]\nnumber = "17"\n')
    (tmp_path / "evidence" / "case.toml").symlink_to(tmp_path / "other.toml")
    for name, inside in (("evidence/case.toml", True), ("other.toml", False)):
        request = read_request(
            tmp_path / "evidence", tmp_path / "case", None, tmp_path / name, None, None, None, None
        )
        found = _case_file(request)
        assert found is not None
        assert found["lies_in_evidence"] is inside
