"""A likelihood ratio stands on data like the score it belongs to, or there is none and the reason is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats

from model.calibration import Comparisons, Supply, calibrate, fit_calibration, pair_scores
from model.similarity import similarity, unit_mean
from pipeline.calibration import KnownFaces, Numbers, calibrate_on_case
from pipeline.likelihood_ratio import OTHER_FACE, SOME_OTHER_FACE, UNSTATED_FACE, add_likelihood_ratios
from pipeline.score import Video, score_questioned
from pipeline.tables import from_rows

D = 24


def people(
    n: int = 6,
    videos: int = 6,
    clips: int = 3,
    *,
    target: str | None = "avatar",
    habit: float = 1.0,
    seed: int = 0,
    questioned_clips: int = 3,
) -> list[Video]:
    """``n`` known drivers, each with ``videos`` of ``clips`` windows, and two questioned videos a driver."""
    random = np.random.default_rng(seed)
    made = []
    for person in range(n):
        style = habit * random.normal(size=D)
        for i in range(videos + 2):
            known = i < videos
            centre = style + 1.5 * random.normal(size=D)
            windows = centre + 0.8 * random.normal(size=(clips if known else questioned_clips, D))
            windows /= np.linalg.norm(windows, axis=1, keepdims=True)
            name = f"p{person}"
            made.append(
                Video(
                    f"{'k' if known else 'q'}{person}-{i}",
                    "known" if known else "questioned",
                    name if known else None,
                    target,
                    windows,
                    unit_mean(windows),
                )
            )
    return made


def with_ratios(
    videos: list[Video], validated_for: str = "simulation only", calibration: Any = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found, table = add_likelihood_ratios(score_questioned(videos), videos, validated_for, calibration)
    from_rows("scores", found)
    from_rows("calibration", table)
    return found, table


def validation_set() -> dict[str, Any]:
    """What a trained model carries: pairs of single clips of people the case has never seen."""
    videos = [v for v in people(12, 8, 1, seed=7) if v.identity]
    drivers = [str(v.identity) for v in videos]
    everyone = [
        pair_scores(np.stack([v.embedding for v in videos]), [name] * len(videos), drivers)
        for name in sorted(set(drivers))
    ]
    stated = fit_calibration(
        Comparisons(*(np.concatenate([getattr(c, f) for c in everyone]) for f in ("score", "left", "right")))
    )
    assert stated is not None
    return stated


def test_calibration_scores_are_formed_as_a_questioned_score_is() -> None:
    """Every row is the plain score of the known video, itself taken out of the case and asked about."""
    videos = people()
    case = calibrate_on_case(KnownFaces(videos), Numbers(3, 5))
    assert case is not None
    by_id = {v.evidence_id: v for v in videos}
    own = [row for row in case.rows if row["same_driver"]]
    assert len(own) == 36
    for row in own:
        video = by_id[row["evidence_id"]]
        rest = [v for v in videos if v.identity == video.identity and v is not video]
        asked = Video("asked", "questioned", None, video.target, video.windows, video.embedding)
        scores = {r["identity"]: r["score"] for r in score_questioned([*rest, asked])}
        assert row["score"] == pytest.approx(scores[row["identity"]], abs=1e-12)
    assert {row["driver"] == row["identity"] for row in own} == {True}


def test_likelihood_ratio_is_the_calibrations_of_the_score() -> None:
    videos = people()
    found, table = with_ratios(videos)
    arrays = [np.array([row[c] for row in table]) for c in ("score", "driver", "identity")]
    fitted = calibrate(Comparisons(*arrays))
    assert fitted is not None
    calibration, left_out = fitted
    assert [row["llr"] for row in table] == left_out.tolist()
    for row in found:
        unbounded = calibration.slope * row["llr_score"] + calibration.intercept
        assert row["llr"] == np.clip(unbounded, calibration.low, calibration.high)
        assert row["llr_bound"] == (calibration.high if unbounded >= 0 else -calibration.low)
        drawn = calibration.draws @ np.array([row["llr_score"], 1.0])
        tail = scipy.stats.norm.cdf(np.sqrt(6 / 5) * scipy.stats.t.ppf(0.025, 5))  # of six drivers
        ends = np.quantile(np.clip(drawn, calibration.low, calibration.high), (tail, 1 - tail))
        low, high = min(ends[0], row["llr"]), max(ends[1], row["llr"])
        wanted = [None, None] if low == high else [pytest.approx(low), pytest.approx(high)]
        assert [row["llr_low"], row["llr_high"]] == wanted
        assert (
            "calibrated on this case's known videos, the face held equal: 36 same-driver comparisons by "
            "6 drivers and 180 different-driver comparisons by 6, each of" in row["llr_note"]
        )
    right = [row["llr"] for row in found if row["identity"][1] == row["evidence_id"][1]]
    wrong = [row["llr"] for row in found if row["identity"][1] != row["evidence_id"][1]]
    assert np.mean(right) > 0.3
    assert np.mean(wrong) < -0.3


def test_bound_and_interval_hold_for_every_row() -> None:
    found, _ = with_ratios(people(habit=30.0))
    assert max(row["llr"] for row in found) > 0.5
    at_bound = [row for row in found if row["llr_low"] is None]
    assert {row["llr"] > 0 for row in at_bound} == {False, True}
    for row in at_bound:
        assert row["llr_high"] is None
        assert abs(row["llr"]) == row["llr_bound"] <= np.log10(7)
    for row in found:
        assert abs(row["llr"]) <= row["llr_bound"] <= np.log10(7)
        if row not in at_bound:
            assert row["llr_low"] <= row["llr"] <= row["llr_high"]
            assert row["llr_low"] < row["llr_high"]
            assert max(abs(row["llr_low"]), abs(row["llr_high"])) <= np.log10(7)


def test_bound_of_zero_stands_beside_a_score_that_points_to_its_side() -> None:
    """Nothing is carried below 0: a score pointing there has no room, one pointing above keeps its own."""
    stated = validation_set() | {"llr_low": 0.0}
    found, _ = with_ratios(people(n=2), "200 real callers", stated)
    sides = set()
    for row in found:
        below = stated["slope"] * row["llr_score"] + stated["intercept"] < 0
        assert row["llr_bound"] == (0.0 if below else stated["llr_high"])
        assert row["llr"] == 0.0 if below else row["llr"] > 0
        sides.add(below)
    assert sides == {False, True}


def test_score_is_formed_anew_over_the_numbers_the_calibration_has() -> None:
    """Leaving one out costs a known video; a questioned video may have more clips than any known one."""
    videos = people(clips=2, questioned_clips=9)
    found, table = with_ratios(videos)
    assert {(row["n_clips"], row["n_known"]) for row in table} == {(2, 5)}
    assert all(row["n_clips"] == 9 and row["n_known"] == 6 for row in found)
    assert all("each of 2 clips against 5 known videos; for it the score was formed anew" in row["llr_note"]
               for row in found)  # fmt: skip
    random = np.random.default_rng(5)
    row = found[0]
    asked = next(v for v in videos if v.evidence_id == row["evidence_id"])
    group = np.stack([v.embedding for v in videos if v.identity == row["identity"]])
    drawn = [
        similarity(
            unit_mean(asked.windows[random.choice(9, 2, replace=False)]),
            unit_mean(group[random.choice(6, 5, replace=False)]),
        )
        for _ in range(3000)
    ]
    assert row["llr_score"] == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / np.sqrt(50))
    assert row["llr_score"] < row["score"]


def test_videos_with_fewer_clips_than_the_questioned_one_do_not_calibrate_it() -> None:
    long, short = people(seed=1, clips=8, questioned_clips=8), people(seed=1, clips=2)
    mixed = [a if int(a.evidence_id[-1]) % 6 else b for a, b in zip(long, short, strict=True)]
    known = KnownFaces(mixed)
    assert known.supply(Numbers(2, 1)) == Supply(36, 180, 6)
    assert known.supply(Numbers(8, 1)) == Supply(30, 150, 6)
    _, table = with_ratios(mixed)
    assert {row["evidence_id"] for row in table if row["n_clips"] == 8}.isdisjoint(
        f"k{person}-0" for person in range(6)
    )


def test_only_videos_of_the_same_face_are_compared() -> None:
    """Each driver behind his own face: nothing would hold the face equal, so nothing calibrates."""
    own_faces = [
        Video(v.evidence_id, v.role, v.identity, v.identity, v.windows, v.embedding) for v in people()
    ]
    assert KnownFaces(own_faces).supply(Numbers(1, 1)) == Supply(36, 0, 0)
    for videos in (own_faces, people(target=None)):
        found, table = with_ratios(videos)
        assert table == []
        assert all(row["llr"] is None and row["llr_note"].startswith("not reportable: ") for row in found)


def test_too_little_known_material_is_refused_in_a_sentence() -> None:
    found, table = with_ratios(people(n=1))
    assert table == []
    assert found[0]["llr_note"] == (
        "not reportable: 3 clips, 1 known identity; with the face held equal the case gives 6 same-driver "
        "and 0 different-driver comparisons and 0 drivers in both, where 30, 30 and 5 are needed, and the "
        "model file holds no calibration"
    )
    assert all(row[c] is None for row in found for c in ("llr", "llr_low", "llr_high", "llr_bound"))


def test_untrained_model_gives_no_likelihood_ratio_however_much_is_known() -> None:
    for said in ("nothing (untrained)", "", "unknown"):
        found, table = with_ratios(people(), said, validation_set())
        assert table == []
        assert {row["llr_note"] for row in found} == {
            "not reportable: the model is not validated for anything"
        }
        assert {row["llr"] for row in found} == {None}


def test_models_calibration_serves_where_the_case_has_too_little() -> None:
    stated = validation_set()
    found, table = with_ratios(people(n=2), "200 real callers", stated)
    assert table == []
    for row in found:
        assert "calibrated on the model's validation videos, not on this case" in row["llr_note"]
        assert (
            "each of 1 clip against 1 other; the same videos chose the model's weights, so it is likely too "
            "favourable; for it the score was formed anew over single clips of both sides" in row["llr_note"]
        )
        wanted = stated["slope"] * row["llr_score"] + stated["intercept"]
        assert row["llr"] == pytest.approx(np.clip(wanted, stated["llr_low"], stated["llr_high"]))
    own_case, _ = with_ratios(people(), calibration=stated)
    assert all("this case's known videos" in row["llr_note"] for row in own_case)


def test_models_calibration_is_asked_about_single_clips_of_both_sides() -> None:
    """Its pairs are of single clips; against the mean of a known video's clips everybody scores otherwise."""
    stated, videos = validation_set(), people(n=2, clips=5)
    for row in with_ratios(videos, "200 real callers", stated)[0]:
        asked = next(v for v in videos if v.evidence_id == row["evidence_id"])
        pairs = [
            similarity(a, b)
            for video in videos
            if video.identity == row["identity"]
            for a in asked.windows
            for b in video.windows
        ]
        assert row["llr_score"] == pytest.approx(np.mean(pairs))
    for row in with_ratios(people(2, 1, 1, questioned_clips=1), "200 real callers", stated)[0]:
        assert row["llr_score"] == row["score"]
        assert "formed anew" not in row["llr_note"]


def test_calibration_on_simulated_people_gives_no_likelihood_ratio() -> None:
    found, table = with_ratios(people(n=2), "simulation only", validation_set())
    assert table == []
    for row in found:
        assert row["llr"] is None
        assert row["llr_note"].startswith("not reportable: ")
        assert "calibrated on simulated people only" in row["llr_note"]


def test_calibration_of_an_older_model_is_named_as_unusable() -> None:
    found, _ = with_ratios(people(n=2), "200 real callers", {"slope": 3.0, "intercept": 4.0})
    assert found[0]["llr"] is None
    unusable = "the model file holds no calibration on as many that this version can use"
    assert found[0]["llr_note"].endswith(unusable)


def test_models_calibration_on_too_few_gives_no_likelihood_ratio() -> None:
    """What the case's own data must hold, the model's must hold."""
    stated = validation_set()
    for short in ({"same_driver_pairs": 29}, {"different_driver_pairs": 29}, {"identities_in_both": 4}):
        found, _ = with_ratios(people(n=2), "200 real callers", stated | short)
        assert {row["llr"] for row in found} == {None}
        assert (
            "where 30, 30 and 5 are needed, and the model file holds no calibration on as many"
            in (found[0]["llr_note"])
        )


@pytest.mark.parametrize("seed", range(4))
def test_drivers_without_habits_get_no_strength(seed: int) -> None:
    """When the names in the known material mean nothing, the ratios say nothing or are refused."""
    found, _ = with_ratios(people(habit=0.0, seed=seed))
    said = [row["llr"] for row in found if row["llr"] is not None]
    assert all(abs(llr) < 0.2 for llr in said)
    if not said:
        assert "the calibration data carry no likelihood ratio" in found[0]["llr_note"]


def test_face_that_differs_between_questioned_and_known_is_flagged() -> None:
    """Five people calibrate behind one face; what is asked about shows it, or another, or nobody says."""
    videos = people()
    cautions = {OTHER_FACE, SOME_OTHER_FACE, UNSTATED_FACE}

    def said(face: str | None, known_face: dict[str, str | None] | None = None) -> dict[str, str]:
        changed = [
            replace(v, target=face) if v.evidence_id == "q0-6" else
            replace(v, target=(known_face or {}).get(v.evidence_id, v.target))
            for v in videos
        ]  # fmt: skip
        rows = [row for row in with_ratios(changed)[0] if row["evidence_id"] == "q0-6"]
        assert all(row["llr"] is not None for row in rows)
        return {row["identity"]: row["llr_note"] for row in rows}

    assert not [note for note in said("avatar").values() if any(c in note for c in cautions)]
    assert all(note.endswith(OTHER_FACE) for note in said("another face").values())
    assert all(note.endswith(UNSTATED_FACE) for note in said(None).values())
    mixed = said("avatar", {"k1-0": "another face"})
    assert [name for name, note in mixed.items() if note.endswith(SOME_OTHER_FACE)] == ["p1"]
    unsaid = said("avatar", {"k2-0": None})
    assert [name for name, note in unsaid.items() if note.endswith(UNSTATED_FACE)] == ["p2"]


def test_refusal_needs_no_caution_about_faces() -> None:
    found, _ = with_ratios([replace(v, target=None) for v in people(n=2)])
    assert all(row["llr"] is None and "caution" not in row["llr_note"] for row in found)


def test_order_of_the_evidence_changes_nothing() -> None:
    videos = people(clips=4, questioned_clips=3)
    shuffled = [videos[i] for i in np.random.default_rng(0).permutation(len(videos))]
    keyed = [
        {
            (r["evidence_id"], r["identity"]): (r["llr"], r["llr_low"], r["llr_high"])
            for r in with_ratios(v)[0]
        }
        for v in (videos, shuffled)
    ]
    assert keyed[0].keys() == keyed[1].keys()
    for key, values in keyed[0].items():
        assert values == pytest.approx(keyed[1][key], abs=1e-9)


def test_one_recording_in_several_files_calibrates_once() -> None:
    """Two videos a person, and three more files of the first: perfect pairs of one driver, for nothing."""
    videos = people(n=8, videos=2)
    copies = [
        replace(v, evidence_id=f"z{v.evidence_id}-{n}")
        for v in videos
        for n in range(3)
        if v.identity and v.evidence_id.endswith("-0")
    ]
    alone, swelled = KnownFaces(videos), KnownFaces(copies + videos)
    assert swelled.videos == alone.videos
    assert swelled.supply(Numbers(1, 1)) == alone.supply(Numbers(1, 1)) == Supply(16, 112, 8)
    found, table = with_ratios(videos + copies)
    assert table == []
    assert all(row["llr"] is None for row in found)
