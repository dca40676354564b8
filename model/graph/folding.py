"""Constants folded into the weights before them, in float64."""

from __future__ import annotations

import itertools

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
Normalisation = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


def fold_batch_norms(module: nn.Module) -> None:
    """Fold each BatchNorm that follows a convolution in a Sequential into it, in place."""
    for child in module.children():
        fold_batch_norms(child)
    if not isinstance(module, nn.Sequential):
        return
    layers = list(module)
    for place, (layer, norm) in enumerate(itertools.pairwise(layers)):
        if isinstance(layer, Convolution) and isinstance(norm, Normalisation):
            module[place] = fuse_conv_bn_eval(layer.double(), norm.double()).float()
            module[place + 1] = nn.Identity()
