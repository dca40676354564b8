"""The report says how strong the evidence is, how good that figure is, and which data stand behind it."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from model.likelihood import cllr, cllr_min
from pipeline.likelihood_ratio import OTHER_FACE, SOME_OTHER_FACE
from reports.build import build_report
from reports.questioned import Questioned, Ranked, strength_notes
from tests.reports.case_folder import CaseBuilder, calibrated_case
from tests.reports.conftest import Built


def signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def test_likelihood_ratio_stands_with_interval_bound_and_source(calibrated: Built) -> None:
    first = [r for r in pq.read_table(calibrated.folder / "scores.parquet").to_pylist() if r["rank"] == 1]
    assert len(first) == 3
    for row in first:
        at_bound = row["llr_low"] is None
        ends = "at the bound" if at_bound else f"{signed(row['llr_low'])} to {signed(row['llr_high'])}"
        shown = f"{signed(row['llr'])} {ends}"
        assert f"{shown}; kept within {signed(row['llr_bound'])} of 0 on this side" in calibrated.text
        assert row["llr_note"] in calibrated.text
    assert (
        "the face held equal: 36 same-driver comparisons by 6 drivers and 180 different-driver comparisons "
        "by 6, each of" in calibrated.text
    )


def test_every_ratio_of_a_ranking_stands_with_interval_and_bound(calibrated: Built) -> None:
    articles = calibrated.html.split('<article class="video"')[1:]
    for result in calibrated.figures["questioned"]:
        (article,) = [a for a in articles if a.startswith(f' id="{result["anchor"]}"')]
        text = re.sub(r"<[^>]+>", "", html.unescape(article))
        for row in result["ranking"]:
            at_bound = row["llr_low"] is None
            ends = "at the bound" if at_bound else f"{signed(row['llr_low'])} to {signed(row['llr_high'])}"
            bound = f"kept within {signed(row['llr_bound'])} of 0 on this side"
            assert f"{signed(row['llr'])} {ends}; {bound}" in text


def test_claimed_driver_has_a_ratio_of_their_own_beside_the_nearest(calibrated: Built) -> None:
    rows = pq.read_table(calibrated.folder / "scores.parquet").to_pylist()
    evidence = pq.read_table(calibrated.folder / "evidence.parquet").to_pylist()
    (key,) = [e["evidence_id"] for e in evidence if e["path"] == "q/b.mp4"]
    (row,) = [r for r in rows if r["evidence_id"] == key and r["identity"] == "Chiara"]
    assert row["rank"] > 1
    assert f"claimed driver Chiara: {signed(row['llr'])} {signed(row['llr_low'])} to" in calibrated.text


def test_video_with_another_face_is_named_beside_the_caution(calibrated: Built) -> None:
    cautions = {n: v for n, v in calibrated.figures["strength_notes"].items() if "caution" in n}
    assert list(cautions.values()) == [{"Q3": []}]
    (note,) = cautions
    assert note.endswith(OTHER_FACE)
    assert f"Q3 {note}." in calibrated.text
    assert [q["label"] for q in calibrated.figures["questioned"] if "other_face" in q["caveats"]] == ["Q3"]


def test_every_printed_ratio_has_its_note_beside_it_by_name(fresh: Path) -> None:
    """The caution of a lower rank stands below the ranking that prints its likelihood ratio."""
    built = Built(build_report(calibrated_case(fresh, other_faces=["Elif", "Farid"])).parent)
    articles = built.html.split('<article class="video"')[1:]
    for result in built.figures["questioned"]:
        (article,) = [a for a in articles if a.startswith(f' id="{result["anchor"]}"')]
        text = re.sub(r"<[^>]+>", "", html.unescape(article))
        said: dict[str, list[str]] = {}
        for row in result["ranking"]:
            said.setdefault(row["llr_note"], []).append(row["identity"])
        assert len(said) > 1 or result["label"] == "Q3"
        for note, names in said.items():
            who = f"{', '.join(names)}: " if len(said) > 1 else ""
            assert text.count(f"{who}{note}.") == 1
    first = built.figures["questioned"][0]["ranking"]
    (cautioned,) = {r["llr_note"] for r in first if r["llr_note"].endswith(SOME_OTHER_FACE)}
    assert {r["identity"] for r in first if r["llr_note"] == cautioned} == {"Elif", "Farid"}
    assert first[0]["identity"] == "Amara"
    assert cautioned in built.text


def test_note_of_the_claimed_driver_alone_names_that_driver() -> None:
    def place(identity: str, rank: int, note: str) -> Ranked:
        return Ranked(identity, rank, -0.5, 3, 9, 0.4, 0.1, 0.7, 0.8, note)

    def asked(label: str, *ranking: Ranked) -> Questioned:
        claimed = ranking[-1]
        return Questioned(
            label, label, label, claimed.identity, claimed, False, False, 3, 3, ranking, 0.1, None, None, ()
        )

    both = asked("Q1", place("Amara", 1, "plain"), place("Boris", 2, "caution"), place("Chiara", 3, "plain"))
    apart = asked("Q2", place("Amara", 1, "plain"), place("Boris", 2, "caution"))
    alone = asked("Q3", place("Boris", 1, "caution"))
    assert strength_notes([both, apart, alone]) == {
        "plain": {"Q1": [], "Q2": ["Amara"]},
        "caution": {"Q2": ["Boris"], "Q3": []},
    }
    assert both.notes == {"plain": ["Amara", "Chiara"], "caution": ["Boris"]}


def test_both_propositions_are_in_words_beside_the_meaning_of_the_ratio(calibrated: Built) -> None:
    assert "The questioned video was driven by the named known person." in calibrated.text
    assert "The questioned video was driven by some other person." in calibrated.text
    assert "It is not the probability of either proposition." in calibrated.text


def without_their_drivers(rows: list[dict[str, Any]]) -> NDArray[np.float64]:
    """Of each comparison ln LR, unbounded, by scikit-learn on the comparisons without its two drivers."""
    scores, truth = (np.array([r[c] for r in rows]) for c in ("score", "same_driver"))
    x = ((scores - scores.mean()) / scores.std())[:, None]
    people = [{r["driver"], r["identity"]} for r in rows]
    found = np.empty(len(rows))
    for pair in {frozenset(p) for p in people}:
        out = [not pair & p for p in people]
        fit = LogisticRegression(class_weight="balanced", tol=1e-10).fit(x[out], truth[out])
        own = [pair == p for p in people]
        found[own] = fit.decision_function(x[own])
    return found


def test_measures_are_those_of_the_calibration_table(calibrated: Built) -> None:
    rows = pq.read_table(calibrated.folder / "calibration.parquet").to_pylist()
    for found in calibrated.figures["strengths"]:
        here = [r for r in rows if (r["n_clips"], r["n_known"]) == (found["n_clips"], found["n_known"])]
        same = [r["llr"] for r in here if r["same_driver"]]
        different = [r["llr"] for r in here if not r["same_driver"]]
        assert (found["n_same"], found["n_different"]) == (len(same), len(different))
        assert found["n_same_drivers"] == len({r["driver"] for r in here if r["same_driver"]})
        others = [r for r in here if not r["same_driver"]]
        sides = [len({r[side] for r in others}) for side in ("driver", "identity")]
        assert found["n_different_drivers"] == min(sides)
        assert found["cllr"] == pytest.approx(cllr(same, different))
        assert found["cllr_min"] == pytest.approx(cllr_min(same, different))
        unbounded = without_their_drivers(here)
        truth = np.array([r["same_driver"] for r in here])
        assert found["misleading_same"] == pytest.approx(np.mean(unbounded[truth] < 0))
        assert found["misleading_different"] == pytest.approx(np.mean(unbounded[~truth] > 0))
        assert 0 <= found["cllr_min"] <= found["cllr"] < 1
        assert f"{found['cllr']:.2f}" in calibrated.text


def test_share_that_a_bound_of_zero_holds_at_zero_is_not_given(calibrated: Built, fresh: Path) -> None:
    """Where nothing can come out below 0, no same-driver pair does; that is no merit of the calibration."""
    shutil.copytree(calibrated.folder, fresh, dirs_exist_ok=True)
    table = pq.read_table(fresh / "calibration.parquet")
    for side, other, bounded in (("below", "above", np.maximum), ("above", "below", np.minimum)):
        llr = bounded(table.column("llr").to_numpy(), 0.0)
        changed = table.set_column(
            table.schema.get_field_index("llr"), table.schema.field("llr"), pa.array(llr)
        )
        pq.write_table(changed, fresh / "calibration.parquet")
        built = Built(build_report(fresh).parent)
        refused, given = ("same", "different") if side == "below" else ("different", "same")
        for found, before in zip(built.figures["strengths"], calibrated.figures["strengths"], strict=True):
            assert found[f"misleading_{refused}"] is None
            assert found[f"misleading_{given}"] == before[f"misleading_{given}"]
        assert f"No share {side} 0: the bound there is 0" in built.text
        assert f"No share {other} 0" not in built.text
        assert f"none can lie {side} 0" in built.html
    assert "the bound there is 0" not in calibrated.text


def test_model_without_calibration_is_not_said_to_rule_out_the_ratios_shown(calibrated: Built) -> None:
    """The case's own videos calibrated them, and what comes with a driver besides the face goes into them."""
    assert any(r["llr"] is not None for q in calibrated.figures["questioned"] for r in q["ranking"])
    assert calibrated.figures["case"]["run"]["model"]["calibration"] is None
    assert "no likelihood ratio can be given" not in calibrated.text
    assert "can only rest on the case's own known videos" in calibrated.text
    lead = calibrated.text.partition("How good the likelihood ratios are")[2][:700]
    assert "room, camera and session" in lead


def test_tippett_and_pav_are_drawn_and_described(calibrated: Built) -> None:
    ids = [a.get("id") for a in calibrated.elements.all("desc")]
    assert {"tippett-desc", "pav-desc"} <= set(ids)


def test_same_tables_give_the_same_bytes(calibrated: Built) -> None:
    before = calibrated.path.read_bytes()
    build_report(calibrated.folder)
    assert calibrated.path.read_bytes() == before


@pytest.mark.parametrize("unusable", [0, 2])
def test_case_with_nothing_to_weigh_says_so_and_blames_no_data(fresh: Path, unusable: int) -> None:
    """Known videos in plenty, and no questioned video, or none with a usable clip."""
    case = CaseBuilder(spread=3.0)
    for person in ("Amara", "Boris", "Chiara", "Dinesh", "Elif", "Farid"):
        case.known(person, 6, target="stock avatar")
    for i in range(unusable):
        case.questioned(f"q/{i}.mp4", "Amara", target="stock avatar", clips=2, frozen=2)
    built = Built(build_report(case.write(fresh)).parent)
    assert [q["ranking"] for q in built.figures["questioned"]] == [[]] * unusable
    assert "there was nothing to weigh" in built.text
    assert "calibrate no likelihood ratio" not in built.text
    assert "what was used instead" not in built.text


def test_untrained_model_shows_a_refusal_and_no_figures(fresh: Path) -> None:
    built = Built(build_report(calibrated_case(fresh, "nothing (untrained)")).parent)
    assert "not reportable: the model is not validated for anything" in built.text
    assert "kept within" not in built.text
    assert "The case's own known videos calibrate no likelihood ratio" in built.text
    assert "there was nothing to weigh" not in built.text
    assert built.figures["strengths"] == []
