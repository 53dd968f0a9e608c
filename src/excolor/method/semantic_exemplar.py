"""The semantic model as a whole: a gray picture and a reference in, every stage out.

    L ──► backbone ──► levels ──► description ──┐
    reference ──► backbone ──► description, ab ─┴─► correspondences ──► hints ──► colorization net ──► ab

Shapes: N batch, H, W multiples of `SemanticExemplarNet.multiple`. L is in [0, 100], ab in [-128, 127].
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from excolor.imaging.color import ab_from_network, rgb_to_lab
from excolor.method.semantic_correspondence import (
    Correspondences,
    ReferenceColors,
    correspond,
    describe,
    fit,
    reference_colors,
    side_by_side,
)
from excolor.method.semantic_hints import semantic_hints
from excolor.networks.backbone import STRIDE
from excolor.networks.semantic_colorization import (
    SemanticColorizationNet,
    SemanticHints,
    no_semantic_hints,
)

_TRUST = 0.5  # of the way to certainty that the highest strength lifts what speaks for a match


@dataclass(frozen=True)
class SemanticStages:
    """What is known after each stage, ab at full size (N, 2, H, W).

    Attributes:
        invented: without a reference.
        coarse: the colors found in the reference, before the net.
        ab: the result.
    """

    invented: Tensor
    coarse: Tensor
    ab: Tensor


class SemanticExemplarNet(nn.Module):
    """Colors for a gray picture from what similar things have in a reference."""

    multiple = STRIDE
    """Pixels: height and width of pictures are multiples of it."""

    def __init__(self, colorizer: SemanticColorizationNet) -> None:
        super().__init__()
        self.colorizer = colorizer

    def encode_reference(self, rgb: Tensor, visible: Tensor | None = None) -> ReferenceColors:
        """What is needed of a reference for any number of targets.

        Args:
            rgb: sRGB (N, 3, H, W) in [0, 1].
            visible: of a single reference (N = 1) how far each pixel shows, (1, 1, H, W) in [0, 1]; None if all do.
        """
        lab = rgb_to_lab(rgb)
        lightness = lab[:, :1]
        return reference_colors(describe(self.colorizer.levels(lightness), lightness), lab[:, 1:], visible)

    def join_references(self, references: Sequence[ReferenceColors]) -> ReferenceColors:
        """Several references as one: each place looks for its like in all of them."""
        return references[0] if len(references) == 1 else side_by_side(references)

    def score(self, lightness: Tensor, reference: ReferenceColors) -> Tensor:
        """How well a reference fits each target L (N, 1, H, W): (N,) in [0, 1]."""
        return fit(describe(self.colorizer.levels(lightness), lightness), _for(reference, len(lightness)))

    def invent(self, lightness: Tensor, user: Tensor | None = None) -> Tensor:
        """ab for L (N, 1, H, W), from what a person says (as in `forward`) or from nothing."""
        found: Tensor = self.colorizer(self.colorizer.levels(lightness), lightness, _empty(lightness, user)).full
        return ab_from_network(found)

    def forward(
        self, lightness: Tensor, reference: ReferenceColors, user: Tensor | None = None, strength: float = 1.0
    ) -> SemanticStages:
        """Colors for L (N, 1, H, W) from a reference of the same batch size or 1.

        Args:
            lightness: of the targets.
            reference: of `encode_reference` or `join_references`.
            user: (N, 3, H, W), ab in network scale that a person gave, zero elsewhere, and its mask in [0, 1].
            strength: 0 ignores the reference; up to 1 its colors are blended with invented ones; above, up to 2, the
                matches are trusted more than they deserve.
        """
        levels = self.colorizer.levels(lightness)
        found = correspond(describe(levels, lightness), _for(reference, len(lightness)))
        empty = _empty(lightness, user)
        hints = semantic_hints(_trusted(found, strength - 1) if strength > 1 else found, empty.user)
        invented = ab_from_network(self.colorizer(levels, lightness, empty).full)
        ab = ab_from_network(self.colorizer(levels, lightness, hints).full)
        coarse = F.interpolate(found.fine_ab, scale_factor=2.0, mode="bilinear", align_corners=False)
        return SemanticStages(invented, coarse, invented.lerp(ab, min(strength, 1.0)))


def _empty(lightness: Tensor, user: Tensor | None) -> SemanticHints:
    hints = no_semantic_hints(lightness)
    return hints if user is None else hints._replace(user=user)


def _for(reference: ReferenceColors, count: int) -> ReferenceColors:
    """The reference for a batch of `count` targets."""
    if len(reference.coarse_ab) == count:
        return reference

    def repeated(part: Tensor) -> Tensor:
        return part.expand(count, *part.shape[1:])

    description = type(reference.description)(*(repeated(part) for part in reference.description))
    hidden = None if reference.hidden is None else repeated(reference.hidden)
    return ReferenceColors(description, repeated(reference.coarse_ab), repeated(reference.half_ab), hidden)


def _trusted(found: Correspondences, more: float) -> Correspondences:
    """The same colors with more confidence, `more` in [0, 1]."""
    share = _TRUST * min(more, 1.0)
    one = torch.ones_like(found.cosine)
    return replace(
        found,
        grouped_cosine=found.grouped_cosine.lerp(one, share),
        mutuality=found.mutuality.lerp(one, share),
        cosine=found.cosine.lerp(one, share),
        fine_cosine=found.fine_cosine.lerp(torch.ones_like(found.fine_cosine), share),
        spread=found.spread * (1 - share),
    )
