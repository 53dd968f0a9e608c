"""EfficientNet-Lite as the feature pyramid of a gray photograph: what things are, at five resolutions.

The published ImageNet networks (Tan & Le 2019, *EfficientNet*; the Lite variants without squeeze-and-excitation and
with ReLU6) without their classifier. Every batch norm is folded into the convolution before it, and the first
convolution takes luminance: the three input channels of a gray picture are equal, so that their weights add up.
Shapes: N batch, H, W multiples of 32. `excolor.networks.public.efficientnet_lite` reads the published weights.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from excolor.networks.products import pointwise

STRIDE = 32
"""Pixels: height and width of a picture are multiples of it."""

_KERNELS = (3, 3, 5, 3, 5, 5, 3)
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
_EXPANSIONS = (1, 6, 6, 6, 6, 6, 6)
_LEVELS = (0, 1, 2, 4, 6)  # stages whose output is the last at its resolution


@dataclass(frozen=True)
class BackboneConfig:
    """An EfficientNet-Lite's shape; the values are those of Lite0.

    Attributes:
        stem: channels of the first convolution.
        channels: of the seven stages.
        repeats: inverted residual blocks of the seven stages.
    """

    stem: int = 32
    channels: tuple[int, ...] = (16, 24, 40, 80, 112, 192, 320)
    repeats: tuple[int, ...] = (1, 2, 2, 3, 3, 4, 1)

    @property
    def level_channels(self) -> tuple[int, ...]:
        """Channels of the five levels, from 1/2 to 1/32."""
        return tuple(self.channels[stage] for stage in _LEVELS)


VARIANTS = {
    "lite0": BackboneConfig(),
    "lite1": BackboneConfig(repeats=(1, 3, 3, 4, 4, 5, 1)),
    "lite2": BackboneConfig(channels=(16, 24, 48, 88, 120, 208, 352), repeats=(1, 3, 3, 4, 4, 5, 1)),
    # For tests: milliseconds, and no published weights
    "tiny": BackboneConfig(4, (4, 6, 8, 10, 12, 14, 16), (1, 1, 1, 1, 1, 1, 1)),
}
"""The shapes that have a name."""


class Levels(NamedTuple):
    """Features of a picture, each (N, C, H/k, W/k); the channels are `BackboneConfig.level_channels`."""

    half: Tensor
    quarter: Tensor
    eighth: Tensor
    sixteenth: Tensor
    thirty_second: Tensor


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding of even sizes, and ReLU6 after it if wanted.

    At stride 2 one row and column less is padded before than after.
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, depthwise: bool = False, act: bool
    ) -> None:
        groups = channels_in if depthwise else 1
        super().__init__(
            channels_in, channels_out, kernel, stride, padding=kernel // 2 if stride == 1 else 0, groups=groups
        )
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] == 2:
            total = self.kernel_size[0] - 2
            before, after = total // 2, total - total // 2
            x = F.pad(x, (before, after, before, after))
        x = pointwise(x, self.weight, self.bias) if self.kernel_size[0] == 1 else super().forward(x)
        return F.relu6(x) if self.act else x


class InvertedResidual(nn.Module):
    """Expand by 1×1, filter depthwise, project by 1×1 (Sandler et al. 2018), with a shortcut where shapes allow."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels_in * expansion
        self.expand = SameConv(channels_in, hidden, 1, act=True) if expansion > 1 else None
        self.depthwise = SameConv(hidden, hidden, kernel, stride=stride, depthwise=True, act=True)
        self.project = SameConv(hidden, channels_out, 1, act=False)
        self.shortcut = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        return x + y if self.shortcut else y


class EfficientNetLite(nn.Module):
    """L to features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the picture."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = SameConv(1, config.stem, 3, stride=2, act=True)
        self.stages = nn.ModuleList()
        channels_in = config.stem
        for channels, repeats, kernel, stride, expansion in zip(
            config.channels, config.repeats, _KERNELS, _STRIDES, _EXPANSIONS, strict=True
        ):
            stage = nn.Sequential()
            for repeat in range(repeats):
                stage.append(InvertedResidual(channels_in, channels, kernel, stride if repeat == 0 else 1, expansion))
                channels_in = channels
            self.stages.append(stage)

    def blocks(self) -> Iterator[InvertedResidual]:
        """The inverted residual blocks of all stages, in order."""
        return (module for module in self.modules() if isinstance(module, InvertedResidual))

    def forward(self, lightness: Tensor) -> Levels:
        """The levels of a picture, L (N, 1, H, W) in [0, 100]."""
        x = self.stem(_network_input(lightness).to(self.stem.weight.dtype))
        found = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in _LEVELS:
                found.append(x)
        return Levels(*found)


def _network_input(lightness: Tensor) -> Tensor:
    """L in [0, 100] as the published networks see a gray sRGB picture: (255 · gray - 127) / 128."""
    y = torch.where(lightness > 8, ((lightness.clamp(min=8) + 16) / 116) ** 3, lightness * (27 / 24389))
    gray = torch.where(y > 0.0031308, 1.055 * y.clamp(min=0.0031308) ** (1 / 2.4) - 0.055, 12.92 * y)
    return (gray * 255 - 127) / 128
