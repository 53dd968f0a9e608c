"""How far a result follows its reference, place by place: what the networks did, not what they were told."""

import torch.nn.functional as F
from torch import Tensor

from excolor.method.architecture import Stages

_WINDOW = 9  # pixels: single ones say little
_SAME = 3.0  # ab units: where the reference has nearly the color that would be invented, both are followed


def reliance(stages: Stages) -> Tensor:
    """The share of the way from the invented color to the reference's that the result goes: (N, 1, H, W) in [0, 1].

    It is 1 where the result has the color that the reference has for the place, and 0 where it has the one that would
    be invented without it.
    """
    way, gone = stages.coarse - stages.invented, stages.ab - stages.invented
    length, along = _around(way.square().sum(1, keepdim=True)), _around((way * gone).sum(1, keepdim=True))
    return ((along + _SAME**2) / (length + _SAME**2)).clamp(0, 1)


def _around(values: Tensor) -> Tensor:
    return F.avg_pool2d(values, _WINDOW, stride=1, padding=_WINDOW // 2, count_include_pad=False)
