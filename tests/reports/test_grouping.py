"""Groups are announced where one cloud would not give them, and called stable where something can vary."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics import silhouette_score

from reports.grouping import Floats, Redrawn, best_division, redrawn, tree_of, width_of_one_cloud


def unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def blob(n: int, seed: int) -> Floats:
    """Distances of ``n`` videos in one cloud of three effective dimensions."""
    offsets = np.zeros((n, 256))
    offsets[:, :3] = 0.05 * np.random.default_rng(seed).normal(size=(n, 3))
    return squareform(pdist(unit(np.eye(256)[0] + offsets)))


def divided(distance: Floats) -> tuple[float, bool]:
    """The best width, and whether it would be announced."""
    width = best_division(tree_of(distance), distance)[1]
    assert width is not None
    return width, width >= 0.25 and width > width_of_one_cloud(distance)


@pytest.mark.parametrize("n", [4, 8])
def test_one_cloud_is_not_divided_into_groups(n: int) -> None:
    found = [divided(blob(n, seed)) for seed in range(20)]
    # 0.25 alone, the best of all divisions, would announce groups in nearly every cloud ...
    assert np.mean([width >= 0.25 for width, _ in found]) > 0.8
    # ... where five in a hundred may be.
    assert sum(announced for _, announced in found) <= 2


@pytest.mark.parametrize("drivers", [2, 3])
def test_videos_of_few_drivers_are_divided_into_them(drivers: int) -> None:
    driver = np.arange(12) % drivers
    noise = np.random.default_rng(0).normal(size=(12, 64)) / 8
    distance = squareform(pdist(unit(np.eye(64)[driver] + 0.4 * noise)))
    member, _ = best_division(tree_of(distance), distance)
    assert member is not None
    assert len({*zip(driver.tolist(), member.tolist(), strict=True)}) == len(set(member.tolist())) == drivers
    assert divided(distance)[1]


@pytest.mark.parametrize("n", [3, 9, 40])
def test_best_width_is_the_largest_scikit_learn_finds(n: int) -> None:
    distance = squareform(pdist(np.random.default_rng(n).normal(size=(n, 5))))
    tree = tree_of(distance)
    member, width = best_division(tree, distance)
    cuts = [fcluster(tree, k, "maxclust") for k in range(2, min(n - 1, 30) + 1)]
    widths = [silhouette_score(distance, cut, metric="precomputed") for cut in cuts]
    assert width == pytest.approx(max(widths), abs=1e-12)
    assert (member + 1).tolist() == cuts[int(np.argmax(widths))].tolist()  # type: ignore[operator]


def test_two_videos_have_no_division() -> None:
    assert best_division(np.array([[0.0, 1.0, 0.5, 2.0]]), np.array([[0, 0.5], [0.5, 0]])) == (None, None)


def of_one_clip_but(first: int) -> list[Floats]:
    """Eight videos of two drivers: the first with ``first`` clips, all others with one."""
    rng = np.random.default_rng(0)
    clips = [first] + [1] * 7
    return [unit(np.eye(16)[i % 2] + 0.22 * rng.normal(size=(n, 16))) for i, n in enumerate(clips)]


def test_group_of_videos_that_cannot_vary_has_no_stability() -> None:
    """Eight videos, one of them with two clips: all stood together in every draw, and were called stable."""
    again = redrawn(of_one_clip_but(2), 2)
    assert again is not None
    even, odd = np.arange(0, 8, 2), np.arange(1, 8, 2)
    assert again.together[np.ix_(odd, odd)].min() == 1
    assert again.stability(even) is again.stability(odd) is None
    assert redrawn(of_one_clip_but(1), 2) is None


def test_group_has_a_stability_when_most_of_its_videos_have_two_clips() -> None:
    rng = np.random.default_rng(0)
    clips = [3, 3, 1, 3, 1, 1]
    windows = [unit(np.eye(16)[i // 3] + 0.1 * rng.normal(size=(n, 16))) for i, n in enumerate(clips)]
    again = redrawn(windows, 2)
    assert again is not None
    assert again.stability(np.arange(3)) == 1
    assert again.stability(np.arange(3, 6)) is None


def test_video_that_always_joins_one_of_two_others_is_never_called_alone() -> None:
    """Half the draws beside one neighbour and half beside another: no single neighbour has it always."""
    left, right, top = np.eye(3)
    between = unit(left + right)
    middle = np.stack([unit(between + 0.5 * left), unit(between + 0.5 * right)])
    windows = [middle, *[np.stack([v, v]) for v in (left, right, top)]]
    again = redrawn(windows, 3)
    assert again is not None
    assert 0.2 < again.together[0, 1] < 0.8
    assert 0.2 < again.together[0, 2] < 0.8
    assert again.stability(np.array([0])) == again.alone[0] == 0
    assert again.stability(np.array([3])) == again.alone[3] == 1


def test_stability_is_the_mean_over_the_groups_pairs() -> None:
    together = np.array([[1, 0.5, 0.8], [0.5, 1, 0.2], [0.8, 0.2, 1]])
    again = Redrawn(together, np.zeros(3), np.ones(3, bool))
    assert again.stability(np.arange(3)) == pytest.approx(0.5)
