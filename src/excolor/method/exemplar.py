"""The paper's networks as a whole: a gray picture and a reference in, every stage out (Xu et al., CVPR 2020, Figure 2).

    L ──► colorization net without hints ──► invented ab ──┐
                                                           ├─► transfer net and correspondence ──► coarse ab
    reference ──► its statistics, and descriptors ─────────┘                                           │
    L ──► colorization net ◄── hints: cells of the coarse ab, with confidence ◄────────────────────────┘
              └──► ab

Inference, training and measuring all go through this module. Shapes as in `method.architecture`, H, W multiples of 8.
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from excolor.errors import SettingError
from excolor.imaging.color import ab_from_network, ab_to_network, colored, lightness_to_network
from excolor.method.architecture import ExemplarModel, Stages
from excolor.method.coarse import (
    CoarseMap,
    ReferenceFeatures,
    coarse_map,
    describe_lightness,
    encode_reference,
    join_references,
    trusted_more,
)
from excolor.method.correspondence import Correspondence, FeatureCorrespondence
from excolor.method.hint_reach import follow_hints
from excolor.method.hints import Hints, no_hints, overlaid, scatter
from excolor.networks.colorization import ColorizationNet
from excolor.networks.neighbors import score
from excolor.networks.transfer import TransferNet
from excolor.settings import ColorizeSettings, Match


class ExemplarNet(ExemplarModel[ReferenceFeatures]):
    """Transfer sub-net, correspondence and colorization sub-net; the latter alone can invent colors only."""

    multiple = 8  # three poolings

    def __init__(
        self,
        colorization: ColorizationNet,
        transfer: TransferNet | None = None,
        correspondence: Correspondence | None = None,
    ) -> None:
        """Put networks together.

        Args:
            colorization: the colorization sub-net.
            transfer: the transfer sub-net; None if no reference is to be followed.
            correspondence: over the features of the transfer net's encoder; None for these as they are.
        """
        super().__init__()
        self.colorization = colorization
        self.transfer = transfer
        self.correspondence = correspondence or FeatureCorrespondence()

    def encode_reference(self, rgb: Tensor, visible: Tensor | None = None) -> ReferenceFeatures:
        return encode_reference(self._transfer(), self.correspondence, rgb, visible)

    def join_references(self, references: Sequence[ReferenceFeatures]) -> ReferenceFeatures:
        return join_references(references)

    def examine(self, lightness: Tensor) -> Tensor:
        return self.describe(lightness)

    def score(self, lightness: Tensor, references: Sequence[ReferenceFeatures], known: Tensor | None = None) -> Tensor:
        descriptors = self.describe(lightness, known)
        return torch.stack([score(descriptors, one.landmarks) for one in references], dim=1)

    def describe(self, lightness: Tensor, known: Tensor | None = None) -> Tensor:
        """What the places of L (N, 1, H, W) are compared by: unit descriptors (N, C, h, w) on a coarser grid."""
        if known is not None:
            return known
        return describe_lightness(self._transfer().encoder, self.correspondence, lightness)

    def invent(self, lightness: Tensor, user: Hints | None = None, known: Tensor | None = None) -> Tensor:
        return self.refine(lightness, no_hints(lightness) if user is None else user)

    def coarse(
        self,
        lightness: Tensor,
        invented: Tensor,
        reference: ReferenceFeatures,
        match: Match = "both",
        known: Tensor | None = None,
    ) -> CoarseMap:
        """The coarse map: colors that the reference has for L (N, 1, H, W) with invented ab (N, 2, H, W)."""
        precolored = colored(lightness, invented)
        return coarse_map(self._transfer(), self.correspondence, lightness, precolored, reference, match, known)

    def refine(self, lightness: Tensor, hints: Hints) -> Tensor:
        """The colorization net: L (N, 1, H, W) and hints to ab (N, 2, H, W) in [-110, 110]."""
        return ab_from_network(self.colorization(lightness_to_network(lightness), hints.ab, hints.mask).float())

    def forward(
        self,
        lightness: Tensor,
        reference: ReferenceFeatures,
        settings: ColorizeSettings = ColorizeSettings(),
        user: Hints | None = None,
        known: Tensor | None = None,
    ) -> Stages:
        invented = self.invent(lightness, user)
        coarse = self.coarse(lightness, invented, reference, settings.match, known)
        generator = Generator().manual_seed(settings.seed)
        trusted = trusted_more(coarse, settings.strength - 1)
        hints = scatter(ab_to_network(coarse.ab), trusted.confidence, settings.hint_share, generator)
        if user is not None:
            hints = overlaid(hints, user)
        refined = self.refine(lightness, hints)
        ab = invented.lerp(refined, min(settings.strength, 1.0))
        return Stages(invented, coarse.ab, ab_from_network(hints.ab), ab)

    def follow(
        self,
        ab: Tensor,
        lightness: Tensor,
        reference: ReferenceFeatures | None,
        settings: ColorizeSettings,
        user: Hints,
        known: Tensor | None = None,
    ) -> Tensor:
        return follow_hints(ab, lightness, self.describe(lightness, known), user, settings.hint_reach)

    def _transfer(self) -> TransferNet:
        if self.transfer is None:
            raise SettingError("only what pre-coloring needs was loaded of the model; load it by its name")
        return self.transfer
