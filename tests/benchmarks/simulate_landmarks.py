"""Do a driver's habits survive the rendering? Landmarks of a stranger's making say.

Mediapipe's face mesh, which knows nothing of how a simulated corpus was made, follows the faces of 20 of
its drivers. From the landmarks alone come the statistics of style: how fast lids, brows, lips and jaw open
against how fast they close, which side moves more, what moves together, how the motion spreads over
frequencies. A linear classifier learns the drivers from some clips and names those of others it has never
seen the generator, the target or the content of. Chance is 5 %. It prints how many frames had a face, too.

Mediapipe wants an older numpy, so that it has an environment of its own:

    uv venv landmarks && uv pip install --python landmarks mediapipe==0.10.21 polars av scikit-learn
    landmarks/bin/python tests/benchmarks/simulate_landmarks.py CORPUS
"""

from __future__ import annotations

import importlib.util
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import polars as pl
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler

DRIVERS = 20
FPS = 25
# Points of the face mesh, the person's right side first.
LIDS = ((159, 145), (386, 374))
BROWS = ((105, 33), (334, 263))
CORNERS = (61, 291)
LIPS, EYES = (13, 14), (33, 263)
JAW, FOREHEAD = 152, 10
PAIRS, SINGLE = ("lid", "brow", "corner"), ("width", "lips", "jaw", "yaw", "pitch", "roll")
SIGNALS = 2 * len(PAIRS) + len(SINGLE)


def main() -> None:
    """Print faces found per generator, and how many clips are given to their driver, however held out."""
    if importlib.util.find_spec("mediapipe") is None or len(sys.argv) < 2:
        print("simulate_landmarks: skipped; it needs mediapipe and a corpus, see its head")
        return
    corpus = Path(sys.argv[1])
    table = pl.read_parquet(corpus / "per_file_information.parquet").filter(pl.col("generator") != "original")
    chosen = table["driver"].unique().sort()[:DRIVERS]
    table = table.filter(pl.col("driver").is_in(chosen.implode())).sort("path")
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(signals, [corpus / path for path in table["path"]], chunksize=8))
    for name in table["generator"].unique().sort():
        shares = [f[0] for f, g in zip(found, table["generator"], strict=True) if g == name]
        print(f"{name:7} face found in {np.mean(shares):.1%} of the frames of {len(shares)} clips")
    usable = np.array([share > 0.9 for share, _ in found])
    table = table.filter(pl.Series(usable))
    rows = np.array([style(track) for share, track in found if share > 0.9])
    drivers = table["driver"].to_numpy()
    for held in ("generator", "target", "clip"):
        groups = table[held].to_numpy()
        folds = GroupKFold(min(10, len(set(groups))))
        named = cross_val_predict(_classifier(), rows, drivers, groups=groups, cv=folds)
        share = np.mean(named == drivers)
        print(f"unseen {held:9} {share:.1%} of {len(rows)} clips named; chance {1 / DRIVERS:.0%}")


def _classifier() -> object:
    from sklearn.pipeline import make_pipeline

    return make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))


def signals(path: Path) -> tuple[float, np.ndarray]:
    """Share of frames with a face, and [frames, 12] in eye distances and radians."""
    import mediapipe

    mesh = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=False, refine_landmarks=True)
    rows: list[np.ndarray | None] = []
    with av.open(str(path)) as container, mesh:
        for frame in container.decode(video=0):
            image = frame.to_ndarray(format="rgb24")
            answer = mesh.process(image)
            rows.append(_measure(answer, image.shape) if answer.multi_face_landmarks else None)
    there = [row for row in rows if row is not None]
    if not there:
        return 0.0, np.zeros((len(rows), SIGNALS))
    filled, last = [], there[0]
    for row in rows:
        last = last if row is None else row
        filled.append(last)
    return len(there) / len(rows), np.array(filled)


def _measure(answer: Any, shape: tuple[int, ...]) -> np.ndarray:
    """`PAIRS`, right side first, then `SINGLE`, in the face's own frame."""
    size = np.array([shape[1], shape[0], shape[1]])
    points = np.array([(p.x, p.y, p.z) for p in answer.multi_face_landmarks[0].landmark]) * size
    across = points[EYES[1]] - points[EYES[0]]
    unit = np.linalg.norm(across)
    right = across / unit
    down = points[JAW] - points[FOREHEAD]
    down -= right * (down @ right)
    down /= np.linalg.norm(down)
    forward = np.cross(right, down)
    centre = (points[EYES[0]] + points[EYES[1]]) / 2
    face = (points - centre) @ np.array([right, down, forward]).T / unit

    openings = [face[below, 1] - face[above, 1] for above, below in (*LIDS, *BROWS)]
    corners = [face[corner, 1] for corner in CORNERS]
    mouth = [face[CORNERS[1], 0] - face[CORNERS[0], 0], face[LIPS[1], 1] - face[LIPS[0], 1], face[JAW, 1]]
    turns = [
        np.arctan2(-right[2], right[0]),
        np.arctan2(forward[1], forward[2]),
        np.arctan2(right[1], right[0]),
    ]
    return np.array([*openings, *corners, *mouth, *turns])


def style(track: np.ndarray) -> np.ndarray:
    """Statistics of a clip's signals that no offset and hardly a gain changes."""
    smooth = np.apply_along_axis(lambda s: np.convolve(s, [0.25, 0.5, 0.25], "valid"), 0, track)
    speed = np.diff(smooth, axis=0) * FPS
    spread = speed.std(axis=0) + 1e-9
    speed = speed / spread
    fall = -np.quantile(speed, 0.03, axis=0)
    rise = np.log(np.quantile(speed, 0.97, axis=0).clip(1e-3) / fall.clip(1e-3))
    power = np.abs(np.fft.rfft(speed - speed.mean(axis=0), axis=0)) ** 2
    bands = np.array([part.sum(axis=0) for part in np.array_split(power, [4, 9, 17, 29])[:-1]])
    bands = np.log((bands / power.sum(axis=0)).clip(1e-3))
    sides = np.log([spread[right] / spread[right + 1] for right in (0, 2, 4)])
    at_once = (speed.T @ speed / len(speed))[np.triu_indices(SIGNALS, 1)]
    later = (speed[:-2].T @ speed[2:] / len(speed)).ravel()
    peaks = np.log((speed**4).mean(axis=0))
    return np.concatenate([rise, bands.ravel(), sides, at_once, later, peaks])


if __name__ == "__main__":
    main()
