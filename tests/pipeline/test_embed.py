"""An embedding is a unit vector that depends on its own clip and on nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.metadata import ModelFileError
from model.shipped import shipped_model
from pipeline import embed
from pipeline.embed import EmbeddingSession, NotFiniteError
from tests.small_model import FRAMES, broken_model


def clips(count: int) -> np.ndarray:
    """Moving gratings, each clip its own."""
    y, x = np.mgrid[0:128, 0:128]
    frames = [
        [128 + 100 * np.sin((x * (i + 1) + y) / 9 + t / (3 + i)) for t in range(64)] for i in range(count)
    ]
    return np.array(frames).astype(np.uint8)


@pytest.fixture(scope="module")
def session() -> EmbeddingSession:
    return EmbeddingSession(shipped_model(), "CPUExecutionProvider", threads=1)


def test_embedding_does_not_depend_on_its_neighbours(
    session: EmbeddingSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = clips(5)
    together = session.embed(batch)
    alone = np.concatenate([session.embed(batch[i : i + 1]) for i in (4, 2, 0)])
    np.testing.assert_array_equal(together[[4, 2, 0]], alone)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    # The same with a padded batch, as a GPU uses it.
    monkeypatch.setitem(embed.BATCH, "CPUExecutionProvider", 4)
    by_four = EmbeddingSession(shipped_model(), "CPUExecutionProvider", threads=1)
    padded = by_four.embed(batch)
    np.testing.assert_array_equal(padded[4], by_four.embed(batch[4:])[0])
    # A larger batch rounds differently, and in a grating CCC finds nearly equal neighbours that then swap:
    # the limit is the one an exported file is held to (PARITY_LIMIT).
    np.testing.assert_allclose(padded, together, atol=1e-4)


def test_clips_of_another_shape_or_type_are_refused(session: EmbeddingSession) -> None:
    for wrong in (clips(1)[:, :32], clips(1).swapaxes(1, 3), clips(1).astype(np.float32)):
        with pytest.raises(ValueError, match="the model takes uint8"):
            session.embed(wrong)


@pytest.mark.parametrize("also_blank", [False, True])
def test_embedding_that_is_not_finite_is_refused(tmp_path: Path, also_blank: bool) -> None:
    broken = EmbeddingSession(
        broken_model(tmp_path / "m.onnx", also_blank=also_blank), "CPUExecutionProvider", threads=1
    )
    with pytest.raises(NotFiniteError, match="not finite"):
        broken.embed(clips(1)[:, :FRAMES])
    blank = np.zeros((1, FRAMES, 128, 128), np.uint8)
    if also_blank:
        with pytest.raises(NotFiniteError):
            broken.embed(blank)
    else:
        assert np.isfinite(broken.embed(blank)).all()


def test_an_embedding_stays_when_the_next_is_made(session: EmbeddingSession) -> None:
    first, second = clips(2)[:, None]
    kept = session.embed(first)
    before = kept.copy()
    session.embed(second)
    np.testing.assert_array_equal(kept, before)


def test_no_clips_give_no_embeddings(session: EmbeddingSession) -> None:
    assert session.embed(np.zeros((0, 64, 128, 128), np.uint8)).shape == (0, 256)


def test_provider_really_used_is_known(session: EmbeddingSession) -> None:
    assert session.provider == "CPUExecutionProvider"


def test_foreign_model_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "theirs.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelFileError, match=r"theirs\.onnx"):
        EmbeddingSession(path, "CPUExecutionProvider", threads=1)
