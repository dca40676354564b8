"""The form of a whole network: which of its parts have a cheaper one."""

from __future__ import annotations

import copy
from typing import Final

from torch import nn

from model.graph.f5c import F5CForm
from model.graph.motion_head import MotionHeadForm, narrowing
from model.graph.temporal_head import TemporalHeadForm
from model.layers.f5c import F5C
from model.layers.motion_head import MotionHead
from model.layers.temporal_head import TemporalHead
from model.network import DriverNetwork

#: Frames of a clip that F5C encodes together. The maps of four (128 KiB a frame and layer) stay in a core's
#: own cache: a tenth faster than 16 at once. Two would gain 4 % more, and take the exporter twice as long.
#: ResNet18's weights outweigh its maps.
MOMENTS: Final = 4


def inference_form(network: DriverNetwork) -> DriverNetwork:
    """A copy of the network in evaluation mode that computes the same embeddings in a cheaper order.

    Layers it knows no cheaper form of, as ResNet18, are copied as they are: ONNX Runtime itself folds the
    BatchNorm after an ordinary convolution. The copy is for export, not for training.
    """
    form = copy.deepcopy(network).cpu().eval()
    if isinstance(form.backbone, F5C) and isinstance(form.head, TemporalHead | MotionHead):
        form.moments_at_once = MOMENTS
        form.backbone = F5CForm(form.backbone)
        if isinstance(form.head, MotionHead):
            form.backbone = nn.Sequential(form.backbone, narrowing(form.head))
            form.head = MotionHeadForm(form.head)
        else:
            form.head = TemporalHeadForm(form.head, channels_last=True)
    elif isinstance(form.head, TemporalHead):
        form.head = TemporalHeadForm(form.head, channels_last=False)
    return form
