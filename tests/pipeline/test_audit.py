"""The log of a case only grows, and any other change to it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.audit import AUDIT_NAME, Audit, check_audit, read_audit


def session(case: Path, *events: str) -> None:
    with Audit(case, "1.0") as audit:
        for event in events:
            audit.note(event, path="naïve\n'name'")


def events(case: Path) -> list[tuple[int, str]]:
    return [(entry["session"], entry["event"]) for entry in read_audit(case)]


def test_sessions_follow_one_another_in_one_unbroken_chain(tmp_path: Path) -> None:
    session(tmp_path, "taken_in")
    first = (tmp_path / AUDIT_NAME).read_bytes()
    session(tmp_path)
    assert (tmp_path / AUDIT_NAME).read_bytes().startswith(first)
    assert events(tmp_path) == [
        (1, "session_started"),
        (1, "taken_in"),
        (1, "session_ended"),
        (2, "session_started"),
        (2, "session_ended"),
    ]
    assert check_audit(tmp_path) == []


def test_failure_of_a_session_is_told_and_not_swallowed(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Audit(tmp_path, "1.0"):
        raise KeyError("worker")
    last = list(read_audit(tmp_path))[-1]
    assert (last["event"], last["error"]) == ("session_failed", "KeyError")


@pytest.mark.parametrize("line", range(5))
@pytest.mark.parametrize("how", ["changed", "removed", "doubled"])
def test_any_line_that_is_touched_breaks_the_chain(tmp_path: Path, line: int, how: str) -> None:
    session(tmp_path, "a", "b", "c", "d")
    path = tmp_path / AUDIT_NAME
    lines = path.read_bytes().splitlines(keepends=True)
    if how == "changed":
        lines[line] = lines[line].replace(b'"session": 1', b'"session": 2')
    elif how == "removed":
        del lines[line]
    else:
        lines.insert(line, lines[line])
    path.write_bytes(b"".join(lines))
    assert any(f"breaks at line {n}" in check_audit(tmp_path)[0] for n in (line + 1, line + 2))


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_line_torn_by_a_power_cut_stays_and_the_chain_goes_on(tmp_path: Path, cut: int) -> None:
    session(tmp_path, "a")
    path = tmp_path / AUDIT_NAME
    path.write_bytes(path.read_bytes()[:-cut])
    assert "whole line" in " ".join(check_audit(tmp_path))
    session(tmp_path, "b")
    assert check_audit(tmp_path) == []
    assert "torn_line_found" in [name for _, name in events(tmp_path)]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line.replace(b'"a"', b'"x"') for line in lines))
    assert check_audit(tmp_path) != []


@pytest.mark.parametrize("left", [0, 1, 20, 60, 90, 250])
def test_kill_while_a_torn_line_is_noted_is_repaired_however_often(tmp_path: Path, left: int) -> None:
    """``left``: bytes of the note that reached the disk, each of three times; 0: the line's end alone."""
    session(tmp_path, "a")
    path = tmp_path / AUDIT_NAME
    path.write_bytes(path.read_bytes()[:-30])
    for _ in range(3):
        before = path.read_bytes() + (b"" if path.read_bytes().endswith(b"\n") else b"\n")
        session(tmp_path)
        assert path.read_bytes().startswith(before)
        path.write_bytes(path.read_bytes()[: len(before) + left])
        assert check_audit(tmp_path) != []
    session(tmp_path, "b")
    assert check_audit(tmp_path) == []
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines[:-1]):  # every line, the torn ones too, is covered by one below
        path.write_bytes(b"".join([*lines[:number], b"?" + line[1:], *lines[number + 1 :]]))
        assert check_audit(tmp_path) != [], number


@pytest.mark.parametrize("altered", [1, 2])
@pytest.mark.parametrize("cut", [0, 30])
def test_altered_line_is_not_passed_off_as_a_torn_one(tmp_path: Path, altered: int, cut: int) -> None:
    """The last lines spoilt, whole as they look or the very last one also cut short."""
    session(tmp_path, "a", "b")
    path = tmp_path / AUDIT_NAME
    lines = path.read_bytes().splitlines(keepends=True)
    lines[-1 - altered :] = [line.replace(b'"event": "', b'"event": ') for line in lines[-1 - altered :]]
    path.write_bytes(b"".join(lines)[: -cut or None])
    for _ in range(2):
        session(tmp_path, "c")
        assert check_audit(tmp_path) != []


def test_log_is_for_the_owner_only(tmp_path: Path) -> None:
    session(tmp_path)
    assert (tmp_path / AUDIT_NAME).stat().st_mode & 0o777 == 0o600


def test_link_in_the_place_of_the_log_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("untouched", encoding="utf-8")
    (tmp_path / AUDIT_NAME).symlink_to(tmp_path / "mine.txt")
    with pytest.raises(OSError), Audit(tmp_path, "1.0"):
        pass
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "untouched"
