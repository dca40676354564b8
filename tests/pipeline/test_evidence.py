"""A file's row says what decoding gave and what its archive kept back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.evidence import evidence_rows
from pipeline.intake.found import Found

CUT = "The archive is damaged in this member (it is cut off)."


def row_of(facts: dict[str, object]) -> dict[str, object]:
    found = Found(
        "a.zip!/x.mp4", Path("x"), "0" * 64, 9, None, "questioned", None, None, None, None, "video",
        reason_code="member_cut", reason=CUT,
    )  # fmt: skip
    (row,) = evidence_rows([found], {"0" * 64: facts}, [])
    return row


def test_beginning_of_a_damaged_member_that_decoded_is_processed_and_says_so() -> None:
    row = row_of({"status": "processed", "reason_code": "truncated", "reason": "It ends early."})
    assert (row["status"], row["reason_code"]) == ("processed", "member_cut")
    assert row["reason"] == f"{CUT} It ends early."


def test_beginning_of_a_damaged_member_that_gave_nothing_tells_both() -> None:
    row = row_of({"status": "failed", "reason_code": "no_frames", "reason": "It gave no frame."})
    assert (row["status"], row["reason_code"]) == ("failed", "no_frames")
    assert row["reason"] == f"{CUT} It gave no frame."


def test_claim_about_a_copy_reaches_the_row_of_the_copy_that_is_compared() -> None:
    first = Found("a.mp4", Path("a"), "0" * 64, 9, None, "questioned", None, None, None, None, "video")
    copy = replace(first, path="b.mp4", claimed_driver="alice", target="ben", status="duplicate")
    rows = evidence_rows([first, copy], {"0" * 64: {"status": "processed"}}, [])
    assert [row["status"] for row in rows] == ["processed", "duplicate"]
    assert {(row["claimed_driver"], row["target"]) for row in rows} == {("alice", "ben")}
