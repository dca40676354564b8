"""The corpus knows what its faces do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.simulate.clip import clip_track
from pipeline.simulate.corpus import per_file_table
from pipeline.simulate.plan import plan_corpus, sample_people
from pipeline.simulate.truth import CHANNELS, TABLE, corpus_tracks, mirror


def test_tracks_are_performed_again_from_the_corpus_table(tmp_path: Path) -> None:
    plans = plan_corpus(sample_people(6, seed=3), 1, 1, 1.0, ("mesh",), seed=3)
    per_file_table(plans, 3).write_parquet(tmp_path / TABLE)
    chosen = [plans[7], plans[2]]
    tracks = corpus_tracks(tmp_path, [plan.path for plan in chosen])
    for plan, track in zip(chosen, tracks, strict=True):
        performed = clip_track(plan)
        assert track.shape == (25, len(CHANNELS)) and track.dtype == np.float32
        np.testing.assert_array_equal(track[:, :52], performed.coefficients)
        np.testing.assert_array_equal(track[:, 52:], np.hstack((performed.head, performed.translation)))


def test_mirrored_twice_is_as_before() -> None:
    order, sign = mirror()
    track = np.random.default_rng(0).normal(size=len(CHANNELS))
    once = track[order] * sign
    np.testing.assert_array_equal(once[order] * sign, track)
    assert CHANNELS[order[CHANNELS.index("mouthSmileLeft")]] == "mouthSmileRight"
    assert sign[CHANNELS.index("yaw")] == -1 and sign[CHANNELS.index("pitch")] == 1


def test_other_corpora_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a simulated corpus"):
        corpus_tracks(tmp_path, ["a.mp4"])
    pl.DataFrame({"path": ["a.mp4"], "recording": ["take.csv"]}).write_parquet(tmp_path / TABLE)
    with pytest.raises(UserError, match="recorded motion"):
        corpus_tracks(tmp_path, ["a.mp4"])
