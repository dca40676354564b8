"""File names chosen by a suspect: right in the tables, the log and the report, and nothing they hold runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.audit import read_audit
from pipeline.names import raw_name
from tests.pipeline.decode.videos import scene, write_video
from tests.pipeline.faults.conftest import driverprint

CHROMIUM = Path("/usr/bin/chromium")
NAMES = (
    b"<img src=x onerror=pwned=1>.mp4",
    b"<script>window.pwned=1<!--.mp4",
    b"\"'><svg onload=pwned=1>&amp;.mp4",
    b"two\nlines\r.mp4",
    b"--fresh.mp4",
    b"\xff\xfe not utf-8 \xc3.mp4",
    "\u202egpj.exe\u2066.mp4".encode(),
    b"x" * 251 + b".mp4",
    b"{{ 7 * 7 }}{% raw %}.mp4",
    b"\x1b[31mred\x07.mp4",
    b"back\\slash\\x41.mp4",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished case whose files, and one known identity, have such names."""
    root = tmp_path_factory.mktemp("hostile")
    for number, name in enumerate(NAMES):
        folder = root / "evidence"
        if number < 2:  # the identity is hostile too
            folder = root / "evidence" / "known" / os.fsdecode(NAMES[0])
        folder.mkdir(parents=True, exist_ok=True)
        source = write_video(root / "v.mp4", scene(66, 48, 64, seed=number))
        source.rename(folder / os.fsdecode(name))
    (root / "evidence" / "<b>no video\u202e.mp4").write_text("text", encoding="utf-8")
    done = driverprint("analyze", root / "evidence", "-o", root / "case")
    assert done.returncode == 1, done.stderr
    assert not any(mark in done.stderr for mark in ("\x1b", "\x07", "\u202e", "\r"))
    return root / "case"


def test_tables_give_every_name_back_byte_for_byte(hostile: Path) -> None:
    paths = pl.read_parquet(hostile / "evidence.parquet").filter(pl.col("status") == "processed")["path"]
    assert {raw_name(path).rsplit(b"/", 1)[-1] for path in paths} == set(NAMES)


def test_log_and_record_hold_each_event_on_its_line(hostile: Path) -> None:
    failed = [entry for entry in read_audit(hostile) if entry["event"] == "file_failed"]
    assert [entry["path"] for entry in failed] == ["<b>no video\u202e.mp4"]
    assert (hostile / "audit.jsonl").read_bytes().isascii()
    assert json.loads((hostile / "run.json").read_bytes())["counts"]["processed"] == len(NAMES)
    assert driverprint("verify", hostile).returncode == 0


@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")
def test_nothing_runs_in_a_browser_and_every_name_is_shown(hostile: Path) -> None:
    from playwright.sync_api import sync_playwright

    noise: list[str] = []
    with sync_playwright() as playwright:
        browser: Any = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("dialog", lambda dialog: noise.append(dialog.message))
        page.on("request", lambda r: noise.append(r.url) if r.url.startswith("http") else None)
        page.goto((hostile / "report.html").as_uri())
        text = page.evaluate("document.documentElement.textContent")
        ran = page.evaluate("window.pwned")
        browser.close()
    assert ran is None
    assert noise == []
    assert "<script>window.pwned=1<!--.mp4" in text
    assert "onerror=pwned=1" in text
    assert "{{ 7 * 7 }}" in text
    assert "\u202e" not in text
