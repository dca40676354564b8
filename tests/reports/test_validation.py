"""The figures on known material, against independent oracles and against their own claims."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from model.intervals import joint_interval
from model.protocol import evaluate
from model.roc import auc
from model.similarity import unit_mean
from model.target_auc import by_distance, parts
from reports.bootstrap import (
    RESAMPLES,
    Compared,
    clustered_auc_interval,
    mean_auc_interval,
    weighted_auc,
)
from reports.case import load_case
from reports.known_pairs import known_pairs
from reports.known_scores import known_scores
from reports.validation import separation, separations
from tests.reports.case_folder import CaseBuilder
from tests.reports.conftest import Built, build


def test_mean_auc_equals_the_benchmarks_on_the_same_embeddings(plain: Built) -> None:
    case = load_case(plain.folder)
    known = [e for e in case.exhibits if e.row["role"] == "known"]
    vectors = np.stack([unit_mean(case.usable_embeddings(e.key)) for e in known])
    result = evaluate(
        vectors, [e.row["target"] for e in known], [e.row["identity"] for e in known], ["g"] * len(known)
    )
    found = separation(known_pairs(case), "paper")
    assert found is not None
    assert found.mean_auc == pytest.approx(result.pooled.auc, abs=1e-9)
    assert [r.auc for r in found.identities] == pytest.approx(
        [t.auc for t in result.pooled.targets], abs=1e-9
    )


def test_pooled_auc_and_curve_agree_with_scikit_learn(plain: Built) -> None:
    found = separation(known_pairs(load_case(plain.folder)), "any_face")
    assert found is not None
    label = np.repeat([1, 0], [len(found.same), len(found.different)])
    assert found.pooled_auc == pytest.approx(
        roc_auc_score(label, np.concatenate((found.same, found.different)))
    )
    assert np.trapezoid(found.tpr, found.fpr) == pytest.approx(found.pooled_auc, abs=2e-3)


def test_different_faces_are_never_called_validation(fresh: Path) -> None:
    case = CaseBuilder(spread=2.5).known("Ada", 4).known("Ben", 4).questioned("q.mp4", "Ada")
    built = build(case, fresh)
    assert [s["kind"] for s in built.figures["separations"]] == ["any_face"]
    assert "Faces differ as well as drivers: not a validation" in built.text
    assert "Faces held equal" not in built.text


def test_shared_face_nobody_owns_is_read_within_the_face(fresh: Path) -> None:
    case = CaseBuilder(spread=2.5)
    for person in ("Ada", "Ben", "Cem"):
        case.known(person, 3, target="stock avatar")
    found = separations(known_pairs(load_case(case.write(fresh))))
    assert [(s.kind, [r.name for r in s.identities]) for s in found] == [("same_target", ["stock avatar"])]
    assert (found[0].n_positives, found[0].n_negatives) == (9, 27)


@pytest.mark.parametrize(
    ("builder", "says"),
    [
        (CaseBuilder().known("Ada", 1).known("Ben", 1), "No identity has two known videos"),
        (CaseBuilder().known("Ada", 3), "All known videos are of one identity"),
        (CaseBuilder().questioned("q.mp4", "x"), "The case holds no known videos"),
    ],
)
def test_no_auc_where_the_data_carry_none(builder: CaseBuilder, says: str, fresh: Path) -> None:
    built = build(builder, fresh)
    assert built.figures["separations"] == []
    assert "No figure can be given." in built.text
    assert says in built.text
    assert "Mean AUC" not in built.text


def test_no_interval_below_five_identities(fresh: Path) -> None:
    case = CaseBuilder(spread=3.0)
    for person in "ABCD":
        case.known(person, 6)
    found = separation(known_pairs(load_case(case.write(fresh))), "any_face")
    assert found is not None
    assert 0.5 < found.pooled_auc < 1
    assert (found.mean_interval.low, found.pooled_interval.low) == (None, None)
    every = (found.mean_interval, found.pooled_interval, *(r.interval for r in found.identities))
    assert {one.why for one in every} == {"few_clusters"}


def test_two_drivers_behind_many_faces_carry_no_interval(fresh: Path) -> None:
    case = CaseBuilder(spread=3.0)
    for person in ("Ada", "Ben"):
        for face in range(6):
            case.known(person, 3, target=f"avatar {face}")
    built = build(case, fresh)
    found = built.figures["separations"][0]
    assert (found["kind"], len(found["identities"])) == ("same_target", 6)
    assert found["mean_interval"]["why"] == found["pooled_interval"]["why"] == "few_clusters"
    assert "No interval of the mean AUC: fewer than five drivers to draw from." in built.text


def test_missing_interval_is_explained_by_its_own_reason(fresh: Path) -> None:
    """Six drivers behind one face, but all pairs of one driver are Ada's: enough drivers, one of them."""
    case = CaseBuilder(spread=3.0).known("Ada", 5, target="avatar")
    for person in ("Ben", "Cem", "Dan", "Eva", "Fay"):
        case.known(person, 1, target="avatar")
    built = build(case, fresh)
    (found,) = built.figures["separations"]
    every = (found["mean_interval"], found["pooled_interval"], found["identities"][0]["interval"])
    assert [one["why"] for one in every] == ["few_same"] * 3
    assert "No interval of the mean AUC: the same-driver pairs are of fewer than five drivers." in built.text
    assert "fewer than five drivers to draw from" not in built.text


def test_mean_and_pooled_auc_have_each_their_own_reason(fresh: Path) -> None:
    """Behind either face everybody is told apart, but one face brings all scores down."""
    case = CaseBuilder(spread=0.4)
    for i, person in enumerate("ABCDEF"):
        case.known(person, 3 + i % 3, target="avatar 1").known(person, 3, target="avatar 2")
    pairs = known_pairs(load_case(case.write(fresh)))
    lower = pairs.score - 5 * (pairs.target == "avatar 2")
    found = separation(replace(pairs, score=lower), "same_target")
    assert found is not None
    assert (found.mean_auc, found.mean_interval.why) == (1.0, "no_overlap")
    assert found.pooled_auc < 1 and found.pooled_interval.why is None


def test_mean_interval_is_the_benchmarks_on_the_same_embeddings(plain: Built) -> None:
    case = load_case(plain.folder)
    known = [e for e in case.exhibits if e.row["role"] == "known"]
    vectors = np.stack([unit_mean(case.usable_embeddings(e.key)) for e in known])
    target, driver = (np.array([e.row[name] for e in known]) for name in ("target", "identity"))
    found = separation(known_pairs(case), "paper")
    assert found is not None
    theirs = joint_interval([parts(by_distance(vectors), target, driver, np.ones(len(known), bool))])
    assert (found.mean_interval.low, found.mean_interval.high) == pytest.approx(
        (theirs.low, theirs.high), abs=1e-9
    )


def people_of_unequal_habits(seed: int, n: int = 8, videos: int = 4) -> list[Compared]:
    """Each driver's own pairs against its pairs with all others, from videos around a place per driver."""
    rng = np.random.default_rng(seed)
    driver = np.repeat(np.arange(n), videos)
    place = rng.normal(size=(n, 4)) * rng.uniform(0.3, 1.7, (n, 1))
    video = place[driver] + 1.5 * rng.normal(size=(len(driver), 4))
    left, right = np.triu_indices(len(driver), 1)
    score = -np.linalg.norm(video[left] - video[right], axis=1)
    left, right = driver[left], driver[right]
    return [
        Compared(score[here], (left == right)[here], left[here], right[here], own)
        for own in range(n)
        for here in [(left == own) | (right == own)]
    ]


def test_interval_of_the_mean_holds_the_truth_as_often_as_it_says() -> None:
    """Drivers recur in each other's groups: targets drawn as if independent covered it 8 times in 10."""
    aucs, intervals = [], []
    for seed in range(200):
        groups = people_of_unequal_habits(seed)
        aucs.append(np.mean([auc(one.scores[one.positive], one.scores[~one.positive]) for one in groups]))
        intervals.append(mean_auc_interval(groups, 8))
    truth = np.mean(aucs)
    ends = [(one.low, one.high) for one in intervals if one.low is not None and one.high is not None]
    assert len(ends) == len(intervals)
    assert np.mean([low <= truth <= high for low, high in ends]) > 0.92
    # Not by being absurdly wide.
    assert np.mean([high - low for low, high in ends]) < 1.4 * 2 * 1.96 * np.std(aucs)


def test_no_error_rate_from_fewer_than_thirty_pairs(fresh: Path) -> None:
    few, enough = CaseBuilder(spread=3.0), CaseBuilder(spread=3.0)
    for person in "ABC":
        few.known(person, 4)  # 18 same-driver pairs
        enough.known(person, 6)  # 45
    for case, folder in ((few, fresh), (enough, fresh.with_name("enough"))):
        built = build(case, folder)
        (found,) = built.figures["separations"]
        assert (found["eer"] is None) == (case is few)
        assert ("Equal error rate" in built.text) == (case is enough)
        assert ("No error rates: fewer than 30 pairs" in built.text) == (case is few)
        assert ("No figure can stand by itself: fewer than 30 pairs" in built.text) == (case is few)


def summary(built: Built) -> str:
    text = built.text
    return text[text.index("At a glance") : text.index(" found = ")]


def test_summary_gives_no_auc_that_chance_alone_can_make(fresh: Path) -> None:
    """One pair against two: a model that knows nothing gives 1 in a third of such cases."""
    few = build(CaseBuilder().known("Ada", 2, target="Ada").known("Ben", 1, target="Ada"), fresh)
    (found,) = few.figures["separations"]
    assert (found["kind"], found["n_positives"], found["n_negatives"]) == ("paper", 1, 2)
    assert "mean AUC, faces held equal" not in summary(few)
    assert "1 same-driver and 2 different-driver pairs of 3 videos by 2 drivers." in summary(few)


def test_summary_says_what_its_auc_rests_on(plain: Built, fresh: Path) -> None:
    mean = plain.figures["separations"][0]["mean_interval"]
    assert f"{mean['low']:.3f} to {mean['high']:.3f}" in summary(plain)
    assert "60 same-driver and 60 different-driver pairs of 42 videos by 6 drivers." in summary(plain)
    case = CaseBuilder(spread=3.0)
    for person in ("Ada", "Ben"):
        case.known(person, 6, target="avatar")
    two = summary(build(case, fresh))
    assert "mean AUC, faces held equal" in two
    assert "30 same-driver and 36 different-driver pairs of 12 videos by 2 drivers." in two
    assert "No interval of the mean AUC: fewer than five drivers to draw from." in two


def test_no_interval_when_nothing_overlaps(fresh: Path) -> None:
    case = CaseBuilder(spread=0.1)
    for person in "ABCDEF":
        case.known(person, 5)
    found = separation(known_pairs(load_case(case.write(fresh))), "any_face")
    assert found is not None
    assert found.pooled_auc == 1.0
    assert (found.pooled_interval.low, found.pooled_interval.why) == (None, "no_overlap")


def test_weighted_auc_is_the_auc_of_repeated_pairs() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 6, 40).astype(float)
    positive = rng.random(40) < 0.4
    weights = rng.integers(0, 4, (5, 40)).astype(float)
    expected = [
        roc_auc_score(np.repeat(positive, w.astype(int)), np.repeat(scores, w.astype(int))) for w in weights
    ]
    assert weighted_auc(scores, positive, weights) == pytest.approx(expected, abs=1e-12)


def test_clustered_interval_is_wider_than_pretending_pairs_are_independent() -> None:
    """Persons who differ in how far their pairs lie apart: drawing pairs would miss that spread."""
    rng = np.random.default_rng(2)
    n, each = 12, 30
    person = np.repeat(np.arange(n), each)
    positive = np.tile(np.arange(each) < each // 2, n)
    scores = rng.normal(size=n * each) + positive * rng.normal(1, 1.5, n)[person]
    found = clustered_auc_interval(Compared(scores, positive, person, person), [n])
    assert found.low is not None and found.high is not None
    naive = [
        roc_auc_score(positive[i], scores[i]) for i in rng.integers(0, len(scores), (RESAMPLES, len(scores)))
    ]
    assert found.high - found.low > 1.5 * float(np.subtract(*np.quantile(naive, [0.975, 0.025])))
    assert found.low < roc_auc_score(positive, scores) < found.high


def test_known_videos_are_scored_without_themselves(plain: Built) -> None:
    case = load_case(plain.folder)
    found = known_scores(case)
    n = sum(e.row["role"] == "known" for e in case.exhibits)
    assert (len(found.same), len(found.different)) == (n, n * 5)
    first = next(e for e in case.exhibits if e.row["identity"] == "Amara")
    others = [e for e in case.exhibits if e.row["identity"] == "Amara" and e is not first]
    own = unit_mean(case.usable_embeddings(first.key))
    rest = unit_mean(np.stack([unit_mean(case.usable_embeddings(e.key)) for e in others]))
    assert -np.linalg.norm(own - rest) in found.same


def test_questioned_scores_are_reproduced_from_the_embeddings(plain: Built) -> None:
    """The distribution a questioned score is laid beside is aggregated as the score itself is."""
    case = load_case(plain.folder)
    for row in pq.read_table(plain.folder / "scores.parquet").to_pylist():
        known = [e for e in case.exhibits if e.row["identity"] == row["identity"]]
        template = unit_mean(np.stack([unit_mean(case.usable_embeddings(e.key)) for e in known]))
        own = unit_mean(case.usable_embeddings(row["evidence_id"]))
        assert -np.linalg.norm(own - template) == pytest.approx(row["score"], abs=1e-6)
