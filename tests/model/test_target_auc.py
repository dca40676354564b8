"""The protocol's AUC by target and impostor is the double loop's, however many scores are held at once."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import numpy as np
import pytest

from model import target_auc
from model.target_auc import Scores, by_distance, parts


def drawn(n: int = 160) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings on few points, so that many are tied; targets and drivers of five identities."""
    random = np.random.default_rng(0)
    target = random.integers(0, 5, n)
    driver = np.where(random.random(n) < 0.3, target, random.integers(0, 5, n))
    return random.integers(0, 4, (n, 3)).astype(float), target.astype(str), driver.astype(str)


def test_every_target_and_impostor_is_the_double_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_auc, "HELD_PAIRS", 40)  # one impostor's videos come in several parts
    vectors, target, driver = drawn()
    names = np.unique(target)
    found = parts(by_distance(vectors), target, driver, np.ones(len(target), bool))
    for row, name in enumerate(names):
        own = np.flatnonzero((target == name) & (driver == name))
        same = [-math.dist(vectors[a], vectors[b]) for a, b in itertools.combinations(own, 2)]
        wins = pairs = 0.0
        for column, impostor in enumerate(names):
            other = np.flatnonzero((target == name) & (driver == impostor))
            scores = [-math.dist(vectors[a], vectors[b]) for a in own for b in other if impostor != name]
            won = sum((p > n) + 0.5 * (p == n) for p in same for n in scores)
            assert found.count[row, column] == len(scores)
            if scores:
                assert found.auc[row, column] == pytest.approx(won / len(same) / len(scores), abs=1e-12)
            wins, pairs = wins + won, pairs + len(same) * len(scores)
        measured = found.targets[row]
        assert (measured.target, measured.n_positives) == (name, len(same))
        assert measured.auc == pytest.approx(wins / pairs, abs=1e-12)


def test_scores_kept_are_those_of_every_pair_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_auc, "HELD_PAIRS", 40)
    vectors, target, driver = drawn()
    kept = Scores()
    found = parts(by_distance(vectors), target, driver, np.ones(len(target), bool), kept)
    same, different = [], []
    for a, b in itertools.combinations(range(len(target)), 2):
        if target[a] == target[b] and target[a] in (driver[a], driver[b]):
            score = -math.dist(vectors[a], vectors[b])
            (same if driver[a] == driver[b] else different).append(score)
    assert np.sort(kept.positives) == pytest.approx(np.sort(same), abs=1e-12)
    assert np.sort(kept.negatives) == pytest.approx(np.sort(different), abs=1e-12)
    assert (found.n_positives, found.n_negatives) == (len(same), len(different))


def test_scores_that_nobody_asks_for_are_never_held_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_auc, "HELD_PAIRS", 50_000)
    n_self, n_cross = 200, 10_000
    target = np.full(n_self + n_cross, "a")
    driver = np.repeat(["a", "b"], [n_self, n_cross])
    vectors = np.random.default_rng(0).normal(size=(len(target), 2))
    tracemalloc.start()
    found = parts(by_distance(vectors), target, driver, np.ones(len(target), bool))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.n_negatives == n_self * n_cross
    assert peak < found.n_negatives * 8 / 2  # bytes; all scores would be twice that
