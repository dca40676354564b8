"""Pictures are varied, motion is not."""

from __future__ import annotations

import pytest
import torch

from model.training.augment import vary

TURNED = torch.zeros(32, dtype=torch.bool)


@pytest.fixture
def still() -> torch.Tensor:
    """32 clips of 4 equal frames: a bright spot left of the middle, uint8 ``[32, 4, 128, 128]``."""
    y, x = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    spot = 200 * torch.exp(-((x - 40) ** 2 + (y - 64) ** 2) / 200.0)
    return spot.round().to(torch.uint8).expand(32, 4, 128, 128)


def test_all_frames_of_a_clip_are_varied_alike(still: torch.Tensor) -> None:
    torch.manual_seed(1)
    varied = vary(still, TURNED)
    assert varied.shape == still.shape and varied.dtype == torch.float32
    assert varied.min() >= 0 and varied.max() <= 255
    change = (varied[:, 1:] - varied[:, :-1]).abs().amax(dim=(1, 2, 3))
    quiet = change == 0  # the others have noise, which is every frame's own
    assert 8 <= int(quiet.sum()) <= 24
    assert change.max() < 50
    assert (varied[quiet][0] != varied[quiet][1]).any()


def test_a_mirrored_clip_has_its_sides_swapped(still: torch.Tensor) -> None:
    torch.manual_seed(2)
    columns = torch.arange(128.0)
    for mirrored, left in ((TURNED, True), (~TURNED, False)):
        varied = vary(still, mirrored)
        weight = varied.mean(dim=1).sum(dim=1) - varied.mean(dim=1).sum(dim=1).amin(dim=1, keepdim=True)
        centre = (weight * columns).sum(dim=1) / weight.sum(dim=1)
        assert bool(((centre < 63.5) == left).all())


def test_the_same_seed_varies_alike(still: torch.Tensor) -> None:
    torch.manual_seed(3)
    first = vary(still, TURNED)
    torch.manual_seed(3)
    assert torch.equal(first, vary(still, TURNED))
