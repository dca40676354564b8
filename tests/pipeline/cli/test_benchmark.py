"""The researcher's main job, from a labelled corpus to tables and report, on real video."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from model.metadata import model_id
from model.system import Condition
from pipeline.benchmark import run_folder
from pipeline.benchmark.alterations import ALTERATIONS
from pipeline.cli.main import main
from reports.digits import settled
from tests.pipeline.decode.videos import write_video
from tests.pipeline.frames.corpus import video_corpus
from tests.small_model import broken_model, small_model

PLAIN = ("--robustness", "0")  # where the altered videos are not looked at


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    seen = capsys.readouterr()
    assert "Traceback" not in seen.err
    return int(left.value.code or 0), seen.err


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video_corpus(tmp_path_factory.mktemp("benchmark") / "corpus", frames=40, clips=3)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two systems of T = 16 as initialised: what is measured does not matter here, that it is does."""
    folder = tmp_path_factory.mktemp("models")
    conditions: tuple[Condition, ...] = ("FEAT_DIFF", "PIXEL_DIFF")
    return {condition: small_model(folder / f"{condition}.onnx", condition) for condition in conditions}


def results(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "results.parquet").sort("model_id", "protocol", "subset", "originals")


@pytest.fixture(scope="module")
def finished(corpus: Path, models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    with pytest.raises(SystemExit) as left:
        words = [w for path in models.values() for w in ("--model", str(path))]
        main(["benchmark", str(corpus), "-o", str(folder), "--split", "all", "--multi-clip", *PLAIN, *words])
    assert not left.value.code
    return folder


def test_check_opens_no_video(
    corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = shutil.copytree(corpus, tmp_path / "empty", copy_function=lambda _, out: Path(out).touch())
    shutil.copy(corpus / "train_val_test_splits.txt", empty)
    code, said = run(
        capsys, "benchmark", empty, "-o", tmp_path / "run", "--check", "--model", models["FEAT_DIFF"]
    )
    assert code == 0
    assert "72 videos, 6 identities" in said
    assert "Would be run: 24 videos by 1 model(s)" in said
    assert "mesh: 6 self, 6 cross" in said
    assert not (tmp_path / "run").exists()


def test_every_model_is_measured_in_one_pass(finished: Path, models: dict[str, Path]) -> None:
    record = json.loads((finished / "benchmark.json").read_text("utf-8"))
    assert record["videos"] == {"processed": 72, "failed": 0, "failures": []}
    assert record["dataset"]["in_its_splits"] == record["dataset"]["chosen"] == 72
    assert record["dataset"]["generators"] == ["mesh", "tps"]
    found = results(finished)
    assert found["model_id"].n_unique() == len(models)
    paper = found.filter(protocol="paper", subset="pooled")
    assert (paper["n_targets"] == 6).all()
    assert (paper["n_positives"] == 6 * 15).all()  # six self-reenactments over both generators
    assert (paper["auc"].is_between(0, 1)).all()
    assert (paper["low"] <= paper["auc"]).all() and (paper["auc"] <= paper["high"]).all()
    assert set(found["protocol"]) == {"paper", "multi-clip"}


def test_report_and_tables_show_what_was_measured(finished: Path) -> None:
    pooled = results(finished).filter(protocol="paper", subset="pooled")
    html = (finished / "benchmark.html").read_text("utf-8")
    for value in pooled["auc"]:
        assert f'<data value="{settled(value)!r}">' in html
    assert "This is not NVFAIR" in html
    assert "src=http" not in html and "@import" not in html
    for name in ("table-3", "table-4", "table-5", "table-6", "table-7", "table-8", "models"):
        for suffix in ("csv", "parquet", "tex"):
            assert (finished / "tables" / f"{name}.{suffix}").stat().st_size > 0
    table = pl.read_csv(finished / "tables" / "table-6.csv")
    cell = table.filter(
        pl.col("row").str.starts_with("F5C PIXEL_DIFF"), pl.col("column") == "overall, pooled"
    )
    assert float(cell["auc"].item()) in pooled["auc"].to_list()
    assert cell["paper"].item() == 0.861
    static = table.filter(pl.col("row").str.starts_with("F5C STATIC"), pl.col("column") == "overall, pooled")
    assert static["auc"].item() == "not measured"


def test_altered_videos_are_measured_beside_the_same_clean_ones(
    corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two videos of each kind of the two test targets, one generator: 8 of the 12."""
    words = ("benchmark", corpus, "-o", tmp_path / "run", "--generators", "mesh", "--robustness", "2")
    code, said = run(capsys, *words, "--model", models["FEAT_DIFF"])
    assert code == 0, said
    rows = pl.read_parquet(tmp_path / "run" / "robustness.parquet")
    assert rows["alteration"].unique(maintain_order=True).to_list() == [one.key for one in ALTERATIONS]
    assert (rows["n_videos"] == 8).all() and (rows["n_failed"] == 0).all()
    assert (rows["n_unchanged"] == 0).all()
    assert (rows["difference"] - (rows["auc"] - rows["clean"])).abs().max() < 1e-12
    pooled = rows.filter(subset="pooled", compared="both")
    assert pooled["clean"].n_unique() == 1  # the same videos in every row
    altered = pl.read_parquet(tmp_path / "run" / "robustness" / "embeddings")
    vectors = altered.group_by("path").agg(pl.col("embedding").n_unique())
    assert (vectors["embedding"] == len(ALTERATIONS)).all()
    record = json.loads((tmp_path / "run" / "benchmark.json").read_text("utf-8"))
    assert record["robustness"] == {"videos": 8, "failed": 0, "failures": []}
    assert len(pl.read_csv(tmp_path / "run" / "tables" / "robustness.csv")) == len(ALTERATIONS) * 2
    code, said = run(capsys, *words, "--model", models["FEAT_DIFF"])
    assert code == 0
    assert "Altering" not in said and "Measuring" not in said
    assert pl.read_parquet(tmp_path / "run" / "robustness.parquet").equals(rows)


def test_finished_run_decodes_nothing_and_gives_the_same(
    finished: Path, corpus: Path, models: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before, html = results(finished), (finished / "tables" / "models.csv").read_bytes()
    provider = json.loads((finished / "benchmark.json").read_text("utf-8"))["provider"]
    words = ("--split", "all", "--multi-clip", *PLAIN, "--model", models["FEAT_DIFF"])
    code, said = run(capsys, "benchmark", corpus, "-o", finished, *words)
    assert code == 0
    assert "Decoding" not in said and "Altering" not in said
    assert "Measuring" not in said  # nothing the tables depend on has changed
    assert results(finished).equals(before)
    assert (finished / "tables" / "models.csv").read_bytes() == html
    assert json.loads((finished / "benchmark.json").read_text("utf-8"))["provider"] == provider


def test_run_interrupted_while_it_measured_still_knows_how_it_was_embedded(
    finished: Path, corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(finished, tmp_path / "run")
    noted = run_folder.RunFolder(folder).passes()
    elsewhere = {"provider": "CUDAExecutionProvider", "cluster": None}
    run_folder.RunFolder(folder).note_passes([elsewhere, *noted])
    (folder / "benchmark.json").unlink()  # as it is from the start of a sitting until everything is measured
    words = ("--split", "all", "--multi-clip", *PLAIN, "--model", models["FEAT_DIFF"])
    code, said = run(capsys, "benchmark", corpus, "-o", folder, *words)
    assert code == 0
    assert "Decoding" not in said
    provider = json.loads((folder / "benchmark.json").read_text("utf-8"))["provider"]
    assert provider == "CPUExecutionProvider / CUDAExecutionProvider"


def test_model_named_later_joins_the_tables(
    finished: Path, corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("benchmark", corpus, "-o", tmp_path / "run", "--split", "all", "--multi-clip", *PLAIN)
    assert run(capsys, *words, "--model", models["PIXEL_DIFF"])[0] == 0
    assert results(tmp_path / "run")["model_id"].n_unique() == 1
    assert run(capsys, *words, "--model", models["FEAT_DIFF"])[0] == 0
    assert results(tmp_path / "run").equals(results(finished))


def test_killed_run_continues_and_measures_the_same(
    corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two chunks of 64: the run is killed when the first is committed."""
    folder = tmp_path / "run"
    words = ["benchmark", str(corpus), "-o", str(folder), "--split", "all", "--workers", "1", *PLAIN]
    words += ["--model", str(models["FEAT_DIFF"])]
    command = [sys.executable, "-P", "-m", "pipeline", *words]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not list((folder / "embeddings").glob("*/part-00000.parquet")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    assert not (folder / "benchmark.json").exists()
    committed = list(folder.glob("embeddings/*/*.parquet"))
    code, said = run(capsys, *words)
    assert code == 0
    if len(committed) == 1:  # the kill may have come too late on a fast machine
        assert f"Continuing: {run_folder.CHUNK} of 72" in said
    assert run(capsys, *words[:3], str(tmp_path / "whole"), *words[4:])[0] == 0
    assert results(folder).equals(results(tmp_path / "whole"))


def test_video_that_cannot_be_decoded_is_listed_and_the_rest_measured(
    corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(corpus, tmp_path / "corpus")
    broken = "simulated/mesh-generated/d/d--c0--d.mp4"
    (copy / broken).write_bytes(b"no video at all")
    code, said = run(
        capsys, "benchmark", copy, "-o", tmp_path / "run", *PLAIN, "--model", models["FEAT_DIFF"]
    )
    assert code == 1
    assert f"failed: {broken}" in said
    record = json.loads((tmp_path / "run" / "benchmark.json").read_text("utf-8"))
    assert (record["videos"]["processed"], record["videos"]["failed"]) == (23, 1)
    assert broken in (tmp_path / "run" / "benchmark.html").read_text("utf-8")


def test_video_without_a_finite_embedding_fails_and_the_rest_is_measured(
    corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model gives NaN for every clip that is not black: of all videos but two."""
    copy = shutil.copytree(corpus, tmp_path / "corpus")
    fine = [f"simulated/mesh-generated/d/d--c{clip}--d.mp4" for clip in (0, 1)]
    for path in fine:
        write_video(copy / path, np.zeros((40, 64, 64, 3), np.uint8))
    broken = broken_model(tmp_path / "broken.onnx", also_blank=False)
    words = ("benchmark", copy, "-o", tmp_path / "run", "--generators", "mesh", "--robustness", "1")
    assert run(capsys, *words, "--model", broken, "--model", models["FEAT_DIFF"])[0] == 1
    record = json.loads((tmp_path / "run" / "benchmark.json").read_text("utf-8"))
    assert (record["videos"]["processed"], record["videos"]["failed"]) == (2, 10)
    (reason,) = {(row["reason_code"], row["reason"]) for row in record["videos"]["failures"]}
    assert reason == (
        "processing_failed",
        "The model broken.onnx gives an embedding of it that is not finite and cannot be compared.",
    )
    assert "broken.onnx gives an embedding" in (tmp_path / "run" / "benchmark.html").read_text("utf-8")
    embedded = pl.read_parquet(tmp_path / "run" / "embeddings" / model_id(broken))
    assert sorted(embedded["path"]) == fine
    sound = results(tmp_path / "run").filter(model_id=model_id(models["FEAT_DIFF"]), subset="pooled")
    assert (sound["n_targets"] == 2).all()
    rows = pl.read_parquet(tmp_path / "run" / "robustness.parquet").filter(model_id=model_id(broken))
    assert (rows["n_videos"] + rows["n_failed"] == record["robustness"]["videos"]).all()
    assert {row["alteration"] for row in record["robustness"]["failures"]} == {one.key for one in ALTERATIONS}
    assert run(capsys, *words, "--model", models["FEAT_DIFF"])[0] == 1  # and again, decoding nothing


def test_model_that_gives_no_finite_embedding_at_all_ends_the_run_with_one_sentence(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = broken_model(tmp_path / "broken.onnx", also_blank=True)
    words = ("--generators", "mesh", *PLAIN, "--model", broken)
    code, said = run(capsys, "benchmark", corpus, "-o", tmp_path / "run", *words)
    assert code == 2
    assert "The model gives an embedding that is not finite" in said and "Internal" not in said


def test_one_video_under_two_names_is_remarked(
    corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(corpus, tmp_path / "corpus")
    one, other = (f"simulated/mesh-generated/d/d--c{clip}--d.mp4" for clip in (1, 2))
    shutil.copy(copy / one, copy / other)
    words = ("--generators", "mesh", *PLAIN, "--model", models["FEAT_DIFF"])
    code, said = run(capsys, "benchmark", copy, "-o", tmp_path / "run", *words)
    assert code == 0
    (remark,) = json.loads((tmp_path / "run" / "benchmark.json").read_text("utf-8"))["measuring"][:1]
    assert remark.startswith(f"{one}: and {other} give the very same embedding, as do 2 videos in all")
    assert "give the very same embedding" in said.replace("\n", " ")


def test_target_with_one_self_video_is_left_out_and_named(
    corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(corpus, tmp_path / "corpus")
    for path in copy.rglob("d--c[12]--d.mp4"):
        path.unlink()
    words = (*PLAIN, "--generators", "mesh", "--model", models["FEAT_DIFF"])
    assert run(capsys, "benchmark", copy, "-o", tmp_path / "run", *words)[0] == 0
    targets = pl.read_parquet(tmp_path / "run" / "targets.parquet").filter(protocol="paper", subset="mesh")
    assert targets.filter(target="d")["left_out"].item() == "1 self-reenactments, at least 2 needed"
    assert targets.filter(target="e")["auc"].item() is not None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--split", "dev"), "is none of train, validation, test and all"),
        (("--generators", "lia"), "has no video of generator lia"),
        (("--licence", "CC0"), "has no video of licence CC0"),
        (("--model", "nowhere.onnx"), "nowhere.onnx"),
    ],
)
def test_wrong_arguments_end_in_a_sentence(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    code, said = run(capsys, "benchmark", corpus, "-o", tmp_path / "run", *words)
    assert code == 2
    assert sentence in said


def test_run_of_other_videos_is_not_mixed(
    finished: Path, corpus: Path, models: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--split", "test", *PLAIN, "--model", models["FEAT_DIFF"])
    code, said = run(capsys, "benchmark", corpus, "-o", finished, *words)
    assert code == 2
    assert "holds a benchmark of other videos" in said


def test_run_is_not_continued_on_other_files_of_the_same_names(
    finished: Path, corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when a corpus is cropped or encoded anew: its figures would be those of the old files."""
    copy = shutil.copytree(corpus, tmp_path / "corpus")
    videos = sorted(copy.rglob("*.mp4"))
    shutil.copy(videos[0], videos[1])
    words = ("-o", finished, "--split", "all", "--multi-clip", *PLAIN, "--model", models["FEAT_DIFF"])
    code, said = run(capsys, "benchmark", copy, *words)
    assert code == 2
    assert "files since changed" in said
    assert (finished / "benchmark.json").is_file()


def test_rerun_of_other_videos_is_refused_before_anything_is_done(
    finished: Path, corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(finished, tmp_path / "run")
    run_folder.RunFolder(folder).robustness.prepare({"labels_sha256": "of another --robustness"})
    words = ("--split", "all", "--multi-clip", "--robustness", "1", "--model", models["FEAT_DIFF"])
    code, said = run(capsys, "benchmark", corpus, "-o", folder, *words)
    assert code == 2
    assert "run/robustness holds a benchmark of other videos" in said
    assert (folder / "benchmark.json").is_file()


def test_rerun_that_a_model_lacked_when_others_were_measured_joins_the_table(
    corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("benchmark", corpus, "-o", tmp_path / "run", "--generators", "mesh")
    assert run(capsys, *words, *PLAIN, "--model", models["FEAT_DIFF"])[0] == 0
    for name in ("PIXEL_DIFF", "FEAT_DIFF"):
        assert run(capsys, *words, "--robustness", "1", "--model", models[name])[0] == 0
    rows = pl.read_parquet(tmp_path / "run" / "robustness.parquet")
    assert set(rows["model_id"]) == {model_id(path) for path in models.values()}


def test_corpus_without_splits_needs_split_all(
    corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = corpus / "simulated/mesh-generated/d/d--c0--d.mp4"
    table = tmp_path / "labels.csv"
    table.write_text(f"path,target,driver,generator\n{video},d,d,mesh\n", encoding="utf-8")
    words = ("benchmark", table, "-o", tmp_path / "run", *PLAIN, "--model", models["FEAT_DIFF"])
    code, said = run(capsys, *words)
    assert code == 2
    assert "give --split all" in said
    assert run(capsys, *words, "--split", "all")[0] == 0
    html = (tmp_path / "run" / "benchmark.html").read_text("utf-8")
    assert "1 self-reenactments, at least 2 needed" in html


def test_another_systems_file_is_measured_without_opening_a_video(
    finished: Path, corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The embeddings of a run, handed in as another system's, give the run's own figures."""
    folder = finished / "embeddings" / model_id(models["FEAT_DIFF"])
    centre = (
        pl.read_parquet(folder).filter("centre").select("path", pl.col("embedding").cast(pl.List(pl.Float64)))
    )
    centre.write_parquet(tmp_path / "landmarks.parquet")
    words = ("benchmark", corpus, "-o", tmp_path / "run", "--split", "all")
    code, said = run(capsys, *words, "--embeddings", tmp_path / "landmarks.parquet")
    assert code == 0, said
    assert "Decoding" not in said and "Altering" not in said
    ours = results(tmp_path / "run").filter(protocol="paper").drop("model_id")
    theirs = results(finished).filter(protocol="paper", model_id=folder.name).drop("model_id")
    assert_frame_equal(ours, theirs, abs_tol=1e-9)
    table = pl.read_csv(tmp_path / "run" / "tables" / "table-3.csv")
    assert "landmarks, embeddings (landmarks.parquet)" in table["row"].to_list()


def test_broken_file_of_another_system_is_named_with_its_line(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = "simulated/mesh-generated/d/d--c0--d.mp4"
    (tmp_path / "other.csv").write_text(f"path,e0\n{video},1\n{video},two\n", encoding="utf-8")
    words = ("-o", tmp_path / "run", "--embeddings", tmp_path / "other.csv")
    code, said = run(capsys, "benchmark", corpus, *words)
    assert code == 2
    assert "other.csv, line 3: column e0 holds 'two'" in said
    assert not (tmp_path / "run").exists()


def test_column_of_a_csv_makes_subgroups(
    corpus: Path, models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["path,target,driver,generator,light"]
    for number, path in enumerate(sorted((corpus / "simulated/mesh-generated/d").glob("*.mp4"))):
        rows.append(f"{path},d,{path.stem.split('--')[2]},mesh,{('day', 'night')[number % 2]}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    words = ("-o", tmp_path / "run", "--split", "all", *PLAIN, "--model", models["FEAT_DIFF"])
    assert run(capsys, "benchmark", tmp_path / "labels.csv", *words)[0] == 0
    groups = pl.read_parquet(tmp_path / "run" / "subgroups.parquet")
    assert groups.select("attribute", "group").rows() == [("light", "day"), ("light", "night")]
    assert groups["n_videos"].sum() == len(rows) - 1
