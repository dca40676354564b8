"""NVFAIR is read as its authors ship it, and whatever is broken in it is named."""

from __future__ import annotations

import json
import os
import re
import string
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.label import SPLITS as SPLIT_NAMES
from pipeline.datasets.label import Dataset, UnparsedNameError
from pipeline.datasets.nvfair import RELEASED, is_nvfair, parse_name, read_nvfair
from pipeline.errors import UserError
from tests.pipeline.datasets.corpus import NVFAIR_FILES, SPLITS, nvfair, touch


def row(dataset: Dataset, path: str) -> dict[str, object]:
    return dataset.labels.row(by_predicate=pl.col("path") == path, named=True)


def said(dataset: Dataset) -> str:
    return "\n".join(map(str, dataset.problems))


def test_every_file_of_the_released_layout_becomes_a_label(tmp_path: Path) -> None:
    dataset = read_nvfair(nvfair(tmp_path))
    assert dataset.labels["path"].to_list() == sorted(NVFAIR_FILES)
    assert dataset.excluded == 0
    first = row(dataset, "CREMA-D/facevid2vid-generated/1001/1001--1003_IEO_FEA_LO--1003.mp4")
    assert first == {
        "path": "CREMA-D/facevid2vid-generated/1001/1001--1003_IEO_FEA_LO--1003.mp4",
        "target": "1001",
        "driver": "1003",
        "generator": "facevid2vid",
        "split": "test",
        "source": "CREMA-D",
        "driver_source": "CREMA-D",
        "original": False,
        "licence": None,
    }
    assert all((dataset.root / path).exists() for path in dataset.labels["path"])


def test_original_is_driven_by_its_target(tmp_path: Path) -> None:
    found = row(read_nvfair(nvfair(tmp_path)), "CREMA-D/originals/1001/1001_IEO_FEA_LO.mp4")
    assert (found["driver"], found["generator"], found["original"]) == ("1001", "original", True)


def test_two_field_name_is_read(tmp_path: Path) -> None:
    found = row(read_nvfair(nvfair(tmp_path)), "CREMA-D/facevid2vid-generated/1001/1001--1003.mp4")
    assert (found["target"], found["driver"]) == ("1001", "1003")


def test_pair_across_splits_belongs_to_no_split(tmp_path: Path) -> None:
    found = row(read_nvfair(nvfair(tmp_path)), "CREMA-D/tps-generated/1001/1001--1002_DFA_ANG_XX--1002.mp4")
    assert found["split"] is None


def test_cross_source_reenactment_knows_both_sources(tmp_path: Path) -> None:
    found = row(
        read_nvfair(nvfair(tmp_path)), "NVIDIA-VC-subset/tps-generated/id001/id001--1003_IEO_FEA_LO--1003.mp4"
    )
    assert (found["source"], found["driver_source"], found["split"]) == (
        "NVIDIA-VC-subset",
        "CREMA-D",
        "test",
    )


def test_stray_apostrophe_is_dropped_and_said_with_its_line(tmp_path: Path) -> None:
    dataset = read_nvfair(nvfair(tmp_path, "CREMA-D/originals/1085/a.mp4"))
    assert 'subject_sources.txt, line 12: "1085\'" has a stray quotation mark; read as 1085.' in said(dataset)


def test_source_without_a_name_is_said_with_its_line(tmp_path: Path) -> None:
    (nvfair(tmp_path) / "subject_sources.txt").write_text("RAVDESS dataset\nActor_01\n: 1001\n", "utf-8")
    said = [str(problem) for problem in read_nvfair(tmp_path).problems]
    assert "subject_sources.txt, line 3: the heading '' names no source." in said


def test_own_split_wins_over_the_released_one_and_the_difference_is_said(tmp_path: Path) -> None:
    nvfair(tmp_path)
    # 1001 is a test identity of the release.
    (tmp_path / "train_val_test_splits.txt").write_text(SPLITS.replace("1002\n", "1002\n1001\n", 1), "utf-8")
    dataset = read_nvfair(tmp_path)
    assert row(dataset, "CREMA-D/originals/1001/1001_IEO_FEA_LO.mp4")["split"] == "train"
    assert "differs from the released split, in another split: 1001" in said(dataset)
    assert "line 10: 1001 is listed for test and for train; train holds" in said(dataset)


def test_released_split_serves_where_the_file_is_missing(tmp_path: Path) -> None:
    nvfair(tmp_path)
    (tmp_path / "train_val_test_splits.txt").unlink()
    dataset = read_nvfair(tmp_path)
    assert row(dataset, "CREMA-D/originals/1001/1001_IEO_FEA_LO.mp4")["split"] == "test"
    assert "train_val_test_splits.txt: is missing; the released split is used" in said(dataset)


def test_released_split_has_the_counts_of_the_release() -> None:
    released = json.loads(RELEASED.read_text("utf-8"))
    assert [len(released["split"][name]) for name in SPLIT_NAMES] == [111, 15, 35]
    split = [identity for group in released["split"].values() for identity in group]
    source = [identity for group in released["source"].values() for identity in group]
    assert sorted(split) == sorted(source)
    assert len(set(split)) == len(split) == 161


@pytest.mark.parametrize(
    ("name", "clause"),
    [
        ("CREMA-D/lia-generated/1002/portrait.mp4", "its name has no '--' between target and driver"),
        ("CREMA-D/lia-generated/1002/1002--clip--.mp4", "its name has an empty field"),
        (
            "CREMA-D/lia-generated/1002/1003--c--1002.mp4",
            "its name says target 1003 but it lies in folder 1002",
        ),
    ],
)
def test_broken_name_is_left_out_and_named(tmp_path: Path, name: str, clause: str) -> None:
    dataset = read_nvfair(nvfair(tmp_path, name))
    assert f"{name}: {clause}; left out." in said(dataset)
    assert dataset.excluded == 1
    assert len(dataset) == len(NVFAIR_FILES)


@pytest.mark.parametrize(
    "odd",
    [
        b"CREMA-D/lia-generated/1002/1002--\xff--1002.mp4",
        b"CREMA-D/lia-generated/\xe4/\xe4--c--1002.mp4",
        b"CREMA-D/\xff-generated/1002/1002--c--1002.mp4",
        b"\xff/lia-generated/1002/1002--c--1002.mp4",
    ],
)
def test_name_that_is_not_utf8_is_left_out_with_its_bytes_shown(tmp_path: Path, odd: bytes) -> None:
    nvfair(tmp_path)
    path = tmp_path / os.fsdecode(odd)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    dataset = read_nvfair(tmp_path)
    shown = os.fsdecode(odd).encode(errors="backslashreplace").decode()
    assert f"{shown}: its name is not UTF-8; left out." in said(dataset)
    assert (len(dataset), dataset.excluded) == (len(NVFAIR_FILES), 1)


def test_unknown_generator_folder_is_counted_and_named(tmp_path: Path) -> None:
    dataset = read_nvfair(nvfair(tmp_path, "CREMA-D/deepfake/1002/a.mp4", "CREMA-D/deepfake/1002/b.mp4"))
    assert "CREMA-D/deepfake: is neither originals nor <generator>-generated" in said(dataset)
    assert dataset.excluded == 2


def test_videos_of_an_unknown_generator_folder_are_counted_whatever_their_format(tmp_path: Path) -> None:
    names = ("a.MP4", "1002/b.webm", "1002/deeper/c.mkv", "1002/d.m4v", "1002/notes.txt", "1002/._b.mp4")
    dataset = read_nvfair(nvfair(tmp_path, *(f"CREMA-D/deepfake/{name}" for name in names)))
    assert dataset.excluded == 4


def test_names_that_differ_only_in_case_are_two_people_and_remarked(tmp_path: Path) -> None:
    dataset = read_nvfair(nvfair(tmp_path, "CREMA-D/tps-generated/1001/1001--c--ID001.mp4"))
    assert {"id001", "ID001"} <= set(dataset.labels["driver"]) | set(dataset.labels["target"])
    assert "taken as different people: ID001 and id001 (1 in all)" in said(dataset)


def test_videos_that_lie_elsewhere_are_counted_with_an_example(tmp_path: Path) -> None:
    nvfair(
        tmp_path,
        "CREMA-D/originals/flat.mp4",
        "CREMA-D/tps-generated/1001--c--1002.webm",
        "CREMA-D/tps-generated/1001/deep/er/1001--c--1002.mp4",
        "CREMA-D/tps-generated/1001/1001--c--1002.M4V",
        "CREMA-D/tps-generated/1001/notes.txt",  # no video
        "CREMA-D/tps-generated/1001/deep/._1001--c--1002.mp4",
    )
    dataset = read_nvfair(tmp_path)
    assert "CREMA-D/originals/flat.mp4: the first of 4 videos that lie in no target's folder" in said(dataset)
    assert (len(dataset), dataset.excluded) == (len(NVFAIR_FILES), 4)


def test_dangling_link_is_missing_and_the_link_to_a_video_is_not(tmp_path: Path) -> None:
    nvfair(tmp_path / "corpus")
    (tmp_path / "real.mp4").touch()
    folder = tmp_path / "corpus/CREMA-D/tps-generated/1001"
    (folder / "1001--a--1001.mp4").symlink_to(tmp_path / "real.mp4")
    (folder / "1001--b--1001.mp4").symlink_to(tmp_path / "gone.mp4")
    dataset = read_nvfair(tmp_path / "corpus")
    assert "1001--b--1001.mp4: is missing; left out." in said(dataset)
    assert len(dataset) == len(NVFAIR_FILES) + 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_video_without_permission_is_left_out(tmp_path: Path) -> None:
    nvfair(tmp_path)
    (tmp_path / NVFAIR_FILES[0]).chmod(0)
    dataset = read_nvfair(tmp_path)
    assert f"{NVFAIR_FILES[0]}: cannot be read (not permitted); left out." in said(dataset)


def test_identity_without_split_is_named_once(tmp_path: Path) -> None:
    more = [f"CREMA-D/tps-generated/1099/1099--c{n}--1099.mp4" for n in range(5)]
    dataset = read_nvfair(nvfair(tmp_path, *more))
    assert said(dataset).count("names no split for 1099; its 5 videos belong to no split") == 1


def test_empty_split_is_said(tmp_path: Path) -> None:
    nvfair(tmp_path)
    (tmp_path / "train_val_test_splits.txt").write_text("identities in test set:\n1001\n", "utf-8")
    dataset = read_nvfair(tmp_path)
    assert "the validation split is empty" in said(dataset)
    assert "the train split is empty" in said(dataset)


def test_split_file_without_identities_is_refused_with_a_sentence(tmp_path: Path) -> None:
    nvfair(tmp_path)
    (tmp_path / "train_val_test_splits.txt").write_text("\n\n", "utf-8")
    with pytest.raises(UserError, match="lists no identity under a heading"):
        read_nvfair(tmp_path)


def test_any_source_and_generator_name_is_read(tmp_path: Path) -> None:
    touch(
        tmp_path, "simulated/mesh-generated/s001/s001--clip7--s002.mp4", "simulated/originals/s001/clip1.mp4"
    )
    (tmp_path / "train_val_test_splits.txt").write_text("identities in test set: s001, s002\n", "utf-8")
    assert is_nvfair(tmp_path)
    dataset = read_nvfair(tmp_path)
    assert set(dataset.labels["generator"]) == {"mesh", "original"}
    assert set(dataset.labels["split"]) == {"test"}
    assert "released" not in said(dataset)


def test_licences_come_from_the_workbook(tmp_path: Path) -> None:
    nvfair(tmp_path)
    workbook(
        tmp_path, [(name, "CC BY-NC-SA 4.0") for name in NVFAIR_FILES[:-1]] + [("CREMA-D/a/b/gone.mp4", "X")]
    )
    dataset = read_nvfair(tmp_path)
    assert (
        dataset.labels["licence"].value_counts().to_dicts().count({"licence": "CC BY-NC-SA 4.0", "count": 7})
    )
    assert row(dataset, NVFAIR_FILES[-1])["licence"] is None
    assert "names no licence for 1 videos" in said(dataset)
    assert "line 9: CREMA-D/a/b/gone.mp4 is listed but not in the folder (1 such files)" in said(dataset)


def test_damaged_workbook_leaves_the_licence_unknown_and_says_so(tmp_path: Path) -> None:
    nvfair(tmp_path)
    (tmp_path / "per_file_information_NVFAIR_v2.xlsx").write_bytes(b"not a workbook")
    dataset = read_nvfair(tmp_path)
    assert "per_file_information_NVFAIR_v2.xlsx: cannot be read" in said(dataset)
    assert dataset.labels["licence"].null_count() == len(dataset)


def workbook(root: Path, rows: list[tuple[str, str]]) -> None:
    """A minimal xlsx, as ECMA-376 asks for it: inline strings, one sheet."""
    import zipfile

    cells = [("file name", "applicable license"), *rows]
    lines = "".join(
        f'<row r="{number}">'
        + "".join(
            f'<c r="{column}{number}" t="inlineStr"><is><t>{text}</t></is></c>'
            for column, text in zip("AB", pair, strict=True)
        )
        + "</row>"
        for number, pair in enumerate(cells, start=1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(root / "per_file_information_NVFAIR_v2.xlsx", "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="files" sheetId="1" r:id="r1"/>'
            "</sheets></workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{main}"><sheetData>{lines}</sheetData></worksheet>',
        )


@given(st.text())
def test_any_name_parses_or_is_refused(stem: str) -> None:
    try:
        target, _, driver = parse_name(stem)
    except UnparsedNameError as error:
        assert "--" not in stem or "empty field" in str(error)
    else:
        assert stem.startswith(f"{target}--")
        assert stem.endswith(f"--{driver}")


identity = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=8)
clip = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=20).filter(
    lambda text: all(text.split("--")) and not re.search(r"^-|-$", text)
)


@given(identity, st.none() | clip, identity)
def test_parsing_inverts_naming(target: str, clip: str | None, driver: str) -> None:
    name = "--".join(part for part in (target, clip, driver) if part is not None)
    assert parse_name(name) == (target, clip, driver)
