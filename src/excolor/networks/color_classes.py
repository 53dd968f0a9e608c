"""Colors as classes: a distribution over what color a place has, and the decision for one of them.

A net that answers with one color answers with the mean of all that a place may have, and the mean of skin and of a blue
coat is purple. Asked for the probability of each of some colors (as in Zhang et al. 2016), it can say "skin or blue",
similar places can be asked together, and one of the two is taken.

The classes lie on rings around gray, denser where colors are more frequent. Shapes: K classes, N batch, h, w a grid.
ab is in ab units.
"""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

# Chroma of each ring, and how many hues it has: neighbors on a ring are about as far apart as rings are
_RINGS = ((0.0, 1), (5.0, 6), (11.0, 10), (18.0, 14), (27.0, 17), (38.0, 19), (52.0, 21), (70.0, 23), (92.0, 25))
CLASSES = sum(count for _, count in _RINGS)
"""How many classes there are."""
DECISION = 2.0
"""How far `decided_color` decides for one kind of color, in training as in use."""
_WIDTH = 0.5  # deviation of how far a color belongs to a class, relative to the distance of neighbors there
_KIND = 20.0  # ab units: deviation of colors that count as one kind when one is decided for


@cache
def _class_colors() -> Tensor:
    colors = []
    for ring, (chroma, count) in enumerate(_RINGS):
        for number in range(count):
            hue = 2 * math.pi * (number + ring % 2 / 2) / count
            colors.append((chroma * math.cos(hue), chroma * math.sin(hue)))
    return _lasting(torch.tensor(colors))


@cache
def _spacing() -> Tensor:
    chroma = [ring for ring, _ in _RINGS]
    steps = [after - before for before, after in zip(chroma, [*chroma[1:], 2 * chroma[-1] - chroma[-2]], strict=True)]
    return _lasting(torch.tensor([step for step, (_, count) in zip(steps, _RINGS, strict=True) for _ in range(count)]))


@cache
def _same_kind() -> Tensor:
    colors = _class_colors()
    return _lasting((-torch.cdist(colors, colors).square() / (2 * _KIND**2)).exp())


def _lasting(table: Tensor) -> Tensor:
    """A table for training too, even if inference asked for it first."""
    with torch.inference_mode(False):
        return table.clone()


def class_colors(device: torch.device | None = None) -> Tensor:
    """ab of the classes, (K, 2)."""
    return _class_colors().to(device)


def soft_classes(ab: Tensor) -> Tensor:
    """How far colors (N, 2, h, w) belong to each class, (N, K, h, w); the sum over the classes is 1."""
    return _gaussian(ab, _WIDTH * _spacing().to(ab.device)).softmax(1)


def _gaussian(ab: Tensor, deviation: Tensor) -> Tensor:
    """−d² / (2·deviation²) of the distance d in ab to each class, (N, K, h, w); `deviation` is (K,)."""
    colors = class_colors(ab.device)
    inverse = (2 * deviation.square()).reciprocal()
    # For all classes c as a product: 2ac/2σ² - |a|²/2σ² - |c|²/2σ²
    weight = torch.cat((2 * colors * inverse[:, None], -inverse[:, None]), dim=1)[:, :, None, None]
    return F.conv2d(torch.cat((ab, ab.square().sum(1, keepdim=True)), dim=1), weight, -colors.square().sum(1) * inverse)


def closeness(ab: Tensor, deviation: float) -> Tensor:
    """How close colors (N, 2, h, w) are to each class, (N, K, h, w): exp(−d² / (2·deviation²)) of the distance d."""
    colors = class_colors(ab.device)
    return _gaussian(ab, colors.new_full((len(colors),), deviation)).clamp_(max=0).exp_()


def mean_color(likely: Tensor) -> Tensor:
    """The mean color of distributions (N, K, h, w), (N, 2, h, w)."""
    return F.conv2d(likely, class_colors(likely.device).T[:, :, None, None].to(likely.dtype))


def decided_color(likely: Tensor, decision: float = DECISION) -> Tensor:
    """The color that distributions (N, K, h, w) are decided for, (N, 2, h, w).

    It is the mean of the distribution p·(Gp)^decision, with Gp how likely a color of the same kind is: 0 is the mean of
    all colors, and the greater it is, the more the most likely kind of color is all that counts. Where only one kind
    is likely, it is about the mean in any case.
    """
    kinds = F.conv2d(likely, _same_kind().to(likely)[:, :, None, None])
    weight = likely * (kinds / kinds.amax(1, keepdim=True)).pow(decision)
    return mean_color(weight) / weight.sum(1, keepdim=True)
