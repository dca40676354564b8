"""case.toml: what is right is taken as written, what is wrong is one sentence with a remedy."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.casefile import CaseFile, FileEntry, missing_members, parse_case, read_case
from pipeline.errors import UserError

FULL = """
[case]
number = "2026-0173"
examiner = "R. Vos"
title = "Video call of 3 May"

[propositions]
same = "The questioned video was driven by A. Jansen."
different = "The questioned video was driven by someone else."

[options]
clip_length = 64
stride = 32

[[file]]
path = "phone/call.mp4"
claimed_driver = "jansen"
target = "avatar-3"
crop = [120, 0, 512, 512]

[[file]]
path = "a.zip!/b.mp4"
identity = "jansen"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone" / "call.mp4").touch()
    (tmp_path / "a.zip").touch()
    return tmp_path


def test_everything_the_readme_shows_is_read(folder: Path) -> None:
    (folder / "case.toml").write_text(FULL, encoding="utf-8")
    case = read_case(folder)
    assert (case.number, case.examiner, case.title) == ("2026-0173", "R. Vos", "Video call of 3 May")
    assert str(case.same).endswith("A. Jansen.")
    assert str(case.different).endswith("someone else.")
    assert (case.clip_length, case.stride) == (64, 32)
    assert case.files == (
        FileEntry("phone/call.mp4", None, "avatar-3", "jansen", (120, 0, 512, 512)),
        FileEntry("a.zip!/b.mp4", "jansen"),
    )
    assert case.source == folder / "case.toml"
    assert missing_members(case, {"phone/call.mp4", "a.zip"}) == ["a.zip!/b.mp4"]


def test_a_case_needs_no_case_file(folder: Path) -> None:
    assert read_case(folder) == CaseFile()


def test_case_file_may_lie_elsewhere_and_begin_with_a_byte_order_mark(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "mine.toml"
    other.write_bytes(b'\xef\xbb\xbf[case]\nnumber = "7"\n')
    assert read_case(folder, other).number == "7"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[case]\nnumber = 7", ("[case] number", "quotes")),
        ('[case]\ntitel = "x"', ('"titel"', "did you mean title?")),
        ('[cases]\nnumber = "x"', ('"cases"', "did you mean case?")),
        ("[case]\nzzz = 1", ("zzz", "number, examiner, title")),
        ('[case]\ntitle = " "', ("[case] title", "leave the key out")),
        ("case = 3", ("case", "[case]")),
        ("[options]\nclip_length = 1", ("clip_length", "from 2")),
        ("[options]\nstride = true", ("stride", "whole number")),
        ("[options]\nstride = 2.5", ("stride", "whole number")),
        ('[file]\npath = "phone/call.mp4"', ("[file]", "[[file]]")),
        ('[[file]]\nidentity = "x"', ("[[file]] entry 1", "path")),
        ('[[file]]\npath = "phone/cal.mp4"', ("phone/cal.mp4", "near it lies call.mp4")),
        ('[[file]]\npath = "/etc/passwd"', ("/etc/passwd", "relative")),
        ('[[file]]\npath = "../x.mp4"', ("../x.mp4", "relative", 'without "." and ".." in it')),
        ("[[file]]\npath = 'phone\\call.mp4'", ("single backslash", "write /")),
        ('[[file]]\npath = "a\\u0000b"', ("entry 1 path", "NUL")),
        ('[[file]]\npath = "phone/call.mp4"\ncrop = [1, 2, 3]', ("crop", "[x, y, width, height]")),
        ('[[file]]\npath = "phone/call.mp4"\ncrop = [1, 2, 0, 4]', ("crop", "above 0")),
        ('[[file]]\npath = "phone/call.mp4"\ncrop = [1, 2, 3, 4.0]', ("crop", "whole pixels")),
        ('[[file]]\npath = "a.zip"\nidentity = "x"\nclaimed_driver = "y"', ("claimed_driver", "keep one")),
        ('[[file]]\npath = "a.zip"\n[[file]]\npath = "a.zip"', ("a.zip", "twice")),
        ("[case\n", ("TOML", "line 1")),
        ("x = " + "[" * 5000, ("TOML",)),
        ("x = " + "9" * 5000, ("TOML",)),
    ],
)
def test_every_mistake_names_file_key_and_remedy(folder: Path, text: str, said: tuple[str, ...]) -> None:
    (folder / "case.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_case(folder)
    message = str(error.value)
    assert "\n" not in message
    assert str(folder / "case.toml") in message
    for words in said:
        assert words in message


def test_unreadable_case_files(folder: Path) -> None:
    with pytest.raises(UserError, match=r"none\.toml cannot be read"):
        read_case(folder, folder / "none.toml")
    with pytest.raises(UserError, match="cannot be read"):
        read_case(folder, folder)
    (folder / "case.toml").write_bytes(b"\xff\xfe[")
    with pytest.raises(UserError, match="UTF-8"):
        read_case(folder)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("linked", [False, True])
def test_pipe_in_the_evidence_called_as_the_case_file_does_not_hang_the_run(
    folder: Path, tmp_path: Path, linked: bool
) -> None:
    os.mkfifo(tmp_path / "pipe" if linked else folder / "case.toml")
    if linked:
        (folder / "case.toml").symlink_to(tmp_path / "pipe")
    with pytest.raises(UserError, match=r"case\.toml is no regular file.*--case"):
        read_case(folder)


def test_link_in_the_evidence_called_as_the_case_file_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """It may lead to what the same hand wrote elsewhere, which would pass for the examiner's own."""
    elsewhere = tmp_path.with_name(f"{tmp_path.name}-elsewhere.toml")
    elsewhere.write_text('[case]\nnumber = "17"\n', encoding="utf-8")
    (folder / "case.toml").symlink_to(elsewhere)
    with pytest.raises(UserError, match=r"case\.toml is no regular file.*--case"):
        read_case(folder)
    assert read_case(folder, elsewhere).number == "17"


def test_file_name_that_is_not_utf8_is_stated_as_the_table_shows_it(folder: Path) -> None:
    (folder / "odd\udcff\\name!").touch()
    (folder / "case.toml").write_text("[[file]]\npath = 'odd\\xff\\\\name\\x21'\nidentity = 'a'\n")
    assert read_case(folder).files[0].identity == "a"


def test_one_name_typed_on_two_systems_is_one_identity(folder: Path) -> None:
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, " André ")
        text = f'[[file]]\npath = "a.zip"\nidentity = "{name}"\n'
        assert parse_case(text.encode(), folder).files[0].identity == "Andr\u00e9"


SCALARS = st.one_of(
    st.integers(-5, 10**6),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
    st.lists(st.integers(-1, 70_000), max_size=5),
)
KEYS = st.sampled_from(
    [
        "number",
        "examiner",
        "title",
        "same",
        "different",
        "clip_length",
        "stride",
        "path",
        "identity",
        "target",
        "claimed_driver",
        "crop",
        "other",
    ]
)


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["[case]", "[propositions]", "[options]", "[[file]]", "[file]", "[other]", ""]),
            st.dictionaries(KEYS, SCALARS, max_size=4),
        ),
        max_size=4,
    )
)
def test_any_tables_give_a_valid_case_or_one_sentence(tables: list[tuple[str, dict[str, object]]]) -> None:
    text = "\n".join(
        head + "\n" + "\n".join(f"{key} = {toml(value)}" for key, value in table.items())
        for head, table in tables
    )
    check(text.encode())


@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode(errors="ignore")))
)
def test_any_bytes_give_a_valid_case_or_one_sentence(data: bytes) -> None:
    check(data)


@given(st.data())
def test_damaged_case_file_gives_a_valid_case_or_one_sentence(data: st.DataObject) -> None:
    raw = bytearray(FULL.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    check(bytes(raw))


def check(data: bytes) -> None:
    try:
        case = parse_case(data, Path("case.toml"))
    except UserError as error:
        assert str(error).startswith("case.toml")
        assert "\n" not in str(error)
        return
    for text in (case.number, case.examiner, case.title, case.same, case.different):
        assert text is None or (isinstance(text, str) and text.strip())
    for frames in (case.clip_length, case.stride):
        assert frames is None or (type(frames) is int and frames >= 1)
    assert len({entry.path for entry in case.files}) == len(case.files)
    for entry in case.files:
        assert entry.path
        assert not entry.path.startswith("/")
        assert entry.identity is None or entry.claimed_driver is None
        assert entry.crop is None or (
            len(entry.crop) == 4 and min(entry.crop) >= 0 and min(entry.crop[2:]) > 0
        )
