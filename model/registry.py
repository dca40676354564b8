"""Every system by name: the one place that knows which layers a backbone's name stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torch import nn

from model.layers.f5c import F5C
from model.layers.motion_head import MotionHead
from model.layers.resnet18 import FeatureMaps, FrameVectors, TimeMean
from model.layers.temporal_head import TemporalHead
from model.network import DriverNetwork
from model.system import Backbone, System

_BUILDERS: Final[dict[Backbone, Callable[[], tuple[nn.Module, nn.Module]]]] = {
    "F5C": lambda: (F5C(), TemporalHead()),
    "ResNet18-published": lambda: (FrameVectors(), TimeMean()),
    "ResNet18-fair": lambda: (FeatureMaps(), TemporalHead()),
    "ConvStack": lambda: (F5C(fcc=False, ccc=False), TemporalHead()),
    "F5C-without-FCC": lambda: (F5C(fcc=False), TemporalHead()),
    "F5C-without-CCC": lambda: (F5C(ccc=False), TemporalHead()),
    "F5C-reading": lambda: (F5C(), MotionHead()),
}


def build(system: System) -> DriverNetwork:
    """The untrained network of a system, initialised from torch's random state."""
    backbone, head = _BUILDERS[system.backbone]()
    return DriverNetwork(backbone, system.condition, head)
