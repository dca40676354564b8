"""Names come from suspects: shown faithfully, reversibly, and never mistaken for something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.names import MEMBER, first_of, label, placed, printable, raw_name

PATHS = st.binary(min_size=1, max_size=64)


@given(PATHS)
def test_every_name_comes_back_from_its_label(raw: bytes) -> None:
    assert raw_name(label(raw)) == raw


@given(PATHS, PATHS)
def test_two_names_never_share_a_label(one: bytes, other: bytes) -> None:
    assert (label(one) == label(other)) == (one == other)


@given(PATHS)
def test_no_name_looks_like_an_archive_member(raw: bytes) -> None:
    shown = label(raw)
    assert MEMBER not in shown
    assert not shown.endswith("!")
    assert "\\#" not in shown.replace("\\\\", "")


@given(PATHS)
def test_labels_are_utf8_without_nul(raw: bytes) -> None:
    assert "\0" not in label(raw).encode().decode()


@given(st.text())
def test_printed_names_cannot_move_a_terminal_or_turn_a_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable() or all(c.isprintable() or c.isspace() for c in shown)
    assert not set(shown) & set("\n\r\x1b\u202e\u2066\u200f")


@pytest.mark.parametrize("text", ["a\\b", "a\\xZZ", "\\", "\\#2"])
def test_foreign_escapes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        raw_name(text)


@pytest.mark.parametrize(
    ("path", "role", "identity", "target"),
    [
        ("call.mp4", "questioned", None, None),
        ("phone/known/bob/call.mp4", "questioned", None, None),
        ("known/alice/a.mp4", "known", "alice", None),
        ("known/alice/avatar/a.mp4", "known", "alice", "avatar"),
        ("known/alice/avatar/deeper/a.mp4", "known", "alice", None),
        ("known/alice/a.zip!/x.mp4", "known", "alice", None),
        ("known/pack.zip!/alice/x.mp4", "known", "alice", None),
        ("known/alice/a.zip!/inner.tar!/avatar/x.mp4", "known", "alice", "avatar"),
        ("seized.zip!/known/bob/x.mp4", "questioned", None, None),
        ("known!/x.mp4", "questioned", None, None),
        ("Known/Alice/a.mp4", "known", "Alice", None),
        ("KNOWN/alice/avatar/a.mp4", "known", "alice", "avatar"),
        ("unknown/alice/a.mp4", "questioned", None, None),
        ("known/Andre\u0301/x.mp4", "known", "Andr\u00e9", None),
    ],
)
def test_folders_say_who_drives(path: str, role: str, identity: str | None, target: str | None) -> None:
    place = placed(path)
    assert (place.role, place.identity, place.target, place.misplaced) == (role, identity, target, False)


def test_file_directly_in_known_belongs_to_nobody() -> None:
    for path in ("known/x.mp4", "Known/x.mp4", "known/alice.zip!/x.mp4"):
        assert placed(path).misplaced
        assert placed(path).identity is None


def test_a_cut_list_of_names_says_that_it_is_cut() -> None:
    assert first_of(["ada", "ben"], 2) == "ada, ben"
    assert first_of(["ada", "ben", "cem"], 2) == "ada, ben, …"
    assert first_of(["ada and Ada", "ben and Ben"], 1, "; ") == "ada and Ada; …"
