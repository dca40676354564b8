"""The occlusion test points to where the motion lies, and to nothing that stands still."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from model.shipped import shipped_model
from pipeline.cli.analyze import _occluded, _tested_otherwise
from pipeline.clips.visuals import occlusion_rows
from pipeline.embed import EmbeddingSession
from pipeline.intake.found import Found
from pipeline.ledger import FileResult, Ledger
from pipeline.occlusion import GRID, MOST_VIDEOS, occlusion_effects
from pipeline.schemas import VISUALS

ID = "a" * 64


@pytest.fixture(scope="module")
def session() -> EmbeddingSession:
    return EmbeddingSession(shipped_model(), "CPUExecutionProvider", threads=1)


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    """A structured picture that stands still but for two patches: one moves much, one a little."""
    y, x = np.mgrid[0:128, 0:128]
    still = 128 + 60 * np.sin(x / 5) * np.cos(y / 7)
    frames = np.repeat(still[None], 64, axis=0)
    for t in range(64):
        frames[t, 43:64, 64:85] += 60 * np.sin(t / 3 + x[43:64, 64:85] / 4)
        frames[t, 107:128, 0:21] += 4 * np.sin(t / 3 + x[107:128, 0:21] / 4)
    return np.clip(frames, 0, 255).astype(np.uint8)


def clip_row(index: int, *, usable: bool = True, energy: float = 1.0) -> dict[str, object]:
    return {
        "clip_id": f"{ID}-{index}", "index": index, "usable": usable, "motion_energy": energy,
        "start_second": 2.56 * index,
    }  # fmt: skip


def test_patch_that_moves_most_matters_most_and_a_still_one_not_at_all(
    session: EmbeddingSession, clip: np.ndarray
) -> None:
    effects = occlusion_effects(clip, session.embed)
    assert effects.shape == (GRID, GRID)
    assert np.unravel_index(effects.argmax(), effects.shape) == (2, 3)
    assert 0 < effects[5, 0] < effects[2, 3] <= 2
    still = np.ones_like(effects, bool)
    still[[2, 5], [3, 0]] = False
    assert not effects[still].any()


def test_effect_is_the_distance_to_the_embedding_of_the_clip_with_that_patch_held(
    session: EmbeddingSession, clip: np.ndarray
) -> None:
    held = clip.copy()
    held[:, 43:64, 64:85] = held[0, 43:64, 64:85]
    whole, without = session.embed(np.stack([clip, held])).astype(np.float64)
    expected = np.linalg.norm(without - whole)  # the order of the sum is free, so the last bit is too
    assert occlusion_effects(clip, session.embed)[2, 3] == pytest.approx(expected, rel=1e-12)


def test_liveliest_usable_clip_is_pictured_and_white_is_the_largest_effect(
    session: EmbeddingSession, clip: np.ndarray
) -> None:
    rows = [clip_row(0), clip_row(1, energy=2.0), clip_row(2, energy=9.0, usable=False)]
    frames = np.stack([clip[::-1], clip, clip])
    found = occlusion_rows(ID, rows, frames, session.embed)
    assert pa.Table.from_pylist(found, schema=VISUALS).num_rows == 2
    assert [(row["kind"], row["clip_id"], row["second"]) for row in found] == [
        ("frame", f"{ID}-1", 2.56),
        ("occlusion", f"{ID}-1", 2.56),
    ]
    frame, picture = (
        cv2.imdecode(np.frombuffer(row["image"], np.uint8), cv2.IMREAD_UNCHANGED) for row in found
    )
    assert np.array_equal(frame, clip[0])
    effects = occlusion_effects(clip, session.embed)
    assert found[1]["white"] == effects.max()
    assert picture / 255 * found[1]["white"] == pytest.approx(effects, abs=effects.max() / 500)


def test_video_without_a_usable_clip_has_no_occlusion_test(
    session: EmbeddingSession, clip: np.ndarray
) -> None:
    assert occlusion_rows(ID, [clip_row(0, usable=False)], clip[None], session.embed) == []


def found(number: int, role: str) -> Found:
    key = f"{number:064d}"
    return Found(f"{number}.mp4", None, key, 1, None, role, None, None, None, None, "video")


def test_questioned_videos_are_tested_unless_they_are_very_many() -> None:
    known = [found(i, "known") for i in range(3)]
    few = [found(10 + i, "questioned") for i in range(MOST_VIDEOS)]
    assert _occluded(known + few) == {item.evidence_id for item in few}
    assert _occluded([*few, found(999, "questioned")]) == set()


def test_file_whose_role_changed_between_two_sessions_is_done_anew(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    facts = {"n_clips": 1, "n_usable": 1, "status": "processed"}
    for key, tested in (("b" * 64, True), ("c" * 64, False)):
        kinds = ["motion", "occlusion"] if tested else ["motion"]
        pictures = [
            {"evidence_id": key, "clip_id": key, "kind": kind, "second": 0.0, "image": b""} for kind in kinds
        ]
        ledger.commit(FileResult(key, facts, visuals=pictures))
    ledger.commit(FileResult("d" * 64, {"n_clips": 0, "n_usable": 0, "status": "failed"}))
    assert _tested_otherwise(ledger, {"b" * 64, "d" * 64}) == set()
    assert _tested_otherwise(ledger, {"c" * 64}) == {"b" * 64, "c" * 64}
