"""The decoder of the transfer sub-net: the encoder's mirror image, fed by its skips (Xu et al. 2020, section 3.1).

At each of the three upsamplings it reads, concatenated, its own upsampled feature, the upsampled pooled skip and the
convolution skip: three times the channels.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from excolor.networks.encoder import Conv, FeatureHook, keep

# The decoder's own features that can be matched, from deep to full resolution.
DECODED = ("decoded4", "decoded3", "decoded2", "decoded1")


@dataclass(frozen=True)
class DecoderConfig:
    """The decoder's shape; `width` is that of the encoder it belongs to."""

    width: int = 64


class WideningConv(Conv):
    """A `Conv` of three features, of which the first two are doubled (nearest neighbor) before.

    They are convolved at their own size, by four 2×2 filters, one for each pixel that comes of one: 4/9 of the
    arithmetic, and nothing is doubled or concatenated at the full size. A doubled picture reflected at its edge is the
    small one replicated.
    """

    def forward(self, coarse: Tensor, pooled: Tensor, skip: Tensor) -> Tensor:  # type: ignore[override]
        """(N, c, h, w), (N, c, h, w) and (N, c, 2h, 2w) to (N, channels_out, 2h, 2w)."""
        small = F.pad(torch.cat((coarse, pooled), dim=1), (1, 1, 1, 1), mode="replicate")
        of_small, of_skip = self.weight[:, : small.shape[1]], self.weight[:, small.shape[1] :]
        filters = _of_doubled(_of_doubled(of_small, 2), 4).transpose(0, 1).flatten(0, 2)
        filters = filters.contiguous(memory_format=torch.channels_last)
        quarters = F.conv2d(small, filters)  # (N, 4*channels_out, h + 1, w + 1)
        out: Tensor = self._conv_forward(skip, of_skip, self.bias)
        height, width = coarse.shape[2:]
        for i, quarter in enumerate(quarters.chunk(4, dim=1)):
            row, column = divmod(i, 2)
            out[..., row::2, column::2] += quarter[..., row : row + height, column : column + width]
        return out


def _of_doubled(filters: Tensor, axis: int) -> Tensor:
    """What 3-tap filters along an axis are, before doubling, to even and to odd pixels: 2 of 2 taps, stacked in front.

    Two neighboring taps meet the same pixel: those at and behind an even one, those before and at an odd one.
    """
    before, at, behind = filters.unbind(axis)
    return torch.stack((torch.stack((before, at + behind), axis), torch.stack((before + at, behind), axis)))


class Decoder(nn.Module):
    """Encoder features by name to sRGB (N, 3, H, W), not clipped."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        w = config.width
        self.conv4_1 = Conv(8 * w, 4 * w)
        self.conv3_4 = WideningConv(3 * 4 * w, 4 * w)
        self.conv3_3 = Conv(4 * w, 4 * w)
        self.conv3_2 = Conv(4 * w, 4 * w)
        self.conv3_1 = Conv(4 * w, 2 * w)
        self.conv2_2 = WideningConv(3 * 2 * w, 2 * w)
        self.conv2_1 = Conv(2 * w, w)
        self.conv1_2 = WideningConv(3 * w, w)
        self.conv1_1 = Conv(w, 3)

    def forward(self, features: dict[str, Tensor], hook: FeatureHook = keep) -> Tensor:
        """Decode `features` of an `Encoder`; the features named in DECODED pass through `hook`, deepest first."""
        x = hook("decoded4", F.relu_(self.conv4_1(features["relu4_1"])))  # (N, 4w, H/8, W/8)
        x = F.relu_(self.conv3_4(x, features["pool3"], features["relu3_4"]))
        x = F.relu_(self.conv3_3(x))
        x = F.relu_(self.conv3_2(x))
        x = hook("decoded3", F.relu_(self.conv3_1(x)))  # (N, 2w, H/4, W/4)
        x = F.relu_(self.conv2_2(x, features["pool2"], features["relu2_2"]))
        x = hook("decoded2", F.relu_(self.conv2_1(x)))  # (N, w, H/2, W/2)
        x = hook("decoded1", F.relu_(self.conv1_2(x, features["pool1"], features["relu1_2"])))  # (N, w, H, W)
        out: Tensor = self.conv1_1(x)
        return out
