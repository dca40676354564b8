"""AVAPrintDB, tables, the choice of reader, and parts of a dataset."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from pipeline.benchmark.protocols import MEAN, POOLED
from pipeline.benchmark.subgroups import groupings
from pipeline.datasets.avaprintdb import read_avaprintdb
from pipeline.datasets.open_dataset import open_dataset, restrict
from pipeline.datasets.pairs import read_pairs
from pipeline.datasets.summary import count_videos, facts
from pipeline.datasets.table import RESERVED, read_table_dataset
from pipeline.errors import UserError
from tests.pipeline.datasets.corpus import nvfair, touch

UUID = "063b1674-e708-5f9c-8f09-2f75f27a31aa"
AVAPRINT = (
    f"videos/TEST/GAGA/C1061--C1005--{UUID}--GAGA.mp4",
    f"videos/TEST/LIVE/Actor_07--Actor_07--{UUID}--LIVE.mp4",
    f"videos/DEV/C1001--C1010--{UUID}--HUNY.mp4",  # no generator folder, both validate
    f"videos/DEV/HUNY/C1002--C1001--{UUID}--HUNY.mp4",  # training target, validation driver
    f"videos/DEV/HUNY/C1002--C1002--{UUID}--HUNY.mp4",
)


def test_avaprintdb_names_give_target_driver_generator_and_split(tmp_path: Path) -> None:
    dataset = read_avaprintdb(touch(tmp_path, *AVAPRINT, "videos/TEST/GAGA/C1061--C1005--GAGA.mp4"))
    rows = {row["path"]: row for row in dataset.labels.to_dicts()}
    assert set(rows) == set(AVAPRINT)
    assert [rows[name]["split"] for name in AVAPRINT] == ["test", "test", "validation", None, "train"]
    assert [rows[name]["generator"] for name in AVAPRINT] == ["GAGA", "LIVE", "HUNY", "HUNY", "HUNY"]
    assert (rows[AVAPRINT[0]]["target"], rows[AVAPRINT[0]]["driver"]) == ("C1061", "C1005")
    assert rows[AVAPRINT[1]]["source"] == "RAVDESS"
    assert dataset.excluded == 1
    assert "has 3 fields between '--', not 4" in str(dataset.problems[0])


def test_avaprintdb_metadata_give_soft_biometrics_by_identity(tmp_path: Path) -> None:
    touch(tmp_path, *AVAPRINT)
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata/cremad_metadata.csv").write_text(
        "uuid,actor_id,sex,age,race\nu1,1061,Male,51,Caucasian\nu2,1061,Male,51,Caucasian\n", "utf-8"
    )
    (tmp_path / "metadata/ravdess_metadata.csv").write_text("uuid,actor,gender\nu3,7,male\n", "utf-8")
    assert read_avaprintdb(tmp_path).subjects.to_dicts() == [
        {"identity": "Actor_07", "gender": "male", "age": None, "ethnicity": None},
        {"identity": "C1061", "gender": "Male", "age": "51", "ethnicity": "Caucasian"},
    ]


def test_pair_file_keeps_what_can_be_compared_and_names_the_rest_by_line(tmp_path: Path) -> None:
    touch(tmp_path, *AVAPRINT)
    path = tmp_path / "eval_files" / "evaluation_pairs_CREMA-D_GAGA.csv"
    path.parent.mkdir()
    left, right = Path(AVAPRINT[0]), Path(AVAPRINT[1])
    path.write_text(
        "enrolment_sample,test_sample,label\n"
        f"{left.stem},{right.name},0\n"
        f"gone--gone--u--GAGA.mp4,{right.name},0\n"
        f"videos/TEST/GAGA/{left.name},{right.name},maybe\n",
        "utf-8",
    )
    dataset = open_dataset(tmp_path)
    assert dataset.pair_files == (path,)
    pairs, problems = read_pairs(path, dataset)
    assert pairs.to_dicts() == [{"left": AVAPRINT[0], "right": AVAPRINT[1], "same_driver": False}]
    assert [str(problem) for problem in problems] == [
        f"{path.name}, line 3: gone--gone--u--GAGA is not among the videos measured; the pair is left out.",
        f"{path.name}, line 4: label 'maybe' is neither 0 nor 1; the pair is left out.",
    ]


def pair_file(root: Path, *rows: str) -> Path:
    path = touch(root, *AVAPRINT) / "evaluation_pairs_X.csv"
    path.write_text("\n".join(["enrolment_sample,test_sample,label", *rows]) + "\n", "utf-8")
    return path


def test_pairs_that_would_count_twice_or_against_themselves_are_left_out(tmp_path: Path) -> None:
    a, b, c = AVAPRINT[0], AVAPRINT[1], AVAPRINT[4]
    path = pair_file(tmp_path, f"{a},{b},0", f"{a},{a},1", f"{b},{a},0", f"{a},{b},1", f"{a},{c},0")
    pairs, problems = read_pairs(path, open_dataset(tmp_path))
    assert pairs.select("left", "right").rows() == [(a, b), (a, c)]
    assert [str(problem).partition(": ")[2].split(" ", 1)[1] for problem in problems] == [
        "is compared with itself; the pair is left out.",
        f"and {Path(a).stem} stand already in line 2; the pair is left out.",
        f"and {Path(b).stem} stand already in line 2; the pair is left out.",
    ]


def test_label_that_contradicts_the_drivers_is_remarked_once(tmp_path: Path) -> None:
    a, b, c = AVAPRINT[0], AVAPRINT[1], AVAPRINT[4]
    path = pair_file(tmp_path, f"{a},{c},0", f"{a},{b},1", f"{b},{c},1")
    pairs, (problem,) = read_pairs(path, open_dataset(tmp_path))
    assert pairs["same_driver"].to_list() == [False, True, True]
    assert "line 3: the first of 2 pairs whose label contradicts the drivers" in str(problem)


def test_many_pairs_of_videos_that_are_not_measured_are_summed_up(tmp_path: Path) -> None:
    """As when a generator is chosen: every pair of the others' files names a video that is not measured."""
    path = pair_file(tmp_path, *(f"{AVAPRINT[1]},{n}--gone.mp4,0" for n in range(500)))
    pairs, problems = read_pairs(path, open_dataset(tmp_path))
    assert (len(pairs), len(problems), sum(problem.excluded for problem in problems)) == (0, 21, 500)
    assert "480 more pairs are left out for reasons like this: 19--gone is not among" in str(problems[-1])


def table(root: Path, *lines: str) -> Path:
    touch(root, "a.mp4", "b.mp4", "c.mp4")
    path = root / "labels.csv"
    path.write_text("\n".join(["path,target,driver,generator,split,source", *lines]) + "\n", "utf-8")
    return path


def test_table_is_a_dataset(tmp_path: Path) -> None:
    path = table(
        tmp_path, "a.mp4,cat,cat,gaga,test,lab", "b.mp4,ann,ben,gaga,val,lab", "c.mp4,ben,ben,original,,lab"
    )
    dataset = open_dataset(path)
    rows = dataset.labels.to_dicts()
    assert [row["split"] for row in rows] == ["test", "validation", None]
    assert [row["original"] for row in rows] == [False, False, True]
    assert rows[1]["driver_source"] == "lab"
    assert dataset.problems == ()
    parquet = tmp_path / "labels.parquet"
    pl.read_csv(path).write_parquet(parquet)
    assert open_dataset(parquet).labels.equals(dataset.labels)


def test_rows_that_cannot_be_used_are_named_by_line(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "a.mp4,ann,ann,gaga,test,",
        "b.mp4,ann,,gaga,test,",
        "c.mp4,ann,ben,gaga,dev,",
        "gone.mp4,ann,ben,gaga,test,",
        "a.mp4,ann,ben,gaga,test,",
        "b.mp4,ann,ben,original,test,",
    )
    dataset = read_table_dataset(path)
    assert len(dataset) == 1
    assert dataset.excluded == 5
    assert [str(problem) for problem in dataset.problems] == [
        "labels.csv, line 3: driver is empty; left out.",
        "labels.csv, line 4: split 'dev' is none of train, validation, test; left out.",
        "labels.csv, line 5: gone.mp4 is missing or cannot be read; left out.",
        "labels.csv, line 6: a.mp4 stands already in line 2; left out.",
        "labels.csv, line 7: an original video cannot have another driver than its target; left out.",
    ]


def test_file_named_twice_in_two_ways_is_one_video(tmp_path: Path) -> None:
    """Counted twice it would resemble itself perfectly."""
    names = ("a.mp4", "./a.mp4", f"{tmp_path}/a.mp4", "videos/../a.mp4")
    path = table(tmp_path, *(f"{name},ann,ann,gaga,test," for name in names))
    dataset = read_table_dataset(path)
    assert dataset.labels["path"].to_list() == ["a.mp4"]
    assert [str(problem) for problem in dataset.problems] == [
        f"labels.csv, line {line}: {name} stands already in line 2; left out."
        for line, name in enumerate(names[1:], start=3)
    ]


def test_original_is_read_in_every_plain_spelling_and_no_other_is_guessed(tmp_path: Path) -> None:
    true, false = ("TRUE", "Y", "yes", "t", "1", "1.0"), ("False", "n", "NO", "f", "0", "0.0", "")
    spellings = (*true, *false, "wahr", "2")
    names = [f"{number:02}.mp4" for number in range(len(spellings))]
    touch(tmp_path, *names)
    path = tmp_path / "labels.csv"
    rows = (f"{name},ann,ann,cam,{spelling}" for name, spelling in zip(names, spellings, strict=True))
    path.write_text("\n".join(["path,target,driver,generator,original", *rows]) + "\n", "utf-8")
    dataset = read_table_dataset(path)
    assert dataset.labels["original"].to_list() == [True] * len(true) + [False] * len(false)
    assert dataset.attributes.columns == ["path"]
    assert [str(problem) for problem in dataset.problems] == [
        f"labels.csv, line {line}: original {spelling!r} is neither true, yes, 1 nor false, no, 0; left out."
        for line, spelling in enumerate(spellings[-2:], start=len(true) + len(false) + 2)
    ]
    assert dataset.excluded == 2
    parquet = tmp_path / "labels.parquet"
    pl.DataFrame(
        {
            "path": names[:3],
            "target": "ann",
            "driver": "ann",
            "generator": "cam",
            "original": [1.0, 0.0, None],
        }
    ).write_parquet(parquet)
    assert read_table_dataset(parquet).labels["original"].to_list() == [True, False, False]


def test_generator_original_is_a_recording_however_it_is_written(tmp_path: Path) -> None:
    """As a generator of its own it would stand in the pooled figures, as self-reenactments."""
    path = table(tmp_path, "a.mp4,ann,ann,Original,,", "b.mp4,ann,ann,ORIGINALS,,", "c.mp4,ann,ann,gaga,,")
    labels = read_table_dataset(path).labels
    assert labels["original"].to_list() == [True, True, False]
    assert labels["generator"].to_list() == ["original", "original", "gaga"]


def test_generator_called_as_a_result_is_left_out(tmp_path: Path) -> None:
    """Its videos alone would stand as the figure of all."""
    dataset = read_table_dataset(table(tmp_path, "a.mp4,ann,ann,pooled,,", "b.mp4,ann,ann,gaga,,"))
    assert dataset.labels["generator"].to_list() == ["gaga"]
    assert "line 2: generator 'pooled' is what a result is called; left out" in str(dataset.problems[0])
    assert {POOLED, MEAN} == set(RESERVED)


def test_empty_line_of_a_table_is_no_row(tmp_path: Path) -> None:
    dataset = read_table_dataset(table(tmp_path, "a.mp4,ann,ann,gaga,,", "", "x.mp4,ann,ann,gaga,,", "", ""))
    assert [str(problem) for problem in dataset.problems] == [
        "labels.csv, line 4: x.mp4 is missing or cannot be read; left out."
    ]


def test_line_that_is_told_is_the_files_after_a_cell_with_line_breaks(tmp_path: Path) -> None:
    path = table(tmp_path, 'a.mp4,ann,ann,gaga,test,"two\nlines, ""quoted"""', "x.mp4,ann,ben,gaga,test,")
    assert [str(problem) for problem in read_table_dataset(path).problems] == [
        "labels.csv, line 4: x.mp4 is missing or cannot be read; left out."
    ]
    pairs = pair_file(tmp_path / "ava", f'{AVAPRINT[0]},{AVAPRINT[1]},"0\n"', "gone.mp4,away.mp4,1")
    (problem,) = read_pairs(pairs, open_dataset(tmp_path / "ava"))[1]
    assert problem.line == 4


def test_path_with_a_nul_byte_is_named_by_line(tmp_path: Path) -> None:
    (problem,) = read_table_dataset(
        table(tmp_path, "a.mp4,ann,ann,gaga,test,", "b\0.mp4,ann,ben,x,,")
    ).problems
    assert str(problem) == "labels.csv, line 3: its path holds a NUL byte; left out."


def test_columns_line_and_line__are_both_attributes(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4")
    path = tmp_path / "labels.csv"
    path.write_text("path,target,driver,generator,line,line_\na.mp4,ann,ann,gaga,7,8\n", "utf-8")
    (row,) = read_table_dataset(path).attributes.select(pl.exclude("path")).rows()
    assert row == ("7", "8")


def test_people_in_more_than_one_split_are_remarked(tmp_path: Path) -> None:
    """As when rows are split at random: ann's way of moving is learnt, and then found again."""
    path = table(tmp_path, "a.mp4,ann,ann,gaga,train,", "b.mp4,cat,ann,gaga,test,", "c.mp4,ben,ben,gaga,,")
    (problem,) = read_table_dataset(path).problems
    assert "labels.csv: in more than one split, as target or driver, stand ann (1 in all)" in str(problem)
    assert problem.excluded == 0


def test_nan_in_a_column_that_may_be_absent_is_an_empty_cell(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mp4", "c.mp4", "d.mp4")
    path = tmp_path / "labels.csv"
    path.write_text(
        "path,target,driver,generator,split,source,age,light\na.mp4,Nan,Nan,gaga,nan,NaN,NaN,nan\n"
        "b.mp4,Nan,ben,gaga,test,x,31,day\nc.mp4,ben,ben,gaga,test,x,30,<NA>\nd.mp4,ben,ben,gaga,,,,\n",
        "utf-8",
    )
    dataset = read_table_dataset(path)
    assert dataset.problems == ()
    assert dataset.labels["target"].to_list() == ["Nan", "Nan", "ben", "ben"]  # somebody may be called that
    assert dataset.labels["split"].to_list() == [None, "test", "test", None]
    assert dataset.labels["source"].to_list() == [None, "x", "x", None]
    assert dataset.attributes.select("age", "light").rows() == [
        (None, None), ("31", "day"), ("30", None), (None, None),
    ]  # fmt: skip
    (age,) = groupings(dataset)[0]  # of light there is but one value
    assert (age.attribute, set(age.group_of.values())) == ("age", {"30", "31"})


def test_nan_where_a_column_holds_numbers_is_an_empty_cell(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mp4")
    rows = {"path": ["a.mp4", "b.mp4"], "target": [7.0, math.nan], "driver": [7, 7], "generator": ["x", "x"]}
    pl.DataFrame({**rows, "age": [math.nan, 30.0]}).write_parquet(tmp_path / "labels.parquet")
    dataset = read_table_dataset(tmp_path / "labels.parquet")
    empty, alike = map(str, dataset.problems)
    assert empty == "labels.parquet, line 2: target is empty; left out."
    assert "7 and 7.0" in alike  # two people as they are written, and so a remark
    assert dataset.attributes["age"].to_list() == [None]


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("Ann", "ann", "Ann and ann"),
        ("Zo\u00eb", "Zoe\u0308", "Zoe\u0308 (Zoe\\u0308) and Zo\u00eb (Zo\\xeb)"),
        ("1019", "1019.0", "1019 and 1019.0"),
        ("07", "7", "07 and 7"),
    ],
)
def test_names_alike_but_for_their_writing_are_two_people_and_remarked(
    tmp_path: Path, one: str, other: str, said: str
) -> None:
    path = table(tmp_path, f"a.mp4,{one},{one},gaga,,", f"b.mp4,{one},{other},gaga,,", "c.mp4,70,71,gaga,,")
    dataset = read_table_dataset(path)
    assert set(dataset.labels["driver"]) == {one, other, "71"}
    (problem,) = dataset.problems
    assert f"taken as different people: {said} (1 in all)" in str(problem)
    assert problem.excluded == 0


def test_unusable_tables_and_folders_are_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "no_driver.csv").write_text("path,target\na.mp4,ann\n", "utf-8")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 but no more")
    (tmp_path / "empty").mkdir()
    for name, words in (
        ("no_driver.csv", "has no column 'driver'"),
        ("bad.parquet", "cannot be read as a table"),
        ("empty", "has no layout that is known"),
        ("absent", "does not exist"),
    ):
        with pytest.raises(UserError, match=words) as error:
            open_dataset(tmp_path / name)
        assert name in str(error.value)


def test_reader_is_chosen_by_what_lies_in_the_folder(tmp_path: Path) -> None:
    assert open_dataset(nvfair(tmp_path / "one" / "NVFAIR-v2-release")).kind == "NVFAIR"
    assert open_dataset(tmp_path / "one").kind == "NVFAIR"
    assert open_dataset(touch(tmp_path / "two", *AVAPRINT)).kind == "AVAPrintDB"


def test_corpus_is_found_beside_what_else_lies_in_its_folder(tmp_path: Path) -> None:
    """As a download with __MACOSX beside, or where the run was written next to the corpus."""
    nvfair(tmp_path / "NVFAIR-v2-release")
    touch(tmp_path, "__MACOSX/CREMA-D/._originals", "run/plan.json", "run/models/x.json")
    assert open_dataset(tmp_path).root.name == "NVFAIR-v2-release"
    touch(tmp_path / "AVAPrintDB", *AVAPRINT)
    with pytest.raises(UserError, match=r"several corpora \(AVAPrintDB, NVFAIR-v2-release\)"):
        open_dataset(tmp_path)


def test_avaprintdb_videos_that_lie_elsewhere_are_counted_and_hidden_files_are_none(tmp_path: Path) -> None:
    touch(
        tmp_path, *AVAPRINT, f"videos/TEST/GAGA/._C1061--C1005--{UUID}--GAGA.mp4",
        f"videos/TEST/GAGA/deeper/C1061--C1006--{UUID}--GAGA.mp4",
        f"videos/TEST/GAGA/C1061--C1007--{UUID}--GAGA.mkv", "videos/TEST/GAGA/notes.txt",
    )  # fmt: skip
    dataset = read_avaprintdb(tmp_path)
    assert set(dataset.labels["path"]) == set(AVAPRINT)
    (problem,) = dataset.problems
    assert "C1007" in problem.file and "the first of 2 videos that lie in a folder below" in str(problem)
    assert dataset.excluded == 2


def test_avaprintdb_name_of_another_generator_than_its_folder_is_remarked(tmp_path: Path) -> None:
    odd = f"videos/TEST/LIVE/C1061--C1061--{UUID}--GAGA.mp4"
    dataset = read_avaprintdb(touch(tmp_path, *AVAPRINT, odd))
    (problem,) = dataset.problems
    assert str(problem).startswith(f"{odd}: the first of 1 videos whose name says another generator")
    assert dataset.labels.filter(path=odd)["generator"].item() == "GAGA"


def test_part_of_a_dataset_meets_every_condition(tmp_path: Path) -> None:
    dataset = open_dataset(nvfair(tmp_path))
    test = restrict(dataset, split="test", generators=["facevid2vid", "tps"])
    assert len(test) == 4
    assert set(test.labels["split"]) == {"test"}
    assert len(restrict(dataset, identities=["1001"])) == 2
    with pytest.raises(
        UserError, match="no video of generator lai: there are facevid2vid, lia, original, tps"
    ):
        restrict(dataset, generators=["lai"])
    assert len(restrict(dataset, split="test", identities=["1001", "1002"])) == 2  # 1002 has no test video
    with pytest.raises(UserError, match="knows no identity 100l, 9, as target or driver: there are 1001, "):
        restrict(dataset, identities=["1001", "9", "100l"])
    with pytest.raises(UserError, match="no video of split test"):
        restrict(restrict(dataset, split="train"), split="test")


def test_a_list_of_what_there_is_says_that_it_is_cut(tmp_path: Path) -> None:
    rows = [f"{n:02}.mp4,ann,ann,g{n:02},," for n in range(13)]
    touch(tmp_path, *(row.split(",")[0] for row in rows))
    with pytest.raises(UserError, match=r"no video of generator g: there are g00, .*, g11, …\.$"):
        restrict(read_table_dataset(table(tmp_path, *rows)), generators=["g"])


def test_sample_keeps_both_kinds_of_every_target_and_generator(tmp_path: Path) -> None:
    names = [f"S/x-generated/a/a--c{n:02}--{driver}.mp4" for n in range(20) for driver in ("a", "b", "c")]
    dataset = restrict(open_dataset(touch(tmp_path, *names)), sample=5)
    own = dataset.labels.filter(pl.col("driver") == "a")
    cross = dataset.labels.filter(pl.col("driver") != "a")
    assert (len(own), len(cross)) == (5, 5)
    clips = [int(path.split("--")[1][1:]) for path in own["path"]]
    assert max(clips) - min(clips) > 10  # spread over the list, not its beginning


def test_counts_add_up(tmp_path: Path) -> None:
    dataset = open_dataset(nvfair(tmp_path))
    counts = count_videos(dataset)
    assert counts["self"].sum() + counts["cross"].sum() == len(dataset)
    assert facts(dataset) == {
        "videos": 8,
        "identities": 5,
        "in no split": 1,
        "cross-source": 1,
        "licence unknown": 8,
        "excluded": 0,
    }
