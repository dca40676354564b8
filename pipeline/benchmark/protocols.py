"""Every protocol a set of embeddings can be measured by, as rows of the result tables.

``paper``: one centre clip a video; per target, self × self against self × cross. ``single-source``: the
same with impostors of the target's own source corpus only (Sahadewa 2026), so that a source's recording
habits cannot separate them. ``multi-clip``: the mean embedding of all whole windows of a video.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from model.intervals import jackknife_interval, joint_interval
from model.resampling import FEWEST_PAIRS
from model.roc import eer
from model.target_auc import Floats, Ints, Parts, Scorer, Scores, by_distance, parts

PAPER: Final = "paper"
SINGLE_SOURCE: Final = "single-source"
MULTI_CLIP: Final = "multi-clip"
POOLED: Final = "pooled"
MEAN: Final = "mean of generators"
CURVE_POINTS: Final = 400
NO_EMBEDDING: Final = "none of its videos has an embedding"

Row = dict[str, Any]


@dataclass
class Measured:
    """Rows of ``results``, ``targets`` and ``curves`` (see ``pipeline.benchmark.schemas``)."""

    results: list[Row]
    targets: list[Row]
    curves: list[Row]


def measure_model(model_id: str, embeddings: pl.DataFrame, labels: pl.DataFrame) -> Measured:
    """Measure one model by every protocol its embeddings and labels allow.

    embeddings: ``path, centre, window, embedding``; labels: the dataset's. Videos without an embedding
    are not compared, and a target none of whose videos has one is left out.
    """
    found = Measured([], [], [])
    centre = embeddings.filter("centre")
    if len(centre):
        videos = one_a_video(centre, labels)
        _measure(model_id, PAPER, labels, videos, by_distance(vectors_of(videos)), found, curves=True)
        known = _single_source(videos)
        if known is not None:
            score = by_distance(vectors_of(known))
            _measure(model_id, SINGLE_SOURCE, _own_source(labels), known, score, found)
    windows = embeddings.filter("window")
    if len(windows):
        videos = one_a_video(windows, labels)
        _measure(model_id, MULTI_CLIP, labels, videos, by_distance(vectors_of(videos)), found)
    return found


def measure_scores(model_id: str, pairs: pl.DataFrame, labels: pl.DataFrame) -> Measured:
    """The same from pair scores (``left, right, score``) of a system that hands out no embeddings."""
    found = Measured([], [], [])
    _measure(model_id, PAPER, labels, labels, by_score(pairs, labels), found, curves=True)
    known = _single_source(labels)
    if known is not None:
        _measure(model_id, SINGLE_SOURCE, known, known, by_score(pairs, known), found)
    return found


def by_score(pairs: pl.DataFrame, videos: pl.DataFrame) -> Scorer:
    """Scores looked up among ``pairs`` (``left, right, score``, either way round); others are not scored."""
    place = {path: number for number, path in enumerate(videos["path"].to_list())}
    known: dict[tuple[int, int], float] = {}
    for left, right, stated in pairs.select("left", "right", "score").iter_rows():
        if left in place and right in place:
            known[place[left], place[right]] = known[place[right], place[left]] = stated
    partners: dict[int, list[int]] = {}
    for left, right in known:
        partners.setdefault(left, []).append(right)

    def score(own: Ints) -> tuple[Floats, Callable[[Ints], Floats]]:
        selves = set(own.tolist())
        positives = [
            known[left, right]
            for left in selves
            for right in partners.get(left, ())
            if left < right in selves
        ]

        def against(other: Ints) -> Floats:
            found = [known[a, b] for a in other.tolist() for b in partners.get(a, ()) if b in selves]
            return np.array(found, np.float64)

        return np.array(positives, np.float64), against

    return score


def why_no_single_source(labels: pl.DataFrame) -> str | None:
    """Why the single-source protocol cannot be measured on these videos, in a clause; None where it can."""
    known = labels.filter(pl.col("source").is_not_null() & pl.col("driver_source").is_not_null())
    sources = known["source"].unique().to_list()
    if not sources:
        return "of no video it is known from which source corpora target and driver come"
    if len(sources) == 1:
        return f"where source corpora of target and driver are known, all targets are of one, {sources[0]}"
    if not (known["source"] == known["driver_source"]).any():
        return "of no video it is known that its driver is of its target's own source corpus"
    return None


def _single_source(videos: pl.DataFrame) -> pl.DataFrame | None:
    """Videos whose driver comes from the target's own corpus; None without any, or with but one corpus."""
    if why_no_single_source(videos) is not None:
        return None
    return _own_source(videos)


def _own_source(videos: pl.DataFrame) -> pl.DataFrame:
    return videos.filter((pl.col("source") == pl.col("driver_source")).fill_null(False))


def one_a_video(embeddings: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Labels with the mean of each video's embeddings, in label order."""
    vectors = embeddings["embedding"].to_numpy().astype(np.float64)
    paths = embeddings["path"]
    order = paths.rank("dense").to_numpy().astype(np.intp) - 1 if len(paths) else np.zeros(0, np.intp)
    sums = np.zeros((int(order.max(initial=-1)) + 1, vectors.shape[1] if vectors.ndim == 2 else 0))
    np.add.at(sums, order, vectors)
    means = sums / np.bincount(order, minlength=len(sums))[:, None]
    of_video = pl.DataFrame(
        {"path": paths.unique().sort(), "embedding": means},
        schema_overrides={"embedding": pl.Array(pl.Float64, means.shape[1])},
    )
    return labels.join(of_video, on="path", how="inner", maintain_order="left")


def vectors_of(videos: pl.DataFrame, column: str = "embedding") -> Floats:
    """The embeddings of ``one_a_video`` as float64 [N, D]."""
    vectors: Floats = videos[column].to_numpy().reshape(len(videos), -1)
    return vectors


def _measure(
    model_id: str,
    protocol: str,
    labels: pl.DataFrame,
    videos: pl.DataFrame,
    score: Scorer,
    found: Measured,
    *,
    curves: bool = False,
) -> None:
    """Add one protocol's rows. labels: every video asked for; videos: those ``score`` knows, in its order."""
    target = videos["target"].to_numpy().astype(str)
    driver = videos["driver"].to_numpy().astype(str)
    known = labels["path"].is_in(videos["path"].implode()).to_numpy()
    for originals, chosen in subsets(labels):
        key = {"model_id": model_id, "protocol": protocol, "originals": originals}
        generators: list[Parts] = []
        for subset, mask in chosen.items():
            scores = Scores()
            pieces = _with_lost(
                parts(score, target, driver, mask[known], scores), labels["target"].filter(mask)
            )
            found.results.append({**key, "subset": subset, **_figures(pieces, scores)})
            found.targets += [{**key, "subset": subset, **row} for row in _target_rows(pieces)]
            if subset != POOLED:
                generators.append(pieces)
            elif curves and not originals:
                found.curves += [{"model_id": model_id, **row} for row in curve(scores)]
        found.results.append({**key, "subset": MEAN, **_mean_of(generators)})


def _with_lost(pieces: Parts, targets: pl.Series) -> Parts:
    """The same, with those of ``targets`` left out of which there was no video to score."""
    seen = {one.target for one in pieces.targets} | pieces.left_out.keys()
    lost = dict.fromkeys(sorted(set(targets.to_list()) - seen), NO_EMBEDDING)
    return replace(pieces, left_out=pieces.left_out | lost) if lost else pieces


def subsets(videos: pl.DataFrame) -> Iterator[tuple[bool, dict[str, NDArray[np.bool_]]]]:
    """Without and, where there are any, with originals: pooled, then each generator, as masks."""
    original = videos["original"].to_numpy()
    generator = videos["generator"].to_numpy().astype(str)
    names = sorted(set(generator[~original]))
    for originals in (False, True)[: 2 if original.any() else 1]:
        extra = original if originals else np.zeros_like(original)
        masks = {POOLED: ~original | extra}
        masks |= {name: (generator == name) | extra for name in names}
        yield originals, masks


def _figures(pieces: Parts, scores: Scores) -> Row:
    enough = min(pieces.n_positives, pieces.n_negatives) >= FEWEST_PAIRS
    return {
        "auc": number(pieces.mean),
        **_intervals([pieces]),
        "eer": number(eer(scores.positives, scores.negatives).rate) if enough else None,
        "n_targets": len(pieces.targets),
        "n_left_out": len(pieces.left_out),
        "n_positives": pieces.n_positives,
        "n_negatives": pieces.n_negatives,
    }


def _mean_of(generators: list[Parts]) -> Row:
    """The mean of the generators' AUCs; its interval draws identities once for all of them."""
    measured = [one for one in generators if one.targets]
    return {
        "auc": mean_auc(measured),
        **_intervals(measured),
        "eer": None,
        "n_targets": max((len(one.targets) for one in generators), default=0),
        "n_left_out": max((len(one.left_out) for one in generators), default=0),
        "n_positives": sum(one.n_positives for one in generators),
        "n_negatives": sum(one.n_negatives for one in generators),
    }


def mean_auc(some: list[Parts]) -> float | None:
    """Mean of the AUCs that could be measured, None when there is none."""
    measured = [one.mean for one in some if one.targets]
    return float(np.mean(measured)) if measured else None


def _intervals(pieces: list[Parts]) -> Row:
    joint, jackknife = joint_interval(pieces), jackknife_interval(pieces)
    return {
        "low": joint.low,
        "high": joint.high,
        "jackknife_low": jackknife.low,
        "jackknife_high": jackknife.high,
    }


def _target_rows(pieces: Parts) -> Iterator[Row]:
    for one in pieces.targets:
        yield {
            "target": one.target,
            "auc": one.auc,
            "n_self": one.n_self,
            "n_cross": one.n_cross,
            "left_out": None,
        }
    for target, reason in pieces.left_out.items():
        yield {"target": target, "auc": None, "n_self": None, "n_cross": None, "left_out": reason}


def curve(scores: Scores) -> list[Row]:
    """Exact error rates over all pairs of all targets at chosen thresholds (ISO/IEC 19795-1).

    The thresholds are scores of pairs, dense where few false matches are left; the rates at them are
    counted, not interpolated.
    """
    same, other = np.sort(scores.positives), np.sort(scores.negatives)
    if not len(same):
        return []
    dense = 1 - np.logspace(-np.log10(max(len(other), 10)), 0, CURVE_POINTS // 2)
    thresholds = np.unique(
        np.concatenate(
            [
                np.quantile(other, dense, method="nearest"),
                np.quantile(same, np.linspace(0, 1, CURVE_POINTS // 2), method="nearest"),
                [np.nextafter(max(same[-1], other[-1]), np.inf)],
            ]
        )
    )
    missed = np.searchsorted(same, thresholds, side="left")
    accepted = len(other) - np.searchsorted(other, thresholds, side="left")
    return [
        {
            "threshold": float(threshold),
            "fmr": int(false_matches) / len(other),
            "fnmr": int(false_non_matches) / len(same),
            "false_matches": int(false_matches),
            "false_non_matches": int(false_non_matches),
        }
        for threshold, false_matches, false_non_matches in zip(thresholds, accepted, missed, strict=True)
    ]


def number(value: float) -> float | None:
    """None for what could not be measured."""
    return value if math.isfinite(value) else None
