"""The per-target AUC is the paper's, exactly."""

from __future__ import annotations

import itertools
import math
import resource
import time

import numpy as np
import pytest

from model.protocol import evaluate


def naive(
    embeddings: np.ndarray, targets: list[str], drivers: list[str], chosen: list[bool]
) -> dict[str, float]:
    """The definition as a double loop: target -> AUC, for targets that have one."""
    result = {}
    for target in sorted(set(targets)):
        here = [i for i in range(len(targets)) if chosen[i] and targets[i] == target]
        selves = [i for i in here if drivers[i] == target]
        crosses = [i for i in here if drivers[i] != target]
        if len(selves) < 2 or not crosses:
            continue
        positives = [-math.dist(embeddings[a], embeddings[b]) for a, b in itertools.combinations(selves, 2)]
        negatives = [-math.dist(embeddings[a], embeddings[b]) for a in selves for b in crosses]
        wins = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
        result[target] = wins / (len(positives) * len(negatives))
    return result


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_naive_double_loop_with_ties(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = 150
    embeddings = random.integers(0, 3, size=(n, 3)).astype(np.float64)  # few points: many ties
    embeddings[: n // 2] += random.normal(size=(n // 2, 3))
    targets = [str(x) for x in random.integers(0, 5, n)]
    drivers = [t if random.random() < 0.3 else str(random.integers(0, 5)) for t in targets]
    generators = [str(x) for x in random.choice(["fv2v", "tps", "lia", "original"], n)]
    for with_originals in (False, True):
        result = evaluate(embeddings, targets, drivers, generators, with_originals=with_originals)
        wanted = naive(embeddings, targets, drivers, [with_originals or g != "original" for g in generators])
        found = {t.target: t.auc for t in result.pooled.targets}
        assert found.keys() == wanted.keys()
        assert all(abs(found[t] - wanted[t]) <= 1e-12 for t in wanted)
        assert abs(result.pooled.auc - np.mean(list(wanted.values()))) <= 1e-12
        assert sorted(result.per_generator) == ["fv2v", "lia", "tps"]
        means = []
        for name, measured in result.per_generator.items():
            wanted = naive(embeddings, targets, drivers, [g == name for g in generators])
            means.append(np.mean(list(wanted.values())))
            assert abs(measured.auc - means[-1]) <= 1e-12
        assert abs(result.mean_over_generators - np.mean(means)) <= 1e-12


def test_equal_embeddings_tie_at_distance_zero() -> None:
    vector = np.random.default_rng(0).normal(size=256).astype(np.float32)
    result = evaluate(np.tile(vector, (5, 1)), ["a"] * 5, ["a", "a", "a", "b", "c"], ["g"] * 5)
    assert result.pooled.auc == 0.5


def test_targets_that_cannot_be_measured_are_listed_with_the_reason() -> None:
    embeddings = np.eye(6)
    targets = ["a", "a", "a", "b", "b", "c"]
    drivers = ["a", "a", "b", "b", "b", "a"]
    pooled = evaluate(embeddings, targets, drivers, ["g"] * 6).pooled
    assert [(t.target, t.n_self, t.n_cross, t.n_positives, t.n_negatives) for t in pooled.targets] == [
        ("a", 2, 1, 1, 2)
    ]
    assert pooled.left_out == {
        "b": "no cross-reenactments",
        "c": "0 self-reenactments, at least 2 needed",
    }


def test_nothing_to_measure_gives_nan_not_an_error() -> None:
    result = evaluate(np.empty((0, 4)), [], [], [])
    assert math.isnan(result.pooled.auc)
    assert math.isnan(result.pooled.low)
    assert math.isnan(result.mean_over_generators)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="one per video"):
        evaluate(np.zeros((2, 4)), ["a"], ["a"], ["g"])
    with pytest.raises(ValueError, match="not finite"):
        evaluate(np.full((1, 4), np.nan), ["a"], ["a"], ["g"])


def drawn_videos(n_people: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings of drivers that differ a little, and their targets and drivers."""
    random = np.random.default_rng(1)
    target = random.integers(0, n_people, n)
    driver = np.where(random.random(n) < 0.4, target, random.integers(0, n_people, n))
    habits = random.normal(size=(n_people, 4))
    return habits[driver] + random.normal(size=(n, 4)), target.astype(str), driver.astype(str)


@pytest.mark.parametrize("n_people", [2, 4])
def test_fewer_than_five_targets_give_no_interval(n_people: int) -> None:
    vectors, target, driver = drawn_videos(n_people)
    found = evaluate(vectors, target.tolist(), driver.tolist(), ["g"] * len(vectors)).pooled
    assert len(found.targets) == n_people
    assert math.isnan(found.low) and math.isnan(found.high)
    assert found.why_no_interval == "few_clusters"


@pytest.mark.timeout(120)
def test_the_papers_test_set_takes_seconds() -> None:
    """42,800 embeddings over 35 targets: the size of NVFAIR's test split."""
    random = np.random.default_rng(0)
    n = 42_800
    targets = random.integers(0, 35, n)
    drivers = np.where(random.random(n) < 0.25, targets, random.integers(0, 35, n))
    embeddings = random.normal(size=(n, 256)).astype(np.float32)
    started = time.perf_counter()
    result = evaluate(embeddings, [str(t) for t in targets], [str(d) for d in drivers], ["g"] * n)
    assert time.perf_counter() - started < 60
    assert len(result.pooled.targets) == 35
    assert result.pooled.auc == pytest.approx(0.5, abs=0.02)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4 * 2**20  # KiB
