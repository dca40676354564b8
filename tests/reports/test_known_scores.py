"""Questioned scores beside the scores of known videos: like with like, counts, and where a share begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.similarity import unit_mean
from reports.known_scores import Floats, KnownScores, leave_one_out
from tests.reports.case_folder import CaseBuilder
from tests.reports.conftest import Built, build


def panel(people: int, seed: int, videos: int = 4, size: int = 32) -> tuple[dict[str, Floats], Floats]:
    """``people`` known drivers' videos, and one video of somebody who is none of them."""
    rng = np.random.default_rng(seed)
    habit = rng.normal(size=(people + 1, 1, size))
    found = habit + rng.normal(size=(people + 1, videos, size))
    found /= np.linalg.norm(found, axis=2, keepdims=True)
    return {f"p{i:02d}": found[i] for i in range(people)}, found[-1, 0]


def scores(stacks: dict[str, Floats], questioned: Floats) -> Floats:
    return np.array([-np.linalg.norm(questioned - unit_mean(videos)) for videos in stacks.values()])


def test_strangers_nearest_is_as_often_high_as_low_among_the_known_videos_highest() -> None:
    """The share is about uniform over strangers: no pile below 5 %, where it would look like a match."""
    nearest, single, claimed = [], [], []
    for seed in range(200):
        stacks, stranger = panel(20, seed)
        known, found = leave_one_out(stacks), scores(stacks, stranger)
        nearest.append(known.different_as_high(found.max(), nearest=True).share)
        single.append(known.different_as_high(found.max(), nearest=False).share)
        claimed.append(known.different_as_high(found[0], nearest=False).share)
    limits = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    for shares in (nearest, claimed):
        below = np.mean(np.array(shares, float)[:, None] <= limits, axis=0)
        # Three standard errors of 200 strangers.
        assert np.all(np.abs(below - limits) <= 3 * np.sqrt(limits * (1 - limits) / 200))
    # The same strangers' nearest among single scores: this is why it is not laid beside them.
    assert np.mean(np.array(single, float) <= 0.05) > 0.5


def test_known_videos_highest_scores_are_those_against_the_nearest_other_driver() -> None:
    stacks, _ = panel(6, seed=1)
    known = leave_one_out(stacks)
    by_hand = []
    for name, videos in stacks.items():
        others = {other: theirs for other, theirs in stacks.items() if other != name}
        by_hand += [scores(others, video).max() for video in videos]
    np.testing.assert_allclose(known.highest, by_hand)
    assert (len(known.highest), len(known.different), len(known.same)) == (24, 24 * 5, 24)


@pytest.mark.parametrize(
    ("people", "videos", "given"), [(2, 15, False), (4, 9, False), (5, 5, False), (5, 6, True)]
)
def test_share_needs_thirty_scores_and_five_people(people: int, videos: int, given: bool) -> None:
    known: KnownScores = leave_one_out(panel(people, seed=2, videos=videos)[0])
    found = known.different_as_high(-0.01, nearest=True)
    assert (found.reached, found.of) == (0, people * videos)
    assert (found.share is not None) is given
    assert (known.same_as_high(-0.01).share is not None) is given


def test_few_known_videos_give_counts_and_no_share(fresh: Path) -> None:
    case = CaseBuilder().known("Amara", 2).known("Boris", 1)
    case.questioned("q.mp4", "Amara")
    built = build(case, fresh)
    (row,) = built.figures["shares"]["Q1"]
    assert (row["same"]["of"], row["different"]["of"]) == (2, 3)
    assert row["same"]["share"] is row["different"]["share"] is None
    table = built.text[built.text.index("How the scores compare") :]
    assert "0 of 3 How many scores" in table
    assert "%" not in table[: table.index("How many scores")]


def test_claimed_driver_stands_beside_single_scores_and_the_nearest_beside_the_highest(plain: Built) -> None:
    shares, questioned = plain.figures["shares"], plain.figures["questioned"]
    known = plain.figures["known_scores"]
    assert {len(shares[q["label"]]) for q in questioned if q["claimed"]} == {2}
    for q in questioned:
        for row in shares.get(q["label"], []):
            expected = q["ranking"][0] if row["nearest"] else q["claimed"]
            assert (row["identity"], row["score"]) == (expected["identity"], expected["score"])
            values = np.array(known["highest" if row["nearest"] else "different"])
            assert row["different"]["reached"] == np.sum(values >= row["score"])
            assert row["different"]["of"] == len(values)
            assert f"{row['different']['reached']} of {len(values)}" in plain.text
    assert "claimed driver" in plain.text
