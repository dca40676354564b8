"""ResNet18 for gray frames, and the two ways it is compared with F5C (paper, section IV.C.3)."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from model.metadata import EMBEDDING_SIZE


class BasicBlock(nn.Module):
    """Two 3×3 convolutions around a shortcut (He et al., 2016, figure 2; table 1)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.convolve = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, maps: Tensor) -> Tensor:
        """``[N, inputs, H, W]`` -> ``[N, outputs, H/stride, W/stride]``."""
        added: Tensor = self.convolve(maps) + self.shortcut(maps)
        return added.relu()


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1))


class ResNet18(nn.Sequential):
    """Feature maps of gray frames, ``[N, 1, 128, 128]`` -> ``[N, 512, 4, 4]``; 11,170,240 parameters."""

    def __init__(self) -> None:
        super().__init__(
            OrderedDict(
                stem=nn.Sequential(
                    nn.Conv2d(1, 64, 7, 2, 3, bias=False),
                    nn.BatchNorm2d(64),
                    nn.ReLU(inplace=True),
                    nn.MaxPool2d(3, 2, 1),
                ),
                stage1=_stage(64, 64, 1),
                stage2=_stage(64, 128, 2),
                stage3=_stage(128, 256, 2),
                stage4=_stage(256, 512, 2),
            )
        )


class FrameVectors(nn.Module):
    """The published form: each frame becomes one unit vector, float ``[N, 1, 128, 128]`` -> ``[N, 256]``.

    11,565,248 parameters with its MLP 512 → 512 → 256.
    """

    def __init__(self) -> None:
        super().__init__()
        self.resnet = ResNet18()
        self.embed = nn.Sequential(
            nn.Linear(512, 512),
            nn.BatchNorm1d(512),
            nn.ReLU(inplace=True),
            nn.Dropout(0.3),
            nn.Linear(512, EMBEDDING_SIZE),
        )

    def forward(self, frames: Tensor) -> Tensor:
        """One unit vector a frame."""
        vectors = self.embed(self.resnet(frames).mean(dim=(2, 3)))
        return nn.functional.normalize(vectors.float(), dim=1)


class TimeMean(nn.Module):
    """The published form's head: the mean over time, float ``[B, T', 256]`` -> ``[B, 256]``. No parameters.

    For FEAT_DIFF it telescopes: the mean of the differences is (last − first) / (T − 1), and all that
    happened between is lost. The paper's collapse of ResNet18 FEAT_DIFF may be this pooling's.
    """

    def forward(self, vectors: Tensor) -> Tensor:
        """Mean over time."""
        return vectors.mean(dim=1)


class FeatureMaps(nn.Module):
    """The fair form: maps for the same temporal head as F5C's, ``[N, 1, 128, 128]`` -> ``[N, 128, 16, 16]``.

    The last stage's 512×4×4 are projected to 128 channels and each value repeated 4×4 times, so that the
    head is the same to the last weight.
    """

    def __init__(self) -> None:
        super().__init__()
        self.resnet = ResNet18()
        self.project = nn.Conv2d(512, 128, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Encode frames."""
        maps = self.project(self.resnet(frames))
        return nn.functional.interpolate(maps, scale_factor=4.0, mode="nearest")
