"""Cases without known drivers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports.build import build_report
from reports.case import load_case
from reports.exploratory import exploration
from tests.reports.case_folder import CaseBuilder, exploratory_case
from tests.reports.conftest import Built, build


def test_groups_are_the_drivers_that_made_the_videos(exploratory: Built) -> None:
    case = load_case(exploratory.folder)
    path = {e.label: e.path for e in case.exhibits}
    found = exploratory.figures["exploration"]["groups"]
    assert sorted(len(g["members"]) for g in found) == [4, 4, 4]
    assert all(len({path[m].rpartition("/")[2] for m in g["members"]}) == 1 for g in found)
    assert all(g["stability"] > 0.9 for g in found)


def test_matrix_holds_the_scores_of_the_pairs_table(exploratory: Built) -> None:
    case = load_case(exploratory.folder)
    found = exploration(case)
    assert found is not None
    place = {label: i for i, label in enumerate(found.labels)}
    for pair in pq.read_table(exploratory.folder / "pairs.parquet").to_pylist():
        i, j = (place[case.by_id[pair[side]].label] for side in ("left", "right"))
        assert found.scores[i, j] == found.scores[j, i] == pair["score"]


def test_no_groups_are_claimed_where_every_video_has_its_own_driver(fresh: Path) -> None:
    case = CaseBuilder(exploratory=True)
    for i in range(10):
        case.questioned(f"{i}.mp4", f"driver-{i}")
    built = build(case, fresh)
    assert built.figures["exploration"]["groups"] == []
    assert "The videos do not fall into groups" in built.text


def test_one_cloud_in_few_dimensions_is_said_to_be_one(fresh: Path) -> None:
    """Eight videos whose drivers a weak model tells apart in three dimensions: any cut looks clean."""
    case = CaseBuilder(exploratory=True)
    for i in range(8):
        case.questioned(f"{i}.mp4", "someone")
    path = case.write(fresh) / "pairs.parquet"
    cloud = np.concatenate((np.ones((8, 1)), 0.05 * np.random.default_rng(0).normal(size=(8, 3))), axis=1)
    cloud /= np.linalg.norm(cloud, axis=1, keepdims=True)
    pairs = pq.read_table(path)
    ids = sorted({*pairs.column("left").to_pylist(), *pairs.column("right").to_pylist()})
    ends = [np.array([ids.index(i) for i in pairs.column(side).to_pylist()]) for side in ("left", "right")]
    scores = pa.array(-np.linalg.norm(cloud[ends[0]] - cloud[ends[1]], axis=1))
    place = pairs.schema.get_field_index("score")
    pq.write_table(pairs.set_column(place, pairs.schema.field(place), scores), path)
    built = Built(build_report(fresh).parent)
    found = built.figures["exploration"]
    assert found["groups"] == []
    assert 0.25 <= found["silhouette"] <= found["one_cloud"]
    assert "The videos show no groups beyond what one cloud would give" in built.text
    assert "Outlined blocks" not in built.text


def test_groups_are_reported_with_what_they_exceed(exploratory: Built) -> None:
    found = exploratory.figures["exploration"]
    assert found["silhouette"] > found["one_cloud"]
    assert f"divided in the same way: {found['one_cloud']:.2f}." in exploratory.text


def test_groups_of_single_clips_have_no_stability(fresh: Path) -> None:
    case = exploratory_case()
    for video in case.videos[1:]:
        video.clips = 1
    groups = build(case, fresh).figures["exploration"]["groups"]
    assert len(groups) > 1
    assert {g["stability"] for g in groups if len(g["members"]) > 1} == {None}


def test_group_that_stands_on_few_wavering_clips_is_called_unstable(fresh: Path, tmp_path: Path) -> None:
    firm = exploratory_case(groups=3, each=3)
    loose = exploratory_case(groups=3, each=3)
    loose.spread = 1.9
    for video in loose.videos:
        video.clips = 2
    stability = []
    for case, folder in ((firm, fresh), (loose, tmp_path / "loose")):
        found = exploration(load_case(case.write(folder)))
        assert found is not None
        stability.append([g.stability for g in found.groups if g.stability is not None])
    assert min(stability[0]) > 0.95
    assert not stability[1] or min(stability[1]) < min(stability[0])


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_videos_give_a_report_without_invented_groups(n: int, fresh: Path) -> None:
    case = CaseBuilder(exploratory=True)
    for i in range(n):
        case.questioned(f"{i}.mp4", "someone")
    built = build(case, fresh)
    if n < 2:
        assert "Fewer than two videos can be compared" in built.text
    else:
        assert built.figures["exploration"]["groups"] == []
        assert "With fewer than four videos no division into groups can be judged" in built.text


def test_map_keeps_the_distances_of_points_in_a_plane() -> None:
    from reports.exploratory import _plane

    points = np.random.default_rng(0).normal(size=(7, 2))
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    found, explained = _plane(distance)
    assert np.linalg.norm(found[:, None] - found[None], axis=2) == pytest.approx(
        distance, abs=1e-7
    )  # nine digits are kept
    assert explained == pytest.approx(1)
