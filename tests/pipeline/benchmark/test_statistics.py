"""Pair lists and protocols against definitions written out as loops."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from model.protocol import evaluate
from model.resampling import FEWEST_IDENTITIES
from model.roc import eer
from model.target_auc import Scores, by_distance, parts
from pipeline.benchmark.clips import choose_clips, cut
from pipeline.benchmark.pair_protocol import measure_pairs, score_pairs
from pipeline.benchmark.protocols import MEAN, POOLED, measure_model

Floats = NDArray[np.float64]


def pair_list(n_drivers: int, videos: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All pairs of the drivers' videos, with scores that overlap; and who drives each."""
    random = np.random.default_rng(0)
    drivers = pl.DataFrame(
        [(f"d{d}v{v}", f"d{d}") for d in range(n_drivers) for v in range(videos)],
        schema=["path", "driver"],
        orient="row",
    )
    rows = [
        (a, b, who == whom, float(random.normal(0.6 * (who == whom))))
        for (a, who), (b, whom) in itertools.combinations(drivers.iter_rows(), 2)
    ]
    return pl.DataFrame(rows, schema=["left", "right", "same_driver", "score"], orient="row"), drivers


def test_pair_list_of_few_drivers_carries_no_interval() -> None:
    for n_drivers in (2, 4, 5):
        scored, drivers = pair_list(n_drivers, 6)
        found = measure_pairs(scored, len(scored), drivers)
        assert 0.5 < found["auc"] < 1 and found["eer"] is not None
        ends = [found[name] for name in ("auc_low", "auc_high", "eer_low", "eer_high")]
        assert all(end is None for end in ends) == (n_drivers < FEWEST_IDENTITIES)


def test_no_equal_error_rate_from_fewer_than_thirty_pairs() -> None:
    scored, drivers = pair_list(5, 3)  # 15 same-driver pairs
    found = measure_pairs(scored, len(scored), drivers)
    assert (found["n_same"], found["auc"] is None, found["eer"], found["eer_low"]) == (15, False, None, None)
    embeddings, labels = frames_of()
    few = labels.filter(~pl.col("original"), pl.col("generator") == "mesh")
    rows = measure_model("m", embeddings, few).results
    assert {row["n_positives"] for row in rows} == {18}
    assert all(row["auc"] is not None and row["eer"] is None for row in rows)


def frames_of(seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Embeddings and labels of a small corpus: two generators, originals, two sources, two windows."""
    random = np.random.default_rng(seed)
    labels, rows = [], []
    for target, driver in itertools.product(range(6), range(6)):
        for generator in ("mesh", "tps", *(["original"] if target == driver else [])):
            for clip in range(3 if target == driver else 1):
                path = f"{generator}/{target}--{clip}--{driver}.mp4"
                sources = [("lab", "home")[person % 2] for person in (target, driver)]
                labels.append(
                    (path, f"p{target}", f"p{driver}", generator, *sources, generator == "original")
                )
                for start in (0, 16, 8):
                    vector = np.eye(8)[driver] + random.normal(size=8)
                    rows.append((path, start == 8, start != 8, vector / np.linalg.norm(vector)))
    names = ["path", "target", "driver", "generator", "source", "driver_source", "original"]
    frame = pl.DataFrame(labels, schema=names, orient="row").sort("path")
    kinds = {
        "path": pl.String,
        "centre": pl.Boolean,
        "window": pl.Boolean,
        "embedding": pl.Array(pl.Float32, 8),
    }
    return pl.DataFrame(rows, schema=kinds, orient="row"), frame


def value(rows: list[dict[str, object]], **wanted: object) -> object:
    (row,) = [row for row in rows if all(row[name] == what for name, what in wanted.items())]
    return row["auc"]


def test_paper_protocol_is_that_of_training_with_and_without_originals() -> None:
    embeddings, labels = frames_of()
    found = measure_model("m", embeddings, labels)
    joined = labels.join(embeddings.filter("centre"), on="path", maintain_order="left")
    columns = [joined[name].to_list() for name in ("target", "driver", "generator")]
    result = evaluate(joined["embedding"].to_numpy(), *columns)
    paper = [row for row in found.results if row["protocol"] == "paper" and not row["originals"]]
    assert value(paper, subset=POOLED) == pytest.approx(result.pooled.auc, abs=1e-9)
    assert value(paper, subset=MEAN) == pytest.approx(result.mean_over_generators, abs=1e-9)
    for name, one in result.per_generator.items():
        assert value(paper, subset=name) == pytest.approx(one.auc, abs=1e-9)
    with_originals = evaluate(joined["embedding"].to_numpy(), *columns, with_originals=True)
    wanted = with_originals.pooled.auc
    assert value(found.results, protocol="paper", subset=POOLED, originals=True) == pytest.approx(
        wanted, abs=1e-9
    )
    assert wanted != result.pooled.auc


def test_single_source_compares_with_drivers_of_the_targets_own_source_only() -> None:
    embeddings, labels = frames_of()
    found = measure_model("m", embeddings, labels)
    rows = [row for row in found.targets if row["protocol"] == "single-source" and row["subset"] == "mesh"]
    assert {row["n_cross"] for row in rows if not row["originals"]} == {
        2
    }  # of five others, two share the source


def test_multi_clip_measures_the_mean_of_the_windows() -> None:
    embeddings, labels = frames_of()
    found = measure_model("m", embeddings, labels)
    means = [
        embeddings.filter(pl.col("window"), pl.col("path") == path)["embedding"].to_numpy().mean(axis=0)
        for path in labels["path"]
    ]
    columns = [labels[name].to_list() for name in ("target", "driver", "generator")]
    wanted = evaluate(np.array(means), *columns).pooled.auc
    assert value(found.results, protocol="multi-clip", subset=POOLED, originals=False) == pytest.approx(
        wanted, abs=1e-7
    )


def test_curve_counts_pairs_exactly() -> None:
    embeddings, labels = frames_of()
    synthetic = labels.filter(~pl.col("original"))
    found = measure_model("m", embeddings, synthetic)
    joined = synthetic.join(embeddings.filter("centre"), on="path", maintain_order="left")
    vectors = joined["embedding"].to_numpy().astype(float)
    scores = Scores()
    target, driver = (joined[name].to_numpy().astype(str) for name in ("target", "driver"))
    parts(by_distance(vectors), target, driver, np.ones(len(joined), bool), scores)
    same, other = scores.positives, scores.negatives
    for row in found.curves[::20]:
        assert row["false_matches"] == (other >= row["threshold"]).sum()
        assert row["false_non_matches"] == (same < row["threshold"]).sum()
        assert row["fmr"] == row["false_matches"] / len(other)
    (pooled,) = [row for row in found.results if row["subset"] == POOLED and row["protocol"] == "paper"]
    assert pooled["eer"] == eer(same, other).rate


def test_pair_list_scores_all_pairs_of_windows() -> None:
    embeddings, labels = frames_of()
    random = np.random.default_rng(1)
    paths, driver = labels["path"].to_list(), dict(labels.select("path", "driver").iter_rows())
    chosen = [tuple(random.choice(paths, 2, replace=False)) for _ in range(300)]
    pairs = pl.DataFrame(
        [(a, b, driver[a] == driver[b]) for a, b in chosen],
        schema=["left", "right", "same_driver"],
        orient="row",
    )
    gone = pl.DataFrame({"left": ["gone.mp4"], "right": [paths[0]], "same_driver": [True]})
    scored = score_pairs(pl.concat([pairs, gone]), embeddings)
    figures = measure_pairs(scored, len(pairs) + 1, labels.select("path", "driver"))
    windows = {
        path: embeddings.filter(pl.col("window"), pl.col("path") == path)["embedding"].to_numpy()
        for path in paths
    }
    scores = [float((windows[a] @ windows[b].T).mean()) for a, b in chosen]
    same = pairs["same_driver"].to_numpy()
    assert figures["auc"] == pytest.approx(roc_auc_score(same, scores), abs=1e-6)
    assert figures["eer"] == pytest.approx(
        eer(np.array(scores)[same], np.array(scores)[~same]).rate, abs=0.01
    )
    assert figures["auc_low"] < figures["auc"] < figures["auc_high"]
    assert figures["n_left_out"] == 1
    assert figures["n_same"] + figures["n_different"] == 300


def test_centre_clip_and_whole_windows_are_chosen() -> None:
    clips = choose_clips(50, 16, multi_clip=True)
    assert [(clip.start, clip.centre, clip.window) for clip in clips] == [
        (0, False, True),
        (16, False, True),
        (17, True, False),
        (32, False, True),
    ]
    assert [(clip.start, clip.centre) for clip in choose_clips(50, 16, multi_clip=False)] == [(17, True)]


def test_short_video_gives_one_clip_whose_last_frame_is_repeated() -> None:
    frames = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((1, 128, 128), np.uint8)
    (clip,) = choose_clips(10, 16, multi_clip=True)
    assert (clip.padded, clip.centre, clip.window) == (6, True, True)
    assert cut(frames, clip, 16)[:, 0, 0].tolist() == [*range(10), *[9] * 6]
