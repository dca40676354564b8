"""A finished benchmark's tables are kept only while all they are computed from is the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from model import resampling
from pipeline.benchmark.record import _in_its_splits, fingerprint
from pipeline.benchmark.run_folder import RunFolder
from pipeline.datasets.label import ORIGINAL, Dataset, label_frame
from pipeline.datasets.open_dataset import restrict


def test_tables_are_measured_anew_when_the_statistics_of_the_model_package_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("path", "target", "driver", "generator")
    labels = label_frame({**{name: ["a"] for name in names}, "original": [False]})
    run, dataset = RunFolder(tmp_path / "run"), Dataset(Path("/corpus"), "table", labels)
    before = fingerprint(run, [], dataset, [])
    code = tmp_path / "model"
    shutil.copytree(Path(str(resampling.__file__)).parent, code)
    monkeypatch.setattr(resampling, "__file__", str(code / "resampling.py"))
    assert fingerprint(run, [], dataset, []) == before
    with (code / "target_auc.py").open("a") as file:
        file.write("# changed\n")
    assert fingerprint(run, [], dataset, []) != before


def test_split_without_its_recordings_is_whole_and_a_sample_of_it_is_not() -> None:
    """`--generators` names what pairs are made of; the recordings of real people it leaves out make none."""
    generator = ["lia", "lia", "tps", "tps", ORIGINAL]
    names = {"target": ["a"] * 5, "driver": ["a"] * 5, "split": ["test", "test", "test", None, "test"]}
    original = [name == ORIGINAL for name in generator]
    labels = label_frame({"path": list("vwxyz"), "generator": generator, "original": original, **names})
    whole = Dataset(Path("/corpus"), "NVFAIR", labels)
    synthetic = restrict(whole, split="test", generators=["lia", "tps"])
    assert _in_its_splits(whole, synthetic) == len(synthetic) == 3
    assert _in_its_splits(whole, whole) == 5
    some = Dataset(whole.root, whole.kind, labels.filter(path="v"))
    assert _in_its_splits(whole, some) == 2
