"""What a node of a cluster must have in common with the machine that starts the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model.metadata import model_id
from model.shipped import shipped_model
from pipeline.cluster import NodeReport, Shared, checked, difference, look, report
from pipeline.ray_session import ray_session


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    video = tmp_path_factory.mktemp("evidence") / "a.mp4"
    video.write_bytes(b"12345")
    return Shared({shipped_model(): model_id(shipped_model())}, look([video]))


@pytest.fixture(scope="module")
def here(shared: Shared) -> NodeReport:
    return replace(report(shared), token=True)


def test_a_machine_agrees_with_itself(here: NodeReport) -> None:
    assert difference(here, here) is None
    assert here.unseen is None
    assert here.arithmetic


def test_whatever_may_change_a_result_is_named(here: NodeReport) -> None:
    older = {**here.packages, "numpy": "1.0"}
    without = {name: version for name, version in here.packages.items() if name != "av"}
    (path,) = here.models
    told = {
        "numpy 1.0, this machine": replace(here, packages=older),
        "av none, this machine": replace(here, packages=without),
        "Python 3.1": replace(here, machine={**here.machine, "python": "3.1"}),
        "other code": replace(here, code="0"),
        f"another model file {path}": replace(here, models={path: "0" * 64}),
        f"no model file {path}": replace(here, models={path: None}),
        "does not see /share/a.mp4": replace(here, unseen="/share/a.mp4"),
        "lets anybody in": replace(here, token=False),
    }
    for words, there in told.items():
        said = difference(here, there)
        assert said is not None, words
        assert words in said


def test_a_file_that_is_missing_or_another_is_seen_as_such(shared: Shared, tmp_path: Path) -> None:
    (path,) = shared.files
    assert report(shared).unseen is None
    assert report(replace(shared, files={path: (6, 0)})).unseen == path
    assert report(replace(shared, files={str(tmp_path / "b.mp4"): (5, 0)})).unseen == str(tmp_path / "b.mp4")


def test_a_node_that_is_still_listed_but_gone_is_done_without(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ray_session(1, 80_000_000):
        import ray

        nodes = ray.nodes
        gone = {**nodes()[0], "NodeID": "a" * len(nodes()[0]["NodeID"])}
        lists = iter([[*nodes(), gone]])  # the first list is out of date
        monkeypatch.setattr(ray, "nodes", lambda: next(lists, None) or nodes())
        assert [node.code for node in checked(shared).nodes] == [report(shared).code]
