"""`latent`: motion squeezed through a low-rank code, the driver's shape bleeding in, a soft decoder.

The code is the leading principal components of face coefficients over a bank of performances by
drivers of its own, so that what is rare or fast in a person's motion is lost first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from pipeline.simulate.degrade import Damage, degrade, wander
from pipeline.simulate.generators.request import Request, Shot
from pipeline.simulate.generators.retarget import retarget
from pipeline.simulate.motion.content import sample_content
from pipeline.simulate.motion.perform import perform
from pipeline.simulate.motion.style import draw_style
from pipeline.simulate.motion.track import MotionTrack
from pipeline.simulate.portrait import SIZE, bled_portrait, render, sample_scene
from pipeline.simulate.rig import pose
from pipeline.simulate.video import sample_codec

_DAMAGE: Final = Damage(
    blur=(0.3, 0.9),
    sharpen=(0.0, 0.7),
    grain=(0.0, 1.2),
    grain_size=(0.5, 1.6),
    fixed=(0.0, 1.6),
    flicker=(0.0, 0.008),
    jitter=(0.0, 0.16),
    freeze=(0.0, 0.01),
    crf=(20, 33),
)
_BANK_DRIVERS: Final = 24
_BANK_FRAMES: Final = 75
_BANK_SEED: Final = 7_000_000


@dataclass(frozen=True)
class _Basis:
    """`mean` float32 [52]; `components` float32 [52, 52], rows by falling variance."""

    mean: NDArray[np.float32]
    components: NDArray[np.float32]


@lru_cache(maxsize=1)
def _basis() -> _Basis:
    """Principal components of the coefficients of drivers and contents that no corpus contains."""
    tracks = []
    for k in range(_BANK_DRIVERS):
        style = draw_style(np.random.default_rng([_BANK_SEED, k]))
        content = sample_content(_BANK_SEED + k, _BANK_FRAMES)
        tracks.append(perform(style, content, _BANK_FRAMES, _BANK_SEED + k).coefficients)
    bank = np.concatenate(tracks).astype(np.float64)
    mean = bank.mean(axis=0)
    _, _, components = np.linalg.svd(bank - mean, full_matrices=False)
    return _Basis(mean.astype(np.float32), components.astype(np.float32))


def squeeze(track: MotionTrack, rank: int, smoothing: float) -> MotionTrack:
    """The track after the code of `rank` components and a temporal Gaussian of `smoothing` frames."""
    basis = _basis()
    kept = basis.components[:rank]
    coded = (track.coefficients - basis.mean) @ kept.T
    decoded = gaussian_filter1d(coded @ kept + basis.mean, smoothing, axis=0, mode="nearest")
    return replace(
        track,
        coefficients=np.clip(decoded, 0, 1).astype(np.float32),
        head=gaussian_filter1d(track.head, smoothing, axis=0, mode="nearest"),
    )


def _swim(frames: NDArray[np.uint8], amount: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Let texture swim: a smooth random warp of `amount` pixels that wanders from frame to frame."""
    nodes = 7
    field = wander(rng, len(frames), 2 * nodes * nodes, 0.97).reshape(-1, nodes, nodes, 2).astype(np.float32)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    out = np.empty_like(frames)
    for n, image in enumerate(frames):
        warp = cv2.resize(field[n], (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) * amount
        out[n] = cv2.remap(
            image, x + warp[..., 0], y + warp[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return out


def render_latent(request: Request) -> Shot:
    """The head with the driver's shape bleeding in, at a coarse resolution, enlarged."""
    rng = np.random.default_rng([request.seed, 0x1A])
    track = squeeze(retarget(request.track, rng), int(rng.integers(20, 37)), float(rng.uniform(0.3, 0.8)))
    portrait = bled_portrait(request.wheel, request.target, request.driver, float(rng.uniform(0.05, 0.25)))
    scene = sample_scene(portrait, request.seed)
    coarse = int(rng.choice([128, 144, 160, 192]))
    small = render(portrait, scene, pose(portrait.rig, track), [scene.camera] * len(track), size=coarse)
    frames = np.stack([cv2.resize(f, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for f in small])
    frames = _swim(frames, float(rng.uniform(0.05, 0.4)), rng)
    return Shot(degrade(frames, _DAMAGE, rng), sample_codec(rng, *_DAMAGE.crf))
