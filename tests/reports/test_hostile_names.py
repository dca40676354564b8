"""Names come from suspects: nothing in them may run, break out, reorder or hide."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.build import figures_json
from reports.names import shortened, told_apart, visible
from reports.page import css_string
from tests.reports.case_folder import CaseBuilder
from tests.reports.conftest import HOSTILE_NAMES, Built


def test_no_name_becomes_markup(hostile: Built, plain: Built) -> None:
    assert [a for a in hostile.elements.all("img") if "onerror" in a] == []
    assert len(hostile.elements.all("script")) == len(plain.elements.all("script")) == 1
    assert len(hostile.elements.all("style")) == 1
    assert hostile.elements.all("b") == []


def test_no_reordering_or_invisible_character_reaches_the_page(hostile: Built) -> None:
    allowed = {"\n", "\u202f"}
    bad = {c for c in hostile.html if unicodedata.category(c) in {"Cc", "Cf", "Co", "Zl", "Zp"}} - allowed
    assert bad == set()


def test_hidden_characters_are_written_out(hostile: Built) -> None:
    for shown in (
        "harmless⟨U+202E⟩gpj.4pm",
        "two⟨U+000A⟩lines⟨U+0009⟩and⟨U+0007⟩bell",
        "zero⟨U+200B⟩width⟨U+FEFF⟩",
    ):
        assert shown in hostile.text


@pytest.mark.parametrize(
    "name",
    [
        "ann ",
        " ann",
        "ann\u3164",
        "ann\ufe0f",
        "an\u034fn",
        "ann\u2800",
        "ann\u0378",
        "a\u00a0b",
        "\U000e0101x",
    ],
)
def test_two_names_that_differ_do_not_look_alike_by_what_is_not_seen(name: str) -> None:
    assert "⟨U+" in told_apart(name)
    assert len(told_apart(name)) == len(name) + 7 * (told_apart(name).count("⟨")) + ("\U000e0101" in name)
    assert told_apart("an ordinary  name.mp4") == "an ordinary  name.mp4"
    assert visible("l\u2019heure\u00a0: midi") == "l\u2019heure\u00a0: midi"  # words of the examiner's


def test_figures_printed_on_a_terminal_hold_nothing_that_acts_on_it(hostile: Built, fresh: Path) -> None:
    """U+009B begins a command as ESC [ does, and JSON leaves it as it is."""
    path = "q/\x9b2J\u202eevil\x7f\U000e0001.mp4"
    text = figures_json(CaseBuilder(pictures=False).questioned(path, "ann").write(fresh))
    for printed in (text, figures_json(hostile.folder)):
        assert {unicodedata.category(c) for c in printed} & {"Cc", "Cf", "Co", "Cs"} <= {"Cc"}
        assert {c for c in printed if unicodedata.category(c) == "Cc"} == {"\n"}
    assert json.loads(text)["questioned"][0]["path"] == path


def test_every_hostile_name_can_be_read_in_full(hostile: Built) -> None:
    import html

    page = html.unescape(hostile.html)
    for name in HOSTILE_NAMES:
        assert told_apart(name) in page


def test_names_are_isolated_from_the_direction_around_them(hostile: Built) -> None:
    arabic = next(n for n in HOSTILE_NAMES if "\u0645" in n)
    assert f'<bdi class="name">{arabic}</bdi>' in hostile.html


def test_template_syntax_in_a_name_is_not_evaluated(hostile: Built) -> None:
    assert "{{ 7 * 7 }}{% raw %}" in hostile.text


def test_case_number_cannot_leave_the_style_sheet(hostile: Built) -> None:
    sheet = hostile.html.split("<style>")[1].split("</style>")[0]
    assert "@import" not in sheet
    assert "counter(pages)" in sheet  # the end of the sheet is still there


@given(st.text())
def test_css_string_of_anything_is_one_string(text: str) -> None:
    made = css_string(text)
    inside = made[1:-1]
    assert made[0] == made[-1] == '"'
    assert '"' not in inside and "\n" not in inside and "<" not in inside and "}" not in inside


@given(st.text(max_size=200), st.integers(3, 40))
def test_shortened_names_fit_and_show_nothing_invisible(text: str, length: int) -> None:
    made = shortened(text, length)
    assert len(made) <= length
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in made)
