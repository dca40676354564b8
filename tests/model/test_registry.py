"""Every system of the paper's tables can be built, and has the size the paper states."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from model.export import PARITY_LIMIT, export, smooth_frames
from model.layers.conditions import differences
from model.layers.resnet18 import FrameVectors, ResNet18, TimeMean
from model.layers.standardise import standardise
from model.metadata import read_metadata
from model.network import count_parameters
from model.registry import build
from model.shipped import shipped_model
from model.system import BACKBONES, CONDITIONS, Backbone, Condition, System, parse_system


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_system_embeds_and_learns(backbone: Backbone, condition: Condition) -> None:
    network = build(System(backbone, condition, 4))
    clips = torch.from_numpy(smooth_frames(8, seed=0)).reshape(2, 4, 128, 128)
    embeddings = network(clips)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(2))
    embeddings[:, 0].sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_sizes_are_the_papers() -> None:
    assert count_parameters(build(System("F5C"))) == 526_808
    assert count_parameters(ResNet18()) == 11_170_240
    assert count_parameters(build(System("ResNet18-published"))) == 11_565_248
    assert count_parameters(build(System("ResNet18-fair"))) == 11_170_240 + 512 * 128 + 128 + 473_888
    assert count_parameters(build(System("ConvStack"))) == 19_512 + 473_888
    assert count_parameters(build(System("F5C-without-FCC"))) == 19_512 + 473_888
    assert count_parameters(build(System("F5C-without-CCC"))) == 526_808
    assert count_parameters(build(System("F5C-reading"))) == 52_920 + 853_504


def test_resnet18_shrinks_as_published() -> None:
    maps = torch.zeros(1, 1, 128, 128)
    sides = [(maps := stage(maps)).shape[1:] for stage in ResNet18().eval()]
    assert sides == [(64, 32, 32), (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]


def test_published_resnet18_differences_telescope() -> None:
    backbone = FrameVectors().eval()
    frames = standardise(torch.from_numpy(smooth_frames(6, seed=0))[None])
    vectors = backbone(frames[0].unsqueeze(1))[None]
    pooled = TimeMean()(differences(vectors))
    torch.testing.assert_close(pooled, (vectors[:, -1] - vectors[:, 0]) / 5, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(
    "name",
    [
        "ResNet18-published:PIXEL_DIFF:4",
        "ResNet18-fair:FEAT_DIFF:4",
        "F5C:STATIC:4",
        "F5C:RAW_FEAT:4",
        "F5C:PIXEL_DIFF:4",
        "ConvStack:FEAT_DIFF:4",
        "F5C-reading:FEAT_DIFF:4",
    ],
)
def test_systems_export_faithfully(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    system = parse_system(name)
    template = dataclasses.replace(read_metadata(shipped_model()), clip_length=system.clip_length)
    out = tmp_path_factory.mktemp("export") / "m.onnx"
    written = export(build(system), template, out, smooth_frames(24, seed=2))
    assert written.parity_max_difference < PARITY_LIMIT


def test_names_are_read_and_wrong_ones_explained() -> None:
    for backbone in BACKBONES:
        system = System(backbone, "RAW_FEAT", 128)
        assert parse_system(str(system)) == system
    for wrong in ("", "F5C", "F5C:FEAT_DIFF:1", "F5C:feat_diff:64", "VGG:FEAT_DIFF:64", "F5C:FEAT_DIFF:x"):
        with pytest.raises(ValueError, match="backbone:condition:T"):
            parse_system(wrong)
