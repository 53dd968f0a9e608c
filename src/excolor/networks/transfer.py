"""The transfer sub-net: color by matching feature statistics level after level (Xu et al., CVPR 2020, section 3.1).

Encoder level k is matched to the style before level k + 1 is computed from it ("progressive"). The skips that the
decoder reads, and the decoder's own levels, can be matched too; the style is then encoded, or decoded, for its
statistics. RGB is sRGB in [0, 1]; H, W are multiples of 8.

Content and style may be divided into regions that are matched one by one: R maps that say how far each pixel belongs to
each region, (N, R, H, W) in [0, 1], and sum to 1. At every feature they are averaged to its size and softened a little,
statistics are weighted by them, and the matched features blended. For the content, a map can also say which pixels are
visible, (N, 1, H, W) in [0, 1]: the others are changed in the same way, but count for no statistics.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from excolor.networks import adain, wct
from excolor.networks.decoder import DECODED, Decoder
from excolor.networks.encoder import LEVELS, POOLS, SKIPS, Encoder, keep
from excolor.settings import Matching, NetworkPart

Statistics = adain.Moments | wct.Covariance
Measured = dict[str, Statistics]
"""Statistics by the name of the feature."""

_FEATURES: dict[NetworkPart, tuple[str, ...]] = {"encoder": LEVELS, "skip": SKIPS + POOLS, "decoder": DECODED}


def matched_features(matching: Matching) -> frozenset[str]:
    """The names of the features whose statistics are matched."""
    return frozenset(name for part in matching.parts for name in _FEATURES[part])


class TransferNet(nn.Module):
    """Encoder and decoder, and the matching between them."""

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def measure(self, style: Tensor, matching: Matching, visible: Tensor | None = None) -> Measured:
        """Statistics of a style picture (N, 3, H, W) at every feature that `matching` names: once per reference.

        Of all its pixels, or as far as they are visible, (N, 1, H, W) in [0, 1].
        """
        return self._measure(style, matching, visible)[0]

    def measure_regions(self, style: Tensor, matching: Matching, regions: Tensor) -> list[Measured]:
        """The same of each of its R regions (N, R, H, W). One that is nowhere has no meaning, but does no harm."""
        return self._measure(style, matching, regions)

    def forward(
        self,
        content: Tensor,
        style: Mapping[str, Statistics] | Sequence[Mapping[str, Statistics]],
        matching: Matching,
        regions: Tensor | None = None,
        visible: Tensor | None = None,
    ) -> Tensor:
        """The content (N, 3, H, W) in the style's statistics: sRGB (N, 3, H, W) in [0, 1].

        `style` is what `measure` gave under the same method and parts; its batch size is N or 1. With the content's R
        regions (N, R, H, W) it is a sequence of R of them, in the same order.
        """
        names = matched_features(matching) if matching.alpha > 0 else frozenset()
        styles = [style] if isinstance(style, Mapping) else style
        counted = regions if regions is None or visible is None else _counted(regions, visible)

        def match(name: str, feature: Tensor) -> Tensor:
            if name not in names:
                return feature
            if regions is None or counted is None:
                weights = None if visible is None else _at_size(visible, feature)
                return _match(feature, styles[0][name], matching.alpha, weights)
            blended = torch.zeros_like(feature)
            # Each (N, 1, h, w)
            shares, counts = (_at_size(maps, feature).chunk(maps.shape[1], 1) for maps in (regions, counted))
            for one, share, count in zip(styles, shares, counts, strict=True):
                blended += share.to(feature.dtype) * _match(feature, one[name], matching.alpha, count)
            return blended

        out: Tensor = self.decoder(self.encoder(content, match), match)
        return out.clamp(0, 1)

    def reconstruct(self, rgb: Tensor) -> Tensor:
        """The decoder's answer to the encoder alone, not clipped: how well the two keep a picture."""
        out: Tensor = self.decoder(self.encoder(rgb, keep))
        return out

    def _measure(self, style: Tensor, matching: Matching, regions: Tensor | None) -> list[Measured]:
        measure = adain.measure if matching.method == "adain" else wct.measure
        names = matched_features(matching)
        measured: list[Measured] = [{} for _ in range(1 if regions is None else regions.shape[1])]

        def collect(name: str, feature: Tensor) -> Tensor:
            if name in names and regions is None:
                measured[0][name] = measure(feature)
            elif name in names and regions is not None:
                for one, weights in zip(measured, _at_size(regions, feature).unbind(1), strict=True):
                    one[name] = measure(feature, weights[:, None])
            return feature

        features = self.encoder(style, collect)
        if "decoder" in matching.parts:
            self.decoder(features, collect)
        return measured


def mix(styles: Sequence[Measured], shares: Sequence[float]) -> Measured:
    """What lies between several styles, measured under the same matching: each weighted by its share of 1."""
    if len(styles) == 1:
        return styles[0]
    return {name: _mix([style[name] for style in styles], shares) for name in styles[0]}


def _mix(styles: Sequence[Statistics], shares: Sequence[float]) -> Statistics:
    moments = [style for style in styles if isinstance(style, adain.Moments)]
    if moments:
        return adain.mix(moments, shares)
    return wct.mix([style for style in styles if isinstance(style, wct.Covariance)], shares)


def _match(content: Tensor, style: Statistics, alpha: float, weights: Tensor | None = None) -> Tensor:
    if isinstance(style, adain.Moments):
        return adain.match(content, style, alpha, weights)
    return wct.match(content, style, alpha, weights)


def _counted(regions: Tensor, visible: Tensor) -> Tensor:
    """What is visible of each region (N, R, H, W); all of those of which nothing is."""
    visible_part = regions * visible
    return torch.where(visible_part.amax((2, 3), keepdim=True) > 0, visible_part, regions)


def _at_size(regions: Tensor, feature: Tensor) -> Tensor:
    """Regions at the size of a feature map, each border softened over its neighboring positions; their sum stays 1."""
    small = F.adaptive_avg_pool2d(regions, feature.shape[2:])  # type: ignore[arg-type]
    return F.avg_pool2d(F.pad(small, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
