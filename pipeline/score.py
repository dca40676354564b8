"""Comparing drivers: questioned video × known identity, and pairs of videos.

A video is represented by the mean of its usable windows' embeddings, scaled back to unit length; an
identity by the mean of its known videos, likewise. Similarity is minus the Euclidean distance, so
0 is identical and −2 opposite; for single windows this is the paper's score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from model.similarity import Vector, similarity, unit_mean

NOT_CALIBRATED = "not reportable: no calibration data stand behind this score"


@dataclass(frozen=True)
class Video:
    """One comparable video: its labels, its usable windows (n_clips, d) by time, and their unit mean (d,)."""

    evidence_id: str
    role: str
    identity: str | None
    target: str | None
    windows: Vector = field(repr=False)
    embedding: Vector = field(repr=False)

    @property
    def n_clips(self) -> int:
        return len(self.windows)


def comparable_videos(evidence: pa.Table, clips: pa.Table, embeddings: pa.Table) -> list[Video]:
    """The videos that may be compared: processed, free of conflict, with at least one usable window."""
    usable = {row["clip_id"] for row in clips.select(["clip_id", "usable"]).to_pylist() if row["usable"]}
    by_file: dict[str, list[NDArray[Any]]] = defaultdict(list)
    vectors = embeddings.column("embedding").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    matrix = vectors.reshape(embeddings.num_rows, -1) if embeddings.num_rows else vectors.reshape(0, 1)
    labels = embeddings.select(["clip_id", "evidence_id"]).to_pylist()
    order = sorted(range(len(labels)), key=lambda i: labels[i]["clip_id"])  # same draws whatever came first
    for i in order:
        if labels[i]["clip_id"] in usable:
            by_file[labels[i]["evidence_id"]].append(matrix[i])
    videos = []
    for row in evidence.sort_by("path").to_pylist():
        windows = by_file.get(row["evidence_id"] or "")
        if row["status"] != "processed" or row["conflict"] is not None or not windows:
            continue
        stacked = np.stack(windows).astype(np.float64)
        labelled = (row["evidence_id"], row["role"], row["identity"], row["target"])
        videos.append(Video(*labelled, stacked, unit_mean(stacked)))
    return videos


def score_questioned(videos: Sequence[Video]) -> list[dict[str, Any]]:
    """Rows of the scores table: each questioned video against each known identity, ranked."""
    known: dict[str, list[Video]] = defaultdict(list)
    for video in videos:
        if video.identity is not None:
            known[video.identity].append(video)
    templates = {name: unit_mean(np.stack([v.embedding for v in group])) for name, group in known.items()}
    rows = []
    for video in videos:
        if video.role != "questioned":
            continue
        found = {name: similarity(video.embedding, template) for name, template in templates.items()}
        ranked = sorted(found, key=lambda name: (-found[name], name))
        for rank, name in enumerate(ranked, start=1):
            rows.append(_score_row(video, name, found[name], rank, known))
    return rows


def _score_row(
    video: Video, identity: str, score: float, rank: int, known: Mapping[str, Sequence[Video]]
) -> dict[str, Any]:
    return {
        "evidence_id": video.evidence_id,
        "identity": identity,
        "score": score,
        "rank": rank,
        "n_clips": video.n_clips,
        "n_known": len(known[identity]),
        "n_known_clips": sum(v.n_clips for v in known[identity]),
        "llr": None,
        "llr_low": None,
        "llr_high": None,
        "llr_bound": None,
        "llr_score": None,
        "llr_note": NOT_CALIBRATED,
    }


def score_pairs(videos: Sequence[Video]) -> list[dict[str, Any]]:
    """Rows of the pairs table: all pairs of known videos, or of all videos when none is known."""
    known = [video for video in videos if video.identity is not None]
    chosen, protocol = (known, "known") if known else (list(videos), "exploratory")
    ordered = sorted(chosen, key=lambda video: video.evidence_id)
    return [
        {
            "left": left.evidence_id,
            "right": right.evidence_id,
            "left_identity": left.identity,
            "right_identity": right.identity,
            "same_driver": _same(left.identity, right.identity),
            "same_target": _same(left.target, right.target),
            "score": similarity(left.embedding, right.embedding),
            "left_clips": left.n_clips,
            "right_clips": right.n_clips,
            "protocol": protocol,
        }
        for i, left in enumerate(ordered)
        for right in ordered[i + 1 :]
    ]


def _same(left: str | None, right: str | None) -> bool | None:
    return None if left is None or right is None else left == right
