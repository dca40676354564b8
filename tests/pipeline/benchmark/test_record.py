"""A finished benchmark's tables are kept only while all they are computed from is the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from model import resampling
from pipeline.benchmark.record import fingerprint
from pipeline.benchmark.run_folder import RunFolder
from pipeline.datasets.label import Dataset, label_frame


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
