"""Altered against clean, group against group, another system's file: by definitions written out as loops."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from model.metadata import read_metadata
from model.shipped import shipped_model
from model.target_auc import by_distance
from pipeline.benchmark.alterations import ALTERATIONS
from pipeline.benchmark.imported import read_imported
from pipeline.benchmark.pair_protocol import look_up_pairs, measure_pairs
from pipeline.benchmark.protocols import (
    MEAN,
    by_score,
    measure_model,
    measure_scores,
    one_a_video,
    vectors_of,
)
from pipeline.benchmark.results import write_results
from pipeline.benchmark.robustness import measure_robustness
from pipeline.benchmark.run_folder import CHUNK, RunFolder
from pipeline.benchmark.subgroups import groupings, measure_subgroups
from pipeline.datasets.label import Dataset, DatasetProblem, label_frame
from pipeline.datasets.open_dataset import open_dataset
from pipeline.errors import UserError
from tests.pipeline.datasets.corpus import touch
from tests.pipeline.datasets.test_readers import AVAPRINT

PEOPLE = range(8)


def corpus(seed: int = 0) -> tuple[Dataset, pl.DataFrame]:
    """Eight identities, two generators, everybody drives everybody; unit embeddings of eight values."""
    random = np.random.default_rng(seed)
    place = random.normal(size=(len(PEOPLE), 8))
    rows, vectors = [], []
    for target, driver, generator in itertools.product(PEOPLE, PEOPLE, ("mesh", "tps")):
        for clip in range(3 if target == driver else 1):
            name = f"{generator}/p{target}/p{target}--{clip}--p{driver}.mp4"
            rows.append((name, f"p{target}", f"p{driver}", generator))
            vector = place[driver] + 1.2 * random.normal(size=8)
            vectors.append(vector / np.linalg.norm(vector))
    columns = dict(
        zip(("path", "target", "driver", "generator"), map(list, zip(*rows, strict=True)), strict=True)
    )
    labels = label_frame({**columns, "original": [False] * len(rows)})
    embeddings = pl.DataFrame(
        {"path": columns["path"], "centre": True, "window": False, "embedding": np.array(vectors)}
    )
    subjects = pl.DataFrame({
        "identity": [f"p{n}" for n in PEOPLE],
        "gender": ["f", "m"] * 4,
        "age": [str(20 + 7 * n) for n in PEOPLE],
    })  # fmt: skip
    return Dataset(Path("/corpus"), "table", labels, subjects=subjects), embeddings


def vector_of(embeddings: pl.DataFrame) -> dict[str, list[float]]:
    return dict(embeddings.select("path", "embedding").iter_rows())


def mean_by_target(
    labels: pl.DataFrame, known: dict[str, list[float]], asked: dict[str, list[float]]
) -> float:
    """The protocol as loops; the first video of a pair from ``known``, the second from ``asked``."""
    values = []
    for target in labels["target"].unique():
        own = labels.filter(pl.col("target") == target, pl.col("driver") == target)["path"].to_list()
        other = labels.filter(pl.col("target") == target, pl.col("driver") != target)["path"].to_list()
        same = [-math.dist(known[a], asked[b]) for a, b in itertools.permutations(own, 2)]
        differ = [-math.dist(known[a], asked[b]) for a, b in itertools.product(own, other)]
        wins = [(s > d) + 0.5 * (s == d) for s, d in itertools.product(same, differ)]
        values.append(sum(wins) / len(wins))
    return float(np.mean(values))


def altered_rows(
    dataset: Dataset, embeddings: pl.DataFrame, change: float
) -> tuple[list[dict[str, object]], pl.DataFrame]:
    """Rows when the first alteration moves every embedding at random; it failed on the last video."""
    random = np.random.default_rng(1)
    vectors = embeddings["embedding"].to_numpy()
    moved = vectors + change * random.normal(size=vectors.shape)
    key = ALTERATIONS[0].key
    altered = embeddings.select("path").with_columns(alteration=pl.lit(key), embedding=moved)[:-1]
    facts = altered.select("path", "alteration", unchanged=pl.lit(False))
    rows = measure_robustness("m", embeddings, altered, facts, dataset.labels)
    return [row for row in rows if row["alteration"] == key], altered


def test_altered_videos_are_compared_with_the_same_videos_as_they_are() -> None:
    dataset, embeddings = corpus()
    rows, altered = altered_rows(dataset, embeddings, 0.3)
    labels = dataset.labels.filter(pl.col("path").is_in(altered["path"].implode()))
    clean, changed = vector_of(embeddings), vector_of(altered)
    found = {(row["compared"], row["subset"]): row for row in rows}
    wanted = {"both": mean_by_target(labels, changed, changed), "one": mean_by_target(labels, clean, changed)}
    for compared, auc in wanted.items():
        row = found[compared, "pooled"]
        assert row["auc"] == pytest.approx(auc, abs=1e-12)
        assert row["clean"] == pytest.approx(mean_by_target(labels, clean, clean), abs=1e-12)
        assert row["difference"] == row["auc"] - row["clean"]
        assert (row["n_videos"], row["n_failed"], row["n_targets"]) == (len(labels), 1, 8)
        single = [found[compared, name]["auc"] for name in ("mesh", "tps")]
        assert found[compared, "mean of generators"]["auc"] == pytest.approx(np.mean(single), abs=1e-12)


def test_difference_is_paired_so_its_interval_is_narrower_than_that_of_an_auc() -> None:
    dataset, embeddings = corpus()
    rows, _ = altered_rows(dataset, embeddings, 0.02)
    (row,) = [row for row in rows if row["compared"] == "both" and row["subset"] == "pooled"]
    assert row["difference_low"] <= row["difference"] <= row["difference_high"]
    assert row["difference_high"] - row["difference_low"] < 0.25 * (row["high"] - row["low"])


def test_alteration_without_embeddings_is_a_row_without_figures() -> None:
    dataset, embeddings = corpus()
    nothing = embeddings.select("path", alteration=pl.lit(""), embedding="embedding").clear()
    facts = pl.DataFrame(schema={"path": pl.String, "alteration": pl.String, "unchanged": pl.Boolean})
    rows = list(measure_robustness("m", embeddings, nothing, facts, dataset.labels))
    assert [row["alteration"] for row in rows] == [one.key for one in ALTERATIONS]
    assert all(row["auc"] is None and row["n_failed"] == len(dataset) for row in rows)


def test_subgroup_is_measured_among_its_own_videos_and_the_gap_against_all_others() -> None:
    dataset, embeddings = corpus()
    groups, problems = groupings(dataset)
    assert ([group.attribute for group in groups], problems) == (["gender", "age"], [])
    videos = one_a_video(embeddings, dataset.labels)
    rows = list(measure_subgroups("m", videos, by_distance(vectors_of(videos)), groups))
    by_path = vector_of(embeddings)
    for group, people in (("f", (0, 2, 4, 6)), ("m", (1, 3, 5, 7))):
        (row,) = [row for row in rows if row["group"] == group]
        mine = pl.col("target").is_in([f"p{n}" for n in people])
        auc = mean_by_target(dataset.labels.filter(mine), by_path, by_path)
        rest = mean_by_target(dataset.labels.filter(~mine), by_path, by_path)
        assert row["auc"] == pytest.approx(auc, abs=1e-12)
        assert row["gap"] == pytest.approx(auc - rest, abs=1e-12)
        assert row["low"] is None  # four targets carry no interval
        assert row["n_targets"] == 4


def test_many_ages_become_thirds_and_many_names_become_a_remark() -> None:
    dataset, _ = corpus()
    many = pl.DataFrame({"path": dataset.labels["path"]}).with_columns(
        uuid=pl.col("path").str.slice(0, 30), second=pl.int_range(pl.len()).cast(pl.String)
    )
    groups, problems = groupings(Dataset(dataset.root, "table", dataset.labels, attributes=many))
    assert [group.attribute for group in groups] == ["second"]
    assert len(set(groups[0].group_of.values())) == 3
    (problem,) = problems
    assert "column uuid has" in str(problem) and "no groups are made of it" in str(problem)


def test_scores_of_pairs_give_what_their_embeddings_give() -> None:
    dataset, embeddings = corpus()
    vectors = vector_of(embeddings)
    pairs = pl.DataFrame(
        [(b, a, -math.dist(vectors[a], vectors[b])) for a, b in itertools.combinations(vectors, 2)],
        schema=["left", "right", "score"],
        orient="row",
    )
    by_vectors = measure_model("m", embeddings, dataset.labels)
    by_pairs = measure_scores("m", pairs, dataset.labels)
    assert len(by_pairs.results) == len(by_vectors.results) > 0
    for one, other in zip(by_pairs.results, by_vectors.results, strict=True):
        assert one.keys() == other.keys()
        for name, value in other.items():
            assert one[name] == (pytest.approx(value, abs=1e-12) if isinstance(value, float) else value)
    assert len(by_pairs.curves) == len(by_vectors.curves)
    groups, _ = groupings(dataset)
    ours = list(measure_subgroups("m", dataset.labels, by_score(pairs, dataset.labels), groups))
    videos = one_a_video(embeddings, dataset.labels)
    theirs = list(measure_subgroups("m", videos, by_distance(vectors_of(videos)), groups))
    assert [row["auc"] for row in ours] == pytest.approx([row["auc"] for row in theirs], abs=1e-12)


def write_embeddings(path: Path, embeddings: pl.DataFrame, name: pl.Expr | None = None) -> Path:
    """One column a dimension."""
    vectors = embeddings["embedding"].to_numpy()
    table = embeddings.select(name if name is not None else pl.col("path"))
    table.with_columns(pl.Series(f"e{n}", vectors[:, n]) for n in range(vectors.shape[1])).write_csv(path)
    return path


def test_embeddings_of_another_system_are_read_from_csv_and_parquet(tmp_path: Path) -> None:
    dataset, embeddings = corpus()
    csv = write_embeddings(tmp_path / "other.csv", embeddings)
    parquet = tmp_path / "other.parquet"
    embeddings.select("path", pl.col("embedding").cast(pl.List(pl.Float64))).write_parquet(parquet)
    for path in (csv, parquet):
        found = read_imported(path, dataset, dataset)
        assert (found.kind, found.problems) == ("embeddings", ())
        measured = measure_model("m", found.table, dataset.labels)
        direct = measure_model("m", embeddings, dataset.labels)
        assert measured.results[0]["auc"] == pytest.approx(direct.results[0]["auc"], abs=1e-12)


def test_several_rows_a_video_are_its_windows(tmp_path: Path) -> None:
    dataset, embeddings = corpus()
    path = write_embeddings(tmp_path / "windows.csv", pl.concat([embeddings, embeddings]))
    found = read_imported(path, dataset, dataset)
    measured = measure_model("m", found.table, dataset.labels)
    assert {row["protocol"] for row in measured.results} == {"multi-clip"}
    direct = measure_model("m", embeddings, dataset.labels)
    assert measured.results[0]["auc"] == pytest.approx(direct.results[0]["auc"], abs=1e-12)


def test_what_a_file_of_another_system_lacks_or_has_too_much_is_said_by_line(tmp_path: Path) -> None:
    dataset, embeddings = corpus()
    path = write_embeddings(tmp_path / "other.csv", embeddings[1:])
    lines = path.read_text("utf-8").splitlines()
    lines.insert(3, "gone.mp4," + ",".join("01234567"))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    found = read_imported(path, dataset, dataset)
    assert [str(problem) for problem in found.problems] == [
        "other.csv, line 4: gone.mp4 is not in the dataset; the row is left out.",
        f"other.csv: has no embedding of 1 of {len(dataset)} videos; what is missing is not compared.",
    ]
    scores = tmp_path / "scores.csv"
    own = dataset.labels.filter(pl.col("target") == "p0", pl.col("driver") == "p0")["path"]
    scores.write_text(f"left,right,score\n{own[0]},{own[1]},0.5\n{own[1]},{own[0]},0.5\n", "utf-8")
    (problem,) = read_imported(scores, dataset, dataset).problems
    # 8 targets, 6 self- and 14 cross-reenactments each over both generators: 15 + 84 pairs
    assert "scores 1 of the protocol's 792 pairs" in str(problem)


def test_the_same_file_name_in_another_folder_is_another_video(tmp_path: Path) -> None:
    """NVFAIR's generators share file names; here the dataset is one of them, and the file covers two."""
    both, embeddings = corpus()
    dataset = replace(both, labels=both.labels.filter(generator="tps"))
    found = read_imported(write_embeddings(tmp_path / "both.csv", embeddings), dataset, dataset)
    ours = embeddings.filter(pl.col("path").is_in(dataset.labels["path"].implode()))
    assert found.table["path"].to_list() == ours["path"].to_list()
    assert len(found.problems) == len(embeddings) - len(ours)
    for number, name in enumerate((
        "/data/corpus/" + pl.col("path"),
        "./" + pl.col("path"),
        pl.col("path").str.split("/").list.slice(1).list.join("/"),
        pl.col("path").str.split("/").list.last(),
    )):  # fmt: skip
        path = write_embeddings(tmp_path / f"{number}.csv", ours, name.alias("path"))
        assert read_imported(path, dataset, dataset).table["path"].to_list() == ours["path"].to_list()


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "path,e0,e1\n{a},1,2\n{b},1,x\n", "line 3: column e1 holds 'x', which is no number"),
        ("a.csv", "path,e0,e1\n{a},1,2\n{b},nan,2\n", "line 3: a value is no finite number"),
        ("a.csv", 'path,e0\n"{a}\n",1\n{b},x\n', "line 4: column e0 holds 'x', which is no number"),
        ("a.csv", "path\n{a}\n", "has no column beside path"),
        ("a.csv", ",path,e0\n0,{a},1\n1,{b},2\n", "column '' holds row numbers"),
        ("a.csv", "path,target,Driver,e0\n{a},1001,1002,1\n", "column 'target' is no dimension"),
        ("a.csv", "path,e0,Driver\n{a},1,1002\n", "column 'Driver' is no dimension of an embedding"),
        ("a.csv", "path,start_frame,e0\n{a},0,1\n{a},64,1\n", "column 'start_frame' is no dimension"),
        ("a.csv", "file,e0\n{a},1\n", "has neither the columns left, right, score nor a column path"),
        ("a.csv", "path,e0\nnone.mp4,1\n", "names no video that is measured"),
        ("a.csv", "path,centre,e0\n{a},1,2\n{a},1,3\n", "line 3: {a} has more than one centre clip"),
        ("a.csv", "left,right,score\n{a},{b},high\n", "line 2: score 'high' is no finite number"),
        ("a.csv", "left,right,score\n{a},{b},1\n{b},{a},2\n", "line 3: .* were scored before, differently"),
        ("a.parquet", "PAR1", "cannot be read as a table"),
        ("absent.csv", None, "cannot be read as a table"),
    ],
)  # fmt: skip
def test_unusable_files_of_another_system_are_refused_with_file_and_line(
    tmp_path: Path, name: str, text: str | None, sentence: str
) -> None:
    dataset, _ = corpus()
    a, b = dataset.labels["path"][:2]
    if text is not None:
        (tmp_path / name).write_text(text.format(a=a, b=b), "utf-8")
    with pytest.raises(UserError, match=sentence.format(a=a)) as error:
        read_imported(tmp_path / name, dataset, dataset)
    assert name in str(error.value)


def test_embeddings_of_differing_lengths_are_refused_by_row(tmp_path: Path) -> None:
    dataset, _ = corpus()
    paths = dataset.labels["path"][:3]
    pl.DataFrame({"path": paths, "embedding": [[1.0, 2.0], [1.0], [2.0, 3.0]]}).write_parquet(
        tmp_path / "a.parquet"
    )
    with pytest.raises(UserError, match=r"a\.parquet, line 2: its embedding is not of 2 values"):
        read_imported(tmp_path / "a.parquet", dataset, dataset)
    pl.DataFrame({"path": paths[:2], "embedding": [None, [1.0]]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"a\.parquet, line 1: its embedding is not of 1 values"):
        read_imported(tmp_path / "a.parquet", dataset, dataset)


def test_pair_list_is_looked_up_either_way_round() -> None:
    dataset, _ = corpus()
    a, b, c = dataset.labels["path"][:3]
    pairs = pl.DataFrame({"left": [a, b, c], "right": [b, c, a], "same_driver": [True, False, False]})
    scores = pl.DataFrame({"left": [b, b], "right": [a, c], "score": [0.9, 0.1]})
    found = measure_pairs(look_up_pairs(pairs, scores), 3, dataset.labels.select("path", "driver"))
    assert (found["n_same"], found["n_different"], found["n_left_out"]) == (1, 1, 1)
    assert found["auc"] == 1


def pair_list(folder: Path, *rows: str) -> None:
    """Write AVAPrintDB's list of ``enrolment_sample,test_sample,label`` rows."""
    text = "\n".join(["enrolment_sample,test_sample,label", *rows]) + "\n"
    (folder / "evaluation_pairs_X.csv").write_text(text, "utf-8")


def measured_by_scores(root: Path) -> tuple[list[DatasetProblem], pl.DataFrame]:
    """Problems and figures of the corpus's pair lists, by a system that scored its first pair alone."""
    scores = root.parent / "scores.csv"
    scores.write_text(f"left,right,score\n{AVAPRINT[0]},{AVAPRINT[1]},0.5\n", "utf-8")
    dataset, run = open_dataset(root), RunFolder(root.parent / "run")
    run.prepare({})
    run.add_imported(read_imported(scores, dataset, dataset))
    problems = write_results(run, dataset, None, lambda: None)
    return problems, pl.read_parquet(run.root / "pair_files.parquet")


def test_pairs_of_absent_videos_are_counted_among_those_left_out(tmp_path: Path) -> None:
    root = touch(tmp_path / "corpus", *AVAPRINT)
    pair_list(root, f"{AVAPRINT[0]},{AVAPRINT[1]},0", f"gone.mp4,{AVAPRINT[1]},1", "gone.mp4,away.mp4,0")
    problems, found = measured_by_scores(root)
    assert len(problems) == 2
    (row,) = found.to_dicts()
    assert (row["n_same"], row["n_different"], row["n_left_out"]) == (0, 1, 2)


def test_pair_lists_that_one_embedding_a_video_leaves_unmeasured_are_remarked(tmp_path: Path) -> None:
    root = touch(tmp_path / "corpus", *AVAPRINT)
    pair_list(root, f"{AVAPRINT[0]},{AVAPRINT[1]},0")
    dataset, run = open_dataset(root), RunFolder(tmp_path / "run")
    run.prepare({})
    for name, rows in (("one", 1), ("windows", 2)):
        vectors = pl.DataFrame({"path": [*AVAPRINT[:2]] * rows, "a": 1.0, "b": 2.0})
        vectors.write_csv(tmp_path / f"{name}.csv")
        run.add_imported(read_imported(tmp_path / f"{name}.csv", dataset, dataset))
    (problem,) = write_results(run, dataset, None, lambda: None)
    assert str(problem).startswith("one.csv: holds one embedding a video, but the corpus's pair lists are")
    measured = pl.read_parquet(run.root / "pair_files.parquet")["model_id"].to_list()
    assert [one["file"] for one in run.models() if one["model_id"] in measured] == ["windows.csv"]


def test_pair_lists_that_centre_clips_leave_unmeasured_are_remarked(tmp_path: Path) -> None:
    """A run of AVAPrintDB without --multi-clip: its own protocol is in none of the tables."""
    root = touch(tmp_path / "corpus", *AVAPRINT)
    pair_list(root, f"{AVAPRINT[0]},{AVAPRINT[1]},0")
    dataset, metadata = open_dataset(root), read_metadata(shipped_model())
    for number, windows in enumerate((False, True)):
        run = RunFolder(tmp_path / f"run{number}")
        run.prepare({})
        clip = {"start_frame": 0, "padded_frames": 0, "centre": True, "window": windows}
        for model_id in ("a" * 64, "b" * 64):
            rows = [
                {**clip, "path": path, "embedding": np.eye(256, dtype=np.float32)[place]}
                for place, path in enumerate(sorted(AVAPRINT))
            ]
            run.add_model(model_id, f"{model_id[:1]}.onnx", metadata)
            run.commit(0, [], {model_id: rows})
        said = [str(one) for one in write_results(run, dataset, None, lambda: None) if "pair" in str(one)]
        assert len(said) == (0 if windows else 1)
        assert all("are scored over all windows of a video: without --multi-clip" in one for one in said)


def test_pair_lists_of_one_name_in_two_folders_are_both_measured(tmp_path: Path) -> None:
    root = touch(tmp_path / "corpus", *AVAPRINT)
    for folder, rows in (("intra", 1), ("cross", 2)):
        (root / folder).mkdir()
        pairs = [f"{AVAPRINT[0]},{other},0" for other in AVAPRINT[1 : 1 + rows]]
        pair_list(root / folder, *pairs, "gone.mp4,away.mp4,1")
    problems, found = measured_by_scores(root)
    assert sorted(found.select("pair_file", "n_different", "n_left_out").rows()) == [
        ("cross/evaluation_pairs_X.csv", 1, 2), ("intra/evaluation_pairs_X.csv", 1, 1),
    ]  # fmt: skip
    lines = {(one.file, one.line) for one in problems if one.excluded}
    assert lines == {("cross/evaluation_pairs_X.csv", 4), ("intra/evaluation_pairs_X.csv", 3)}


def test_videos_of_another_system_without_a_centre_clip_are_counted(tmp_path: Path) -> None:
    dataset, embeddings = corpus()
    twice = pl.concat([embeddings, embeddings]).sort("path")
    path = write_embeddings(tmp_path / "windows.csv", twice)
    said = (
        f"marks a centre clip of 0 of {len(dataset)} videos; the others the paper's protocol does not compare"
    )
    assert [str(one) for one in read_imported(path, dataset, dataset).problems] == [f"windows.csv: {said}."]
    marked = pl.Series("centre", [int(number % 2 == 0 and number > 3) for number in range(len(twice))])
    pl.read_csv(path).with_columns(marked).write_csv(path)
    (problem,) = read_imported(path, dataset, dataset).problems
    assert f"marks a centre clip of {len(dataset) - 2} of {len(dataset)} videos" in str(problem)


def test_target_of_which_no_video_was_embedded_is_left_out_with_the_reason() -> None:
    """As when all its videos fail to decode: without its row every target would seem to be measured."""
    dataset, embeddings = corpus()
    left = embeddings.filter(~pl.col("path").str.contains("/p0/"), ~pl.col("path").str.starts_with("tps/p1/"))
    found = measure_model("m", left, dataset.labels)
    lost = {
        (row["subset"], row["target"])
        for row in found.targets
        if row["left_out"] == "none of its videos has an embedding"
    }
    assert lost == {(subset, "p0") for subset in ("pooled", "mesh", "tps")} | {("tps", "p1")}
    counted = {row["subset"]: row["n_targets"] + row["n_left_out"] for row in found.results}
    assert counted == dict.fromkeys(("pooled", "mesh", "tps"), len(PEOPLE)) | {MEAN: len(PEOPLE) + 1}
    whole = measure_model("m", left, dataset.labels.filter(pl.col("path").is_in(left["path"].implode())))
    assert [row["auc"] for row in found.results] == [row["auc"] for row in whole.results]


def test_generator_of_which_no_video_was_embedded_has_a_row_without_figures() -> None:
    dataset, embeddings = corpus()
    found = measure_model("m", embeddings.filter(pl.col("path").str.starts_with("mesh/")), dataset.labels)
    (row,) = [row for row in found.results if row["subset"] == "tps"]
    assert (row["auc"], row["n_targets"], row["n_left_out"]) == (None, 0, len(PEOPLE))


def test_nobody_driven_from_the_own_source_leaves_the_single_source_protocol_out() -> None:
    dataset, embeddings = corpus()
    own = pl.when(pl.col("target") == "p0").then(pl.lit("A")).otherwise(pl.lit("B"))
    labels = dataset.labels.with_columns(source=own, driver_source=pl.lit("C"))
    scores = pl.DataFrame({"left": [labels["path"][0]], "right": [labels["path"][1]], "score": [0.5]})
    for found in (measure_model("m", embeddings, labels), measure_scores("m", scores, labels)):
        assert {row["protocol"] for row in found.results} == {"paper"}


def test_model_that_embeds_no_video_is_remarked(tmp_path: Path) -> None:
    """It is in none of the tables, so that nothing else would tell that it was asked."""
    dataset, _ = corpus()
    run = RunFolder(tmp_path / "run")
    run.prepare({})
    metadata = read_metadata(shipped_model())
    run.add_model("a" * 64, "hopeless.onnx", metadata)
    for chunk in range(-(-len(dataset) // CHUNK)):
        run.commit(chunk, [], {"a" * 64: []})
    said = [str(problem) for problem in write_results(run, dataset, None, lambda: None)]
    assert "hopeless.onnx: no video has an embedding by it that can be compared: it is not measured." in said
    assert not len(pl.read_parquet(run.root / "results.parquet"))


ALL_OF_ONE = "where source corpora of target and driver are known, all targets are of one, A"


@pytest.mark.parametrize(
    ("source", "driver_source", "why"),
    [
        (None, None, "of no video it is known from which source corpora target and driver come"),
        ("A", "A", ALL_OF_ONE),
        ("A or unknown", "A", ALL_OF_ONE),
        ("of its own", "C", "of no video it is known that its driver is of its target's own source corpus"),
        ("of its own", "of its own", None),
    ],
)
def test_single_source_protocol_that_is_not_measured_is_remarked_with_the_reason(
    tmp_path: Path, source: str | None, driver_source: str | None, why: str | None
) -> None:
    dataset, _ = corpus()
    first = pl.when(pl.col("target") == "p0").then(pl.lit("A"))
    drawn = {"of its own": first.otherwise(pl.lit("B")), "A or unknown": first}
    columns = {"source": source, "driver_source": driver_source}
    labels = dataset.labels.with_columns(
        drawn.get(str(value), pl.lit(value, pl.String)).alias(name) for name, value in columns.items()
    )
    run = RunFolder(tmp_path / "run")
    run.prepare({})
    said = [
        str(problem) for problem in write_results(run, replace(dataset, labels=labels), None, lambda: None)
    ]
    remark = f"corpus: the single-source protocol is not measured: {why}."
    assert [one for one in said if "single-source" in one] == ([remark] if why else [])
