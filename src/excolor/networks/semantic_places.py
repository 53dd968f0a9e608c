"""What places of a picture are compared by: a small net over the backbone's deep levels.

The backbone was trained to name what a photograph shows, not to tell which places have one color. This net learns the
two questions that colors depend on: which places of *another* picture show the same kind of thing, and which places of
*one* picture belong to the same thing. Shapes: N batch, h, w the grid of places.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from excolor.networks.products import PointwiseConv

_LEVELS_SHARE = 0.7  # of the cosine of two places, that of the levels themselves: they tell near places apart better


@dataclass(frozen=True)
class SemanticPlacesConfig:
    """The net's shape.

    Attributes:
        channels: of the backbone's levels that are described.
        width: of the blocks.
        kind: length of the learned part of the descriptors that places of two pictures are compared by.
        kin: length of those that places of one picture are compared by.
    """

    channels: int = 472
    width: int = 256
    kind: int = 128
    kin: int = 64


class PlaceDescriptors(NamedTuple):
    """Descriptors of unit length.

    Attributes:
        kind: (N, C, h, w): of two pictures, alike where they show the same kind of thing; a learned part and levels.
        kin: (N, c, h, w): of one picture, alike where the same thing goes on.
    """

    kind: Tensor
    kin: Tensor


class _Block(nn.Module):
    """A depthwise 3×3 convolution and a pointwise one, added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.around = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.mix = PointwiseConv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mix(F.relu_(self.around(x)))
        return x + mixed


class SemanticPlacesNet(nn.Module):
    """Centered levels of the backbone to descriptors of places."""

    def __init__(self, config: SemanticPlacesConfig) -> None:
        super().__init__()
        self.config = config
        self.enter = PointwiseConv(config.channels, config.width)
        self.blocks = nn.Sequential(_Block(config.width), _Block(config.width))
        self.kind = PointwiseConv(config.width, config.kind)
        self.kin = PointwiseConv(config.width, config.kin)

    def forward(self, levels: Tensor) -> PlaceDescriptors:
        """Descriptors of levels (N, `config.channels`, h, w), each place's of unit length."""
        x = levels.to(self.enter.weight.dtype) * self.config.channels**0.5  # to entries of the size of 1
        x = F.relu_(self.blocks(self.enter(x)))
        kind, kin = (F.normalize(of(x).float(), dim=1) for of in (self.kind, self.kin))
        kind = torch.cat((kind * (1 - _LEVELS_SHARE) ** 0.5, levels.to(kind.dtype) * _LEVELS_SHARE**0.5), dim=1)
        return PlaceDescriptors(kind, kin)
