"""Strength of evidence: the log10 likelihood ratio of each questioned score, or why there is none.

Calibrated on relevant data: the case's own known videos where they hold enough comparisons with the face
held equal; else the model's calibration set, unless that shows simulated people; else no likelihood ratio.
Both as the questioned score is formed: where the case's own data are thinner than the score, the score is
formed anew over their numbers of clips and known videos, and for the model's, pairs of single clips, over
single clips on both sides: the scores of a known video's mean, which has less noise, lie elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
from scipy.spatial.distance import cdist

from model.calibration import Calibration, read_calibration
from model.resampling import FEWEST_IDENTITIES, FEWEST_PAIRS
from model.similarity import Vector
from model.validated_for import says_nothing, simulated_only
from pipeline.calibration import (
    CaseCalibration,
    KnownFaces,
    Numbers,
    calibrate_on_case,
    means_of_draws,
)
from pipeline.score import Video

Row = dict[str, Any]
Reform = Callable[[str, str, Numbers | None], float]

DRAWS: Final = 50  # of clips and known videos, when a score is formed anew; its mean is used
UNVALIDATED: Final = "not reportable: the model is not validated for anything"
NOT_TOLD_APART: Final = (
    "the calibration data carry no likelihood ratio: the known videos are not told apart by driver, or too "
    "seldom to rely on"
)
# The calibration holds the face equal; a difference of faces moves a score as a difference of drivers does.
OTHER_FACE: Final = (
    "caution: the questioned video shows another face than this identity's known videos, and the calibration "
    "does not cover that; the faces alone may have moved the score"
)
SOME_OTHER_FACE: Final = (
    "caution: some of this identity's known videos show another face than the questioned video, and the "
    "calibration does not cover that; the faces alone may have moved the score"
)
UNSTATED_FACE: Final = (
    "caution: it is not stated that the questioned video and this identity's known videos show the same "
    "face, and the calibration holds the face equal; a difference of faces may have moved the score"
)


def add_likelihood_ratios(
    scores: Sequence[Row],
    videos: Sequence[Video],
    validated_for: str | None,
    model_calibration: Mapping[str, Any] | None,
) -> tuple[list[Row], list[Row]]:
    """The rows of the scores table with their likelihood ratios, and the rows of the calibration table.

    ``scores`` are `score_questioned`'s rows for these ``videos``. ``model_calibration`` is the model file's
    ``calibration``, as `model.calibration.fit_calibration` writes it.
    """
    if says_nothing(validated_for):
        return [{**row, "llr_note": UNVALIDATED} for row in scores], []
    known = KnownFaces(videos)
    reform = _reforming(videos)
    simulated = simulated_only(validated_for)
    of_model = read_calibration(model_calibration) if model_calibration and not simulated else None
    on_case = cache(lambda numbers: calibrate_on_case(known, numbers))
    nearest = cache(known.best_numbers)
    shown = _faces(videos)
    tables: dict[Numbers, CaseCalibration] = {}
    n_identities = len({v.identity for v in videos if v.identity is not None})
    found: list[Row] = []
    for row in scores:
        full = Numbers(row["n_clips"], row["n_known"])
        numbers = nearest(full)
        case = on_case(numbers) if numbers else None
        if case is not None:
            tables[case.numbers] = case
            values = _values(case.calibration, row, _case_note(case), reform, case.numbers)
        elif numbers is not None:
            values = {"llr_note": _refusal(row, n_identities, NOT_TOLD_APART)}
        elif of_model is not None:
            values = _values(of_model, row, _model_note(of_model), reform)
        else:
            values = {
                "llr_note": _refusal(row, n_identities, _too_little(known, model_calibration, simulated))
            }
        if values.get("llr") is not None:
            values["llr_note"] += _face_warning(*shown(row["evidence_id"], row["identity"]))
        found.append({**row, **values})
    return found, [line for case in tables.values() for line in case.rows]


def _values(
    calibration: Calibration, row: Row, note: str, reform: Reform, numbers: Numbers | None = None
) -> Row:
    """The ratio over ``numbers``, or without them over single clips on both sides."""
    if numbers is None:
        as_is = (row["n_clips"], row["n_known_clips"]) == (1, 1)
        over = "single clips of both sides"
    else:
        as_is = numbers == Numbers(row["n_clips"], row["n_known"])
        over = "these numbers"
    score = row["score"] if as_is else reform(row["evidence_id"], row["identity"], numbers)
    low, high = calibration.interval(score) or (None, None)
    if not as_is:
        note += f"; for it the score was formed anew over {over}"
    return {
        "llr": calibration.llr(score),
        "llr_low": low,
        "llr_high": high,
        "llr_bound": calibration.bound(score),
        "llr_score": score,
        "llr_note": note,
    }


def _reforming(videos: Sequence[Video]) -> Reform:
    """A function of questioned video, identity and numbers: the mean score over drawn clips and videos.

    Without numbers, of single clips: the mean over the known videos, whatever their length, of the scores of
    all pairs of a questioned and a known clip.
    """
    questioned = {v.evidence_id: v for v in videos if v.role == "questioned"}
    known: dict[str, list[Video]] = defaultdict(list)
    for video in sorted(videos, key=lambda v: v.evidence_id):
        if video.identity is not None:
            known[video.identity].append(video)

    @cache
    def of_video(evidence_id: str, clips: int) -> Vector:
        return means_of_draws(questioned[evidence_id].windows, clips, DRAWS)

    @cache
    def of_identity(identity: str, n_known: int) -> Vector:
        return means_of_draws(np.stack([v.embedding for v in known[identity]]), n_known, DRAWS)

    def score(evidence_id: str, identity: str, numbers: Numbers | None) -> float:
        if numbers is None:
            clips = questioned[evidence_id].windows
            return -float(np.mean([cdist(clips, video.windows).mean() for video in known[identity]]))
        left, right = of_video(evidence_id, numbers.clips), of_identity(identity, numbers.known)
        return -float(np.linalg.norm(left - right, axis=1).mean())

    return score


def _faces(videos: Sequence[Video]) -> Callable[[str, str], tuple[str | None, set[str | None]]]:
    """A function of questioned video and identity: the face of the one, the faces of the other's videos."""
    questioned = {v.evidence_id: v.target for v in videos if v.role == "questioned"}
    known: dict[str, set[str | None]] = defaultdict(set)
    for video in videos:
        if video.identity is not None:
            known[video.identity].add(video.target)
    return lambda evidence_id, identity: (questioned[evidence_id], known[identity])


def _face_warning(face: str | None, faces: set[str | None]) -> str:
    """What to say where the calibration holds the face equal and this comparison does not."""
    if face is None or None in faces:
        return f"; {UNSTATED_FACE}"
    if face not in faces:
        return f"; {OTHER_FACE}"
    return f"; {SOME_OTHER_FACE}" if len(faces) > 1 else ""


def _case_note(case: CaseCalibration) -> str:
    found, numbers = case.calibration, case.numbers
    return (
        f"calibrated on this case's known videos, the face held equal: {_behind(found)}, each of "
        f"{_count(numbers.clips, 'clip')} against {_count(numbers.known, 'known video')}"
    )


def _model_note(found: Calibration) -> str:
    return (
        f"calibrated on the model's validation videos, not on this case: {_behind(found)}, each of 1 clip "
        "against 1 other; the same videos chose the model's weights, so it is likely too favourable"
    )


def _behind(found: Calibration) -> str:
    return (
        f"{found.n_same} same-driver comparisons by {found.n_same_drivers} drivers and {found.n_different} "
        f"different-driver comparisons by {found.n_different_drivers}"
    )


def _refusal(row: Row, n_identities: int, why: str) -> str:
    identities = f"{n_identities} known {'identity' if n_identities == 1 else 'identities'}"
    return f"not reportable: {_count(row['n_clips'], 'clip')}, {identities}; {why}"


def _too_little(known: KnownFaces, model_calibration: Mapping[str, Any] | None, simulated: bool) -> str:
    supply = known.supply(Numbers(1, 1))
    if not model_calibration:
        model = "holds no calibration"
    elif simulated:
        model = "is calibrated on simulated people only"
    else:
        model = "holds no calibration on as many that this version can use"
    return (
        f"with the face held equal the case gives {supply.same} same-driver and {supply.different} "
        f"different-driver comparisons and {_count(supply.drivers, 'driver')} in both, where "
        f"{FEWEST_PAIRS}, {FEWEST_PAIRS} and {FEWEST_IDENTITIES} are needed, "
        f"and the model file {model}"
    )


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
