"""Statistics of motion: what tells drivers apart, and how well each part of it does alone.

Every function takes plain arrays, so that it measures a simulated track, a recorded one, or one tracked
from a video.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.motion.track import ARKIT_NAMES, FPS, INDEX, MotionTrack

_MIDDLE: Final = tuple(
    name
    for name in ARKIT_NAMES
    if not name.endswith(("Left", "Right")) and name not in ("cheekPuff", "tongueOut")
)
_PAIRED: Final = tuple(
    name[: -len("Left")]
    for name in ARKIT_NAMES
    if name.endswith("Left") and not name.startswith(("eyeLook", "eyeWide"))
)
_LAGS: Final = (1, 2, 4)
_FLOOR: Final = 1e-3  # a coefficient's change a frame below which a channel counts as still


def signals(track: MotionTrack) -> NDArray[np.float64]:
    """[N, S] the movements that statistics are made of: unpaired actions, mean and difference of paired
    ones (of jaw and mouth shifts only the difference, their direction), gaze, head rotation and
    translation."""
    c = track.coefficients.astype(np.float64)
    columns = [c[:, INDEX[name]] for name in _MIDDLE]
    for name in _PAIRED:
        left, right = c[:, INDEX[name + "Left"]], c[:, INDEX[name + "Right"]]
        if name not in ("jaw", "mouth"):
            columns.append(0.5 * (left + right))
        columns.append(left - right)
    columns.append(c[:, INDEX["eyeLookOutLeft"]] - c[:, INDEX["eyeLookInLeft"]])
    columns.append(c[:, INDEX["eyeLookUpLeft"]] - c[:, INDEX["eyeLookDownLeft"]])
    return np.column_stack([*columns, track.head, track.translation])


def window_statistics(track: MotionTrack, start: int, frames: int) -> NDArray[np.float64]:
    """[F] statistics of one window that no constant offset and no overall gain can change.

    Of each signal's change from frame to frame: its share of the energy (log), its skew (attack against
    release), its autocorrelation at 1, 2 and 4 frames (speed); of each two signals: the correlation of
    their changes at once and one and two frames apart in either direction (co-activation and lead). Raises
    ValueError when the track is too short.
    """
    x = signals(track)[start : start + frames]
    if len(x) < frames or frames < 16:
        raise ValueError(
            f"a window of {frames} frames at {start} does not lie in a track of {len(track)} frames"
        )
    change = np.diff(x, axis=0)
    change -= change.mean(axis=0)
    spread = np.sqrt(np.mean(change**2, axis=0)) + _FLOOR / 4
    unit = change / spread
    energy = np.log(spread)
    parts = [energy - energy.mean(), np.cbrt(np.mean(unit**3, axis=0))]
    parts += [np.mean(unit[lag:] * unit[:-lag], axis=0) for lag in _LAGS]
    upper = np.triu_indices(unit.shape[1], 1)
    parts.append((unit.T @ unit / len(unit))[upper])
    for lag in (1, 2):
        ahead = unit[lag:].T @ unit[:-lag] / len(unit)
        parts.append((ahead + ahead.T)[upper] / 2)
        parts.append((ahead - ahead.T)[upper])
    return np.concatenate(parts)


def motion_energy(track: MotionTrack) -> float:
    """Mean squared change a frame over all coefficients and the head's angles (as fractions of a radian)."""
    change = np.diff(np.hstack([track.coefficients, track.head]).astype(np.float64), axis=0)
    return float(np.mean(change**2))


def blink_rate(track: MotionTrack) -> float:
    """Blinks a minute: rises of the mean lid closure by more than 0.3 within a third of a second."""
    lids = track.coefficients[:, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]].mean(axis=1)
    span = FPS // 3
    rest = np.array([lids[max(0, i - span) : i + 1].min() for i in range(len(lids))])
    closed = lids - rest > 0.3
    return float(np.sum(np.diff(closed.astype(int), prepend=0) == 1) / (len(lids) / FPS / 60))


def difference_spectrum(track: MotionTrack, frames: int = 64) -> NDArray[np.float64]:
    """[frames // 2 + 1] log power of the changes from frame to frame, mean over all coefficients and the
    head's angles and over half-overlapping windows (Welch's method)."""
    change = np.diff(np.hstack([track.coefficients, track.head]).astype(np.float64), axis=0)
    size = min(frames, len(change))
    starts = range(0, len(change) - size + 1, max(size // 2, 1))
    window = np.hanning(size)[:, None]
    power = [np.abs(np.fft.rfft(change[s : s + size] * window, n=frames, axis=0)) ** 2 for s in starts]
    return np.asarray(np.log(np.mean(power, axis=(0, 2)) + 1e-12))


def pair_auc(
    distances: NDArray[np.float64], drivers: NDArray[np.int64], contents: NDArray[np.int64]
) -> float:
    """Area under the ROC curve of telling same-driver pairs (small) from different-driver pairs by
    `distances` [K, K], over all pairs of clips that do not share their content."""
    from sklearn.metrics import roc_auc_score

    i, j = np.triu_indices(len(drivers), 1)
    fair = contents[i] != contents[j]
    i, j = i[fair], j[fair]
    return float(roc_auc_score(drivers[i] == drivers[j], -distances[i, j]))


def distances(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Euclidean distances [K, K] between rows of `values` [K] or [K, F]."""
    rows = values.reshape(len(values), -1)
    return np.asarray(np.sqrt(np.sum((rows[:, None, :] - rows[None, :, :]) ** 2, axis=2)))


def single_frames(tracks: list[MotionTrack], every: int = 4) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Every `every`-th frame of all tracks as [R, 58] coefficients, head and translation, and each row's
    track [R]."""
    rows = [np.hstack([t.coefficients, t.head, t.translation])[::every].astype(np.float64) for t in tracks]
    return np.concatenate(rows), np.repeat(np.arange(len(tracks)), [len(r) for r in rows])


def linear_accuracy(
    rows: NDArray[np.float64], drivers: NDArray[np.int64], contents: NDArray[np.int64], folds: int = 4
) -> float:
    """Share of rows [R, F] whose driver a linear discriminant names rightly, trained on the other folds; a
    fold holds whole contents, so that neither a clip nor what is said in it is ever on both sides.
    Statistics in greater number than rows are reduced to principal components first."""
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    right = 0
    for fold in range(folds):
        held = contents % folds == fold
        train = rows[~held]
        reduce = [PCA(100, random_state=0)] if rows.shape[1] > 100 else []
        shrink = {"solver": "lsqr", "shrinkage": 0.3} if reduce else {}
        classifier = make_pipeline(StandardScaler(), *reduce, LinearDiscriminantAnalysis(**shrink))
        right += int(np.sum(classifier.fit(train, drivers[~held]).predict(rows[held]) == drivers[held]))
    return right / len(rows)


def verification_auc(
    known: NDArray[np.float64],
    known_drivers: NDArray[np.int64],
    new: NDArray[np.float64],
    new_drivers: NDArray[np.int64],
    new_contents: NDArray[np.int64],
) -> float:
    """Area under the ROC curve of telling whether two windows of drivers never seen are one driver's:
    cosine in the discriminant space of `known` statistics [K, F]."""
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    space = make_pipeline(
        StandardScaler(),
        PCA(min(250, len(known) // 2), random_state=0),
        LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.2, n_components=60),
    ).fit(known, known_drivers)
    points = space.transform(new) - space.transform(known).mean(axis=0)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return pair_auc(1.0 - points @ points.T, new_drivers, new_contents)
