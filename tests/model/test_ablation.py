"""Motion of features is measured against what a frozen picture gives."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
import torch

from model.ablation import motion_table, relative_motion
from model.export import smooth_frames
from model.layers.f5c import F5C
from model.layers.standardise import standardise
from model.registry import build
from model.system import System


def test_measure_equals_its_definition_frame_by_frame() -> None:
    backbone = F5C().eval()
    clips = smooth_frames(10, seed=0).reshape(2, 5, 128, 128)
    frames = standardise(torch.from_numpy(clips))
    wanted = []
    with torch.no_grad():
        for clip in frames:
            maps = [backbone(frame[None, None]) for frame in clip]
            wanted.append(np.mean([((b - a).norm() / a.norm()).item() for a, b in itertools.pairwise(maps)]))
    np.testing.assert_allclose(relative_motion(backbone, clips), wanted, rtol=1e-4)


def test_a_frozen_clip_does_not_move() -> None:
    still = np.repeat(smooth_frames(1, seed=0)[None], 6, axis=1)
    assert relative_motion(F5C(), still) == [0]


def test_every_backbone_is_compared_with_its_own_noise_floor(real_frames: npt.NDArray[np.uint8]) -> None:
    random = np.random.default_rng(0)
    faces = real_frames[:32].reshape(2, 16, 128, 128)
    frozen = np.repeat(faces[:, :1], 16, axis=1).astype(int) + random.integers(-1, 2, faces.shape)
    kinds = {"faces": faces, "frozen": frozen.clip(0, 255).astype(np.uint8)}
    backbones = {
        name: build(System(name)).backbone
        for name in ("F5C", "ConvStack", "ResNet18-fair", "ResNet18-published")
    }
    rows = motion_table(backbones, kinds, floor="frozen")
    assert [(row.backbone, row.clips) for row in rows] == [(b, k) for b in backbones for k in kinds]
    for face, floor in zip(rows[::2], rows[1::2], strict=True):
        assert floor.above_floor is None
        assert face.above_floor == pytest.approx(face.mean / floor.mean)
        assert face.mean > 0 and floor.mean > 0 and face.n_clips == 2


def test_unusable_clips_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot move"):
        relative_motion(F5C(), smooth_frames(2, seed=0)[:, None])
    with pytest.raises(ValueError, match="noise floor"):
        motion_table({}, {"faces": smooth_frames(2, seed=0)[None]}, floor="frozen")
