"""The decoder of the transfer sub-net: the encoder's mirror image, fed by its skips (Xu et al. 2020, section 3.1).

At each of the three upsamplings it reads, concatenated, its own upsampled feature, the upsampled pooled skip and the
convolution skip: three times the channels.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from excolor.models.encoder import Conv, FeatureHook, keep

# The decoder's own features that can be matched, from deep to full resolution.
DECODED = ("decoded4", "decoded3", "decoded2", "decoded1")


@dataclass(frozen=True)
class DecoderConfig:
    """The decoder's shape; `width` is that of the encoder it belongs to."""

    width: int = 64


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class Decoder(nn.Module):
    """Encoder features by name to sRGB (N, 3, H, W), not clipped."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        w = config.width
        self.conv4_1 = Conv(8 * w, 4 * w)
        self.conv3_4 = Conv(3 * 4 * w, 4 * w)
        self.conv3_3 = Conv(4 * w, 4 * w)
        self.conv3_2 = Conv(4 * w, 4 * w)
        self.conv3_1 = Conv(4 * w, 2 * w)
        self.conv2_2 = Conv(3 * 2 * w, 2 * w)
        self.conv2_1 = Conv(2 * w, w)
        self.conv1_2 = Conv(3 * w, w)
        self.conv1_1 = Conv(w, 3)

    def forward(self, features: dict[str, Tensor], hook: FeatureHook = keep) -> Tensor:
        """Decode `features` of an `Encoder`; the features named in DECODED pass through `hook`, deepest first."""

        def widen(x: Tensor, pooled: str, skip: str) -> Tensor:
            return torch.cat((_double(x), _double(features[pooled]), features[skip]), dim=1)

        x = hook("decoded4", F.relu(self.conv4_1(features["relu4_1"])))  # (N, 4w, H/8, W/8)
        x = F.relu(self.conv3_4(widen(x, "pool3", "relu3_4")))
        x = F.relu(self.conv3_3(x))
        x = F.relu(self.conv3_2(x))
        x = hook("decoded3", F.relu(self.conv3_1(x)))  # (N, 2w, H/4, W/4)
        x = F.relu(self.conv2_2(widen(x, "pool2", "relu2_2")))
        x = hook("decoded2", F.relu(self.conv2_1(x)))  # (N, w, H/2, W/2)
        x = hook("decoded1", F.relu(self.conv1_2(widen(x, "pool1", "relu1_2"))))  # (N, w, H, W)
        out: Tensor = self.conv1_1(x)
        return out
