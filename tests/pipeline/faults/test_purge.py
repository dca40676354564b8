"""Biometric data can be removed from a case, and what stays still proves itself."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from pipeline.purge import PURGE_NAME
from tests.pipeline.faults.conftest import Finished, assert_holds, driverprint


class _Text(HTMLParser):
    """The words of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def words_of(page: Path) -> list[str]:
    reader = _Text()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader.words


def test_purge_removes_what_identifies_people_and_verify_still_proves_the_digest(
    undisturbed: Finished, copied: Path
) -> None:
    log = (copied / "audit.jsonl").read_bytes()
    assert re.search(rb"data:image/png", (copied / "report.html").read_bytes())
    done = driverprint("purge", copied, "--biometrics")
    assert done.returncode == 0, done.stderr
    assert len(pl.read_parquet(copied / "embeddings")) == 0
    assert len(pl.read_parquet(copied / "visuals")) == 0
    for path in copied.rglob("*"):
        assert path.is_dir() or b"data:image/png" not in path.read_bytes(), path
    assert words_of(copied / "report.html") == words_of(undisturbed.case / "report.html")
    assert (copied / "audit.jsonl").read_bytes().startswith(log)
    assert json.loads((copied / PURGE_NAME).read_bytes())["rows"]["embeddings"] > 0
    assert_holds(copied, undisturbed.digest)


def test_purged_case_still_notices_an_altered_table(undisturbed: Finished, copied: Path) -> None:
    driverprint("purge", copied, "--biometrics")
    record = json.loads((copied / PURGE_NAME).read_bytes())
    record["removed"]["embeddings"] = "0" * 64
    (copied / PURGE_NAME).write_text(json.dumps(record), encoding="utf-8")
    checked = driverprint("verify", copied)
    assert checked.returncode == 1
    assert f"run.json says {undisturbed.digest}" in checked.stderr


@pytest.mark.parametrize("words", [(), ("--biometrics",)])
def test_nothing_is_removed_without_saying_so_or_from_an_altered_case(
    copied: Path, words: tuple[str, ...]
) -> None:
    if words:
        (copied / "scores.parquet").write_bytes(b"")
    refused = driverprint("purge", copied, *words)
    assert refused.returncode == 2
    assert ("scores.parquet" if words else "--biometrics") in refused.stderr
    assert len(pl.read_parquet(copied / "embeddings")) > 0


def test_report_of_a_purged_case_is_left_as_it_is(copied: Path) -> None:
    driverprint("purge", copied, "--biometrics")
    page = (copied / "report.html").read_bytes()
    refused = driverprint("report", copied)
    assert refused.returncode == 2
    assert "purged" in refused.stderr
    assert (copied / "report.html").read_bytes() == page
