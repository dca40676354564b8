"""Every number a reader sees comes from the tables."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports.build import build_report, figures_json
from reports.wording import strings
from tests.reports.case_folder import CaseBuilder, plain_case
from tests.reports.conftest import Built, build


def every_number(data: Any) -> set[float]:
    if isinstance(data, dict):
        return set().union(*(every_number(v) for v in data.values()), {float(len(data))}) if data else {0.0}
    if isinstance(data, list):
        return set().union(*(every_number(v) for v in data), {float(len(data))}) if data else {0.0}
    return {float(data)} if isinstance(data, int | float) and not isinstance(data, bool) else set()


CASES = ["plain", "calibrated", "exploratory", "single", "empty"]


@pytest.mark.parametrize("name", CASES)
def test_every_number_in_the_html_is_in_the_figures(name: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(name)
    known = every_number(built.figures)
    shown = [float(a["value"] or "nan") for a in built.elements.all("data")]
    assert len(shown) > 5
    assert [x for x in shown if x not in known] == []


NUMBER = re.compile(r"\d+(?:\.\d+)?")


class Rest(HTMLParser):
    """What stands outside ``data`` elements: the text, and the words for those who see no picture.

    Left out: style and script, the ticks of figures, and ``code``, which holds hashes and commands.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self._inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link", "img", "br", "input", "rect", "path", "line"}:
            self._inside.append(tag)
        self.text += [value or "" for name, value in attrs if name in {"alt", "aria-label", "datetime"}]

    def handle_endtag(self, tag: str) -> None:
        while tag in self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        unread = {"style", "script", "data", "code", "time"} & set(self._inside)
        ticks = "svg" in self._inside and self._inside[-1] not in {"title", "desc"}
        if not unread and not ticks:
            self.text.append(data)


@pytest.mark.parametrize("name", CASES)
def test_number_outside_data_elements_is_in_the_figures_or_in_the_wording(
    name: str, request: pytest.FixtureRequest
) -> None:
    built: Built = request.getfixturevalue(name)
    figures = figures_json(built.folder)
    known = set(NUMBER.findall(figures)) | set(NUMBER.findall(" ".join(strings().values())))
    for value in every_number(built.figures):
        known |= {f"{abs(part):.{digits}f}" for part in (value, 100 * value) for digits in range(4)}
        known |= {f"{abs(value):g}"}
    known |= {str(i) for i in range(1, 8)}  # chapters, and places in the grid of the occlusion test
    found = [number for text in Rest(built.html).text for number in NUMBER.findall(text)]
    assert len(found) > 10
    assert [number for number in found if number not in known] == []


def test_rankings_are_the_rows_of_the_scores_table(plain: Built) -> None:
    scores = pq.read_table(plain.folder / "scores.parquet").to_pylist()
    evidence = {r["evidence_id"]: r for r in pq.read_table(plain.folder / "evidence.parquet").to_pylist()}
    shown = [
        (q["path"], r["identity"], r["rank"], f"{r['score']:.11g}")
        for q in plain.figures["questioned"]
        for r in q["ranking"]
    ]
    stored = [
        (evidence[r["evidence_id"]]["path"], r["identity"], r["rank"], f"{r['score']:.11g}") for r in scores
    ]
    assert {p for p, *_ in shown} == {
        "questioned/call-01.mp4",
        "questioned/call-02.mp4",
        "questioned/call-03.mkv",
    }
    # The duplicate row shares its evidence_id with the file it repeats.
    assert sorted(x[1:] for x in shown) == sorted(x[1:] for x in stored)
    for score in (r["score"] for r in scores if r["rank"] == 1):
        assert (
            f'<data value="{float(f"{score:.12g}")!r}">{score:.3f}</data>'.replace(">-", ">−") in plain.html
        )


def test_known_driver_without_a_video_to_compare_is_named_and_not_called_unknown(fresh: Path) -> None:
    """Whose only videos are frozen or damaged stands in no ranking; that is no word on whom it was not."""
    case = CaseBuilder().known("Ada", 2).known("Ben", 2).known("Cem", 1, clips=2, frozen=2)
    case.known("Dan", 1, status="failed", reason_code="no_frames", reason="no frame")
    for name in ("Cem", "Dan", "Eva"):
        case.questioned(f"q/{name}.mp4", "Ada", claimed_driver=name)
    built = build(case, fresh)
    assert built.figures["uncompared"] == ["Cem", "Dan"]
    assert "because none of the known videos can be compared: Cem, Dan." in built.text
    for name in ("Cem", "Dan"):
        assert f"{name} known, but by no video that can be compared" in built.text
    assert "Eva not among the known" in built.text
    assert built.text.count("not among the known") == 1


def test_scores_that_hardly_differ_are_shown_with_the_digits_they_need(fresh: Path) -> None:
    """A model that tells nobody apart puts all scores within a thousandth: ranks must still be readable."""
    build_report(plain_case().write(fresh))
    for name in ("scores", "pairs"):
        table = pq.read_table(fresh / f"{name}.parquet")
        place = table.schema.get_field_index("score")
        shrunk = pa.array([s / 1000 for s in table.column("score").to_pylist()])
        pq.write_table(table.set_column(place, table.schema.field(place), shrunk), fresh / f"{name}.parquet")
    built = Built(build_report(fresh).parent)
    first = built.figures["questioned"][0]["ranking"]
    shown = [f"{r['score']:.6f}".replace("-", "−") for r in first]
    assert len(set(shown)) == len(first)
    assert all(text in built.text for text in shown)
    assert "−0.000 " not in built.text


def test_auc_per_identity_is_what_counting_pairs_gives(plain: Built) -> None:
    pairs = pq.read_table(plain.folder / "pairs.parquet").to_pylist()
    target = {
        r["evidence_id"]: r["target"] for r in pq.read_table(plain.folder / "evidence.parquet").to_pylist()
    }
    reading = plain.figures["separations"][0]
    assert reading["kind"] == "paper"
    values = []
    for row in reading["identities"]:
        face = row["name"]
        here = [p for p in pairs if p["same_target"] and target[p["left"]] == face]
        own = [(p["left_identity"] == face) + (p["right_identity"] == face) for p in here]
        positives = [p["score"] for p, n in zip(here, own, strict=True) if n == 2]
        negatives = [p["score"] for p, n in zip(here, own, strict=True) if n == 1]
        wins = [(a > b) + 0.5 * (a == b) for a in positives for b in negatives]
        assert row["auc"] == pytest.approx(np.mean(wins), abs=1e-12)
        assert (row["n_positives"], row["n_negatives"]) == (len(positives), len(negatives))
        values.append(np.mean(wins))
    assert len(values) == 6
    assert reading["mean_auc"] == pytest.approx(np.mean(values), abs=1e-12)
    assert 0.5 < reading["mean_auc"] < 1
    assert f"{reading['mean_auc']:.3f}" in plain.text


def test_ledger_counts_the_evidence_rows(plain: Built) -> None:
    status = pq.read_table(plain.folder / "evidence.parquet").column("status").to_pylist()
    parts = [f"{status.count(s)} {s}" for s in ("processed", "failed", "skipped", "duplicate")]
    assert f"{len(status)} found = {' + '.join(parts)}" in plain.text
    assert plain.figures["ledger"]["balanced"]


def test_counts_that_disagree_with_the_run_raise_an_alarm(fresh, plain: Built) -> None:
    plain_case().write(fresh)
    run = json.loads((fresh / "run.json").read_text())
    run["counts"]["processed"] -= 1
    (fresh / "run.json").write_text(json.dumps(run))
    assert "The counts do not add up" in Built(build_report(fresh).parent).text
    assert "The counts do not add up" not in plain.text


def test_unusable_clips_are_counted_and_shown(plain: Built) -> None:
    shards = [pq.read_table(p).to_pylist() for p in (plain.folder / "clips").glob("*.parquet")]
    clips = [c for shard in shards for c in shard]
    unusable = sum(not c["usable"] for c in clips)
    assert unusable > 0
    assert f"{unusable} of {len(clips)} clips are not fit for comparison" in plain.text


def test_every_file_stands_in_the_inventory_with_its_hash(plain: Built) -> None:
    for row in pq.read_table(plain.folder / "evidence.parquet").to_pylist():
        assert row["path"] in plain.text
        assert row["evidence_id"] in plain.text
