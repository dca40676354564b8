"""Render one planned clip to its file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline.simulate.generators import RENDERERS, Request
from pipeline.simulate.motion import MotionTrack, perform, read_live_link, sample_content, sample_driver
from pipeline.simulate.plan import ClipPlan
from pipeline.simulate.video import Codec, write_video


@lru_cache(maxsize=8)
def _recording(path: Path) -> MotionTrack:
    return read_live_link(path)


def clip_track(plan: ClipPlan) -> MotionTrack:
    """What the driver does in the clip: simulated, or a stretch of its recording that starts at random.

    A recording shorter than the clip gives a clip of the recording's length.
    """
    if plan.recording is None:
        content = sample_content(plan.content_seed, plan.frames)
        return perform(sample_driver(plan.driver.seed), content, plan.frames, plan.take_seed)
    track = _recording(plan.recording)
    frames = min(plan.frames, len(track))
    start = int(np.random.default_rng(plan.take_seed).integers(0, len(track) - frames + 1))
    part = slice(start, start + frames)
    return MotionTrack(track.coefficients[part], track.head[part], track.translation[part])


def render_clip(wheel: Path, out: Path, plan: ClipPlan) -> Codec:
    """Render `plan` below `out`; returns the codec settings drawn for it."""
    request = Request(wheel, plan.target.seed, plan.driver.seed, clip_track(plan), plan.scene_seed)
    shot = RENDERERS[plan.generator](request)
    write_video(out / plan.path, shot.frames, shot.codec)
    return shot.codec
