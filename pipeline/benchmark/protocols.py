"""Every protocol a set of embeddings can be measured by, as rows of the result tables.

``paper``: one centre clip a video; per target, self × self against self × cross. ``single-source``: the
same with impostors of the target's own source corpus only (Sahadewa 2026), so that a source's recording
habits cannot separate them. ``multi-clip``: the mean embedding of all whole windows of a video.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from model.protocol import MeanAuc, eer, mean_auc
from pipeline.benchmark.intervals import Parts, jackknife_interval, joint_interval, parts

PAPER: Final = "paper"
SINGLE_SOURCE: Final = "single-source"
MULTI_CLIP: Final = "multi-clip"
POOLED: Final = "pooled"
MEAN: Final = "mean of generators"
CURVE_POINTS: Final = 400

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
    are not compared.
    """
    found = Measured([], [], [])
    centre = _one_a_video(embeddings.filter("centre"), labels)
    _measure(model_id, PAPER, centre, found, curves=True)
    known = centre.filter(pl.col("source").is_not_null() & pl.col("driver_source").is_not_null())
    if known["source"].n_unique() > 1:
        _measure(model_id, SINGLE_SOURCE, known.filter(pl.col("source") == pl.col("driver_source")), found)
    windows = embeddings.filter("window")
    if len(windows):
        _measure(model_id, MULTI_CLIP, _one_a_video(windows, labels), found)
    return found


def _one_a_video(embeddings: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
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


def _measure(
    model_id: str, protocol: str, videos: pl.DataFrame, found: Measured, *, curves: bool = False
) -> None:
    vectors = videos["embedding"].to_numpy().reshape(len(videos), -1)
    target = videos["target"].to_numpy().astype(str)
    driver = videos["driver"].to_numpy().astype(str)
    for originals, chosen in _subsets(videos):
        key = {"model_id": model_id, "protocol": protocol, "originals": originals}
        decomposed: list[Parts] = []
        for subset, mask in chosen.items():
            mean = mean_auc(vectors, target, driver == target, mask)
            pieces = parts(vectors, target, driver, mask)
            found.results.append({**key, "subset": subset, **_figures(mean, [pieces])})
            found.targets += [{**key, "subset": subset, **row} for row in _target_rows(mean)]
            if subset != POOLED:
                decomposed.append(pieces)
            elif curves and not originals:
                found.curves += [{"model_id": model_id, **row} for row in curve(pieces)]
        found.results.append(
            {**key, "subset": MEAN, **_mean_of(found.results[-len(decomposed) :], decomposed)}
        )


def _subsets(videos: pl.DataFrame) -> Iterator[tuple[bool, dict[str, NDArray[np.bool_]]]]:
    """Without and, where there are any, with originals: pooled, then each generator, as masks."""
    original = videos["original"].to_numpy()
    generator = videos["generator"].to_numpy().astype(str)
    names = sorted(set(generator[~original]))
    for originals in (False, True)[: 2 if original.any() else 1]:
        extra = original if originals else np.zeros_like(original)
        masks = {POOLED: ~original | extra}
        masks |= {name: (generator == name) | extra for name in names}
        yield originals, masks


def _figures(mean: MeanAuc, pieces: list[Parts]) -> Row:
    low, high = joint_interval(pieces)
    jackknife_low, jackknife_high = jackknife_interval(pieces)
    positives = np.concatenate([np.empty(0), *(scores for one in pieces for scores in one.positives)])
    negatives = np.concatenate([np.empty(0), *(scores for one in pieces for scores in one.negatives)])
    return {
        "auc": number(mean.auc),
        "low": number(low),
        "high": number(high),
        "jackknife_low": number(jackknife_low),
        "jackknife_high": number(jackknife_high),
        "eer": number(eer(positives, negatives).rate),
        "n_targets": len(mean.targets),
        "n_left_out": len(mean.left_out),
        "n_positives": len(positives),
        "n_negatives": len(negatives),
    }


def _mean_of(rows: list[Row], pieces: list[Parts]) -> Row:
    """The mean of the generators' AUCs; its interval draws identities once for all of them."""
    measured = [(row, one) for row, one in zip(rows, pieces, strict=True) if row["auc"] is not None]
    together = [one for _, one in measured]
    low, high = joint_interval(together)
    jackknife_low, jackknife_high = jackknife_interval(together)
    return {
        "auc": number(float(np.mean([row["auc"] for row, _ in measured]))) if measured else None,
        "low": number(low),
        "high": number(high),
        "jackknife_low": number(jackknife_low),
        "jackknife_high": number(jackknife_high),
        "eer": None,
        "n_targets": max((row["n_targets"] for row in rows), default=0),
        "n_left_out": max((row["n_left_out"] for row in rows), default=0),
        "n_positives": sum(row["n_positives"] for row in rows),
        "n_negatives": sum(row["n_negatives"] for row in rows),
    }


def _target_rows(mean: MeanAuc) -> Iterator[Row]:
    for one in mean.targets:
        yield {
            "target": one.target,
            "auc": one.auc,
            "n_self": one.n_self,
            "n_cross": one.n_cross,
            "left_out": None,
        }
    for target, reason in mean.left_out.items():
        yield {"target": target, "auc": None, "n_self": None, "n_cross": None, "left_out": reason}


def curve(pieces: Parts) -> list[Row]:
    """Exact error rates over all pairs of all targets at chosen thresholds (ISO/IEC 19795-1).

    The thresholds are scores of pairs, dense where few false matches are left; the rates at them are
    counted, not interpolated.
    """
    if not pieces.positives:
        return []
    same = np.sort(np.concatenate(pieces.positives))
    other = np.sort(np.concatenate(pieces.negatives))
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
