"""Everything a report says, computed once: the templates print it, ``--json`` hands it out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.occlusion import MOST_VIDEOS
from reports.case import Case
from reports.conditions import Condition, conditions
from reports.digits import decimals, settled
from reports.exploratory import Exploration, exploration
from reports.known_pairs import known_pairs
from reports.known_scores import KnownScores, Reached, known_scores
from reports.ledger import Ledger, ledger
from reports.model_status import Status, given_differences, model_status
from reports.questioned import Questioned, known_identities, questioned, strength_notes
from reports.same_pictures import same_pictures
from reports.strength import Strength, strengths
from reports.validation import Separation, separations


@dataclass(frozen=True)
class Compared:
    """A questioned video's score against one identity, among the known videos' scores of both kinds.

    ``nearest``: the identity is here as the nearest of all, not as the claimed driver.
    """

    identity: str
    nearest: bool
    score: float
    same: Reached
    different: Reached


@dataclass(frozen=True)
class Content:
    """The report's findings, without any wording or layout.

    ``differences``: whether the model is given differences of frames; None where that is not known.
    ``same_pictures``: labels of videos that are one recording in files of other bytes.
    ``marks``: the nearest identity's score of each questioned video, ``shares`` how it and the claimed
    driver's compare with the known videos; both by label.
    ``uncompared``: known identities no questioned video was compared with, as none of their videos can be.
    ``most_occluded``: the number of questioned videos this case exceeds, so that none had an occlusion test.
    """

    case: Case
    status: Status
    differences: bool | None
    ledger: Ledger
    same_pictures: list[tuple[str, ...]]
    questioned: list[Questioned]
    uncompared: list[str]
    strength_notes: dict[str, dict[str, list[str]]]
    separations: list[Separation]
    strengths: list[Strength]
    known_scores: KnownScores
    exploration: Exploration | None
    marks: dict[str, float]
    shares: dict[str, tuple[Compared, ...]]
    n_known_videos: int
    score_digits: int
    conditions: list[Condition]
    most_occluded: int | None


def content(case: Case) -> Content:
    """Computes every figure of the report from the case's tables."""
    results = questioned(case)
    scores = known_scores(case)
    asked = sum(e.row["role"] == "questioned" and e.row["status"] == "processed" for e in case.exhibits)
    marks = {q.label: q.ranking[0].score for q in results if q.ranking}
    return Content(
        case=case,
        status=model_status(case.run.get("model", {})),
        differences=given_differences(case.run.get("model", {})),
        ledger=ledger(case),
        same_pictures=same_pictures(case),
        questioned=results,
        uncompared=sorted(known_identities(case) - {r.identity for q in results for r in q.ranking})
        if marks
        else [],
        strength_notes=strength_notes(results),
        separations=separations(known_pairs(case)),
        strengths=strengths(case),
        known_scores=scores,
        exploration=exploration(case) if case.exploratory else None,
        marks=marks,
        shares={q.label: _compared(q, scores) for q in results if q.ranking},
        conditions=conditions(case),
        score_digits=decimals(_all_scores(case)),
        most_occluded=MOST_VIDEOS if asked > MOST_VIDEOS else None,
        n_known_videos=sum(e.row["role"] == "known" for e in case.exhibits),
    )


def _compared(result: Questioned, scores: KnownScores) -> tuple[Compared, ...]:
    """The nearest identity and, named beforehand, the claimed driver, even where it is the same one."""
    chosen = [(result.ranking[0], True), *([(result.claimed, False)] if result.claimed else [])]
    return tuple(
        Compared(
            identity=r.identity,
            nearest=nearest,
            score=r.score,
            same=scores.same_as_high(r.score),
            different=scores.different_as_high(r.score, nearest=nearest),
        )
        for r, nearest in chosen
    )


def _all_scores(case: Case) -> list[float]:
    pairs: list[float] = case.pairs.column("score").to_pylist()
    return pairs + [row["score"] for rows in case.scores.values() for row in rows]


def as_data(value: Any) -> Any:
    """``value`` as JSON can hold it: dataclasses as objects, arrays as lists, NaN as null."""
    if isinstance(value, Case):
        value = {name: getattr(value, name) for name in ("run", "evidence", "clips", "shots")}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    elif isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(k): as_data(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [as_data(v) for v in value]
    if isinstance(value, float):
        return settled(value) if np.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)
