"""The transfer sub-net: color by matching feature statistics level after level (Xu et al., CVPR 2020, section 3.1).

Encoder level k is matched to the style before level k + 1 is computed from it ("progressive"). The skips that the
decoder reads, and the decoder's own levels, can be matched too; the style is then encoded, or decoded, for its
statistics. RGB is sRGB in [0, 1]; H, W are multiples of 8.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from excolor.errors import SettingError
from excolor.models import adain, wct
from excolor.models.decoder import DECODED, Decoder
from excolor.models.encoder import LEVELS, POOLS, SKIPS, Encoder, keep

Method = Literal["adain", "wct"]
Part = Literal["encoder", "skip", "decoder"]
Statistics = adain.Moments | wct.Covariance

METHODS: tuple[Method, ...] = get_args(Method)
PARTS: tuple[Part, ...] = get_args(Part)

_FEATURES: dict[Part, tuple[str, ...]] = {"encoder": LEVELS, "skip": SKIPS + POOLS, "decoder": DECODED}


@dataclass(frozen=True)
class Matching:
    """What is matched, how, and how far.

    Attributes:
        method: `adain` matches mean and deviation of each channel, `wct` the whole covariance.
        parts: where (the paper's Figure 5 compares the subsets); empty reconstructs the content.
        alpha: blend of content and matched features in [0, 1]: 0 is the content, 1 the style's statistics.
    """

    method: Method = "adain"
    parts: tuple[Part, ...] = ("encoder", "skip")
    alpha: float = 1.0

    def __post_init__(self) -> None:
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown:
            raise SettingError(f"unknown part {unknown[0]!r}: choose from {', '.join(PARTS)}")
        if self.method not in METHODS:
            raise SettingError(f"unknown method {self.method!r}: choose from {', '.join(METHODS)}")
        if not 0 <= self.alpha <= 1:
            raise SettingError(f"alpha is {self.alpha} and must lie in [0, 1]")

    def names(self) -> frozenset[str]:
        """The names of the features that are matched."""
        return frozenset(name for part in self.parts for name in _FEATURES[part])


class TransferNet(nn.Module):
    """Encoder and decoder, and the matching between them."""

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def measure(self, style: Tensor, matching: Matching) -> dict[str, Statistics]:
        """Statistics of a style picture (N, 3, H, W) at every feature that `matching` names: once per reference."""
        measure = adain.measure if matching.method == "adain" else wct.measure
        names = matching.names()
        statistics: dict[str, Statistics] = {}

        def collect(name: str, feature: Tensor) -> Tensor:
            if name in names:
                statistics[name] = measure(feature)
            return feature

        features = self.encoder(style, collect)
        if "decoder" in matching.parts:
            self.decoder(features, collect)
        return statistics

    def forward(self, content: Tensor, style: Mapping[str, Statistics], matching: Matching) -> Tensor:
        """The content (N, 3, H, W) in the style's statistics: sRGB (N, 3, H, W) in [0, 1].

        `style` is what `measure` gave under the same method and parts; its batch size is N or 1.
        """
        names = matching.names() if matching.alpha > 0 else frozenset()

        def blend(name: str, feature: Tensor) -> Tensor:
            if name not in names:
                return feature
            matched = _match(feature, style[name])
            return matched if matching.alpha == 1 else feature.lerp(matched, matching.alpha)

        out: Tensor = self.decoder(self.encoder(content, blend), blend)
        return out.clamp(0, 1)

    def reconstruct(self, rgb: Tensor) -> Tensor:
        """The decoder's answer to the encoder alone, not clipped: how well the two keep a picture."""
        out: Tensor = self.decoder(self.encoder(rgb, keep))
        return out


def _match(content: Tensor, style: Statistics) -> Tensor:
    if isinstance(style, adain.Moments):
        return adain.match(content, style)
    return wct.match(content, style)
