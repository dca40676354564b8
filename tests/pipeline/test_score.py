"""Scores are plain geometry on mean embeddings; what may not be compared is not compared."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from model.similarity import unit_mean
from pipeline import schemas
from pipeline.score import Video, comparable_videos, score_pairs, score_questioned
from pipeline.tables import from_rows


def video(name: str, vector: list[float], identity: str | None = None, target: str | None = None) -> Video:
    role = "questioned" if identity is None else "known"
    windows = np.array([vector, vector])
    return Video(name, role, identity, target, windows, unit_mean(windows))


def test_questioned_video_is_ranked_against_every_known_identity() -> None:
    videos = [
        video("a1", [1, 0, 0], "anna"),
        video("a2", [0.9, 0.1, 0], "anna"),
        video("b1", [0, 1, 0], "ben"),
        video("q", [0.2, 0.8, 0]),
    ]
    rows = score_questioned(videos)
    assert [(row["identity"], row["rank"], row["n_known"]) for row in rows] == [("ben", 1, 1), ("anna", 2, 2)]
    assert rows[0]["score"] > rows[1]["score"]
    assert all(row["llr"] is None and "not reportable" in row["llr_note"] for row in rows)
    from_rows("scores", rows)


def test_known_videos_are_paired_once_each_and_labels_stay_unknown_when_unknown() -> None:
    videos = [video("a", [1, 0], "anna", "x"), video("b", [0, 1], "ben", "x"), video("c", [1, 1], "ben")]
    rows = score_pairs(videos)
    assert [(row["left"], row["right"]) for row in rows] == list(combinations("abc", 2))
    labels = {(row["left"], row["right"]): (row["same_driver"], row["same_target"]) for row in rows}
    assert labels == {("a", "b"): (False, True), ("a", "c"): (False, None), ("b", "c"): (True, None)}
    from_rows("pairs", rows)


def test_without_known_videos_all_are_paired_and_nobody_is_named() -> None:
    rows = score_pairs([video("p", [1, 0]), video("q", [0, 1])])
    assert rows[0]["protocol"] == "exploratory"
    assert rows[0]["same_driver"] is None
    assert score_questioned([video("p", [1, 0])]) == []


def _evidence(name: str, **other: object) -> dict[str, object]:
    row = {field.name: None for field in schemas.EVIDENCE}
    row |= {"evidence_id": name, "path": name, "size": 1, "role": "questioned", "n_clips": 1, "n_usable": 1}
    return row | {"status": "processed"} | other


def _clip(name: str, usable: bool) -> dict[str, object]:
    row: dict[str, object] = {field.name: 0 for field in schemas.CLIPS}
    return row | {"clip_id": f"{name}-0", "evidence_id": name, "flags": [], "usable": usable}


def test_unusable_conflicting_and_duplicate_material_is_not_compared() -> None:
    evidence = [
        _evidence("good"),
        _evidence("frozen"),
        _evidence("disputed", conflict="two identities"),
        _evidence("twice", status="duplicate"),
    ]
    clips = [_clip("good", True), _clip("frozen", False), _clip("disputed", True), _clip("twice", True)]
    embeddings = [
        {
            "clip_id": clip["clip_id"],
            "evidence_id": clip["evidence_id"],
            "model_id": "m",
            "embedding": [1.0] + [0.0] * 255,
        }
        for clip in clips
    ]
    found = comparable_videos(
        from_rows("evidence", evidence), from_rows("clips", clips), from_rows("embeddings", embeddings)
    )
    assert [item.evidence_id for item in found] == ["good"]
