"""The encoder of the transfer sub-net: VGG19 from conv1_1 to conv4_1 (Simonyan & Zisserman 2015; Xu et al. 2020).

As in the paper's own code, convolutions pad by reflection and pooling averages, so that features carry no frame and
no grid. Shapes: N batch, H, W image size, multiples of 8; w is the width of the configuration.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The stages of the network; a stage ends where the next one's matching may step in.
LEVELS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
SKIPS = ("relu1_2", "relu2_2", "relu3_4")  # convolution features before each pooling
POOLS = ("pool1", "pool2", "pool3")

# What stands behind a named feature: given its name and value, the value to go on with (see transfer.py).
FeatureHook = Callable[[str, Tensor], Tensor]


@dataclass(frozen=True)
class EncoderConfig:
    """The encoder's shape.

    Attributes:
        width: channels at full resolution; doubles at each of the three poolings, as in VGG19.
    """

    width: int = 64


class Conv(nn.Conv2d):
    """A 3×3 convolution that pads by reflection."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 3, padding=1, padding_mode="reflect")


def keep(name: str, feature: Tensor) -> Tensor:
    """The hook that changes nothing."""
    return feature


class Encoder(nn.Module):
    """sRGB (N, 3, H, W) in [0, 1] to features by name, from relu1_1 (N, w, H, W) to relu4_1 (N, 8w, H/8, W/8)."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        w = config.width
        # ImageNet's channel moments: constants of VGG19 and its relatives, not weights
        self.register_buffer("mean", torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1), persistent=False)
        self.conv1_1 = Conv(3, w)
        self.conv1_2 = Conv(w, w)
        self.conv2_1 = Conv(w, 2 * w)
        self.conv2_2 = Conv(2 * w, 2 * w)
        self.conv3_1 = Conv(2 * w, 4 * w)
        self.conv3_2 = Conv(4 * w, 4 * w)
        self.conv3_3 = Conv(4 * w, 4 * w)
        self.conv3_4 = Conv(4 * w, 4 * w)
        self.conv4_1 = Conv(4 * w, 8 * w)

    def forward(self, rgb: Tensor, hook: FeatureHook = keep) -> dict[str, Tensor]:
        """Features by the names in LEVELS, SKIPS and POOLS, after `hook`.

        A level passes through `hook` before the next one is computed from it: this is where the transfer net matches
        statistics level after level. Skips and pooled features branch off: what `hook` makes of them is for the
        decoder alone, and the encoder goes on from the feature as it was.
        """
        features: dict[str, Tensor] = {}

        def level(name: str, x: Tensor) -> Tensor:
            features[name] = hook(name, x)
            return features[name]

        def branch(name: str, x: Tensor) -> Tensor:
            features[name] = hook(name, x)
            return x

        x = ((rgb - self.mean) / self.std).to(self.conv1_1.weight.dtype)
        x = level("relu1_1", F.relu_(self.conv1_1(x)))
        x = branch("relu1_2", F.relu_(self.conv1_2(x)))
        x = branch("pool1", F.avg_pool2d(x, 2))  # (N, w, H/2, W/2)
        x = level("relu2_1", F.relu_(self.conv2_1(x)))
        x = branch("relu2_2", F.relu_(self.conv2_2(x)))
        x = branch("pool2", F.avg_pool2d(x, 2))  # (N, 2w, H/4, W/4)
        x = level("relu3_1", F.relu_(self.conv3_1(x)))
        x = F.relu_(self.conv3_2(x))
        x = F.relu_(self.conv3_3(x))
        x = branch("relu3_4", F.relu_(self.conv3_4(x)))
        x = branch("pool3", F.avg_pool2d(x, 2))  # (N, 4w, H/8, W/8)
        level("relu4_1", F.relu_(self.conv4_1(x)))
        return features
