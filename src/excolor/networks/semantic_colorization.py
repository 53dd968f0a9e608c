"""The semantic colorization sub-net: a backbone that knows what things are, and five blocks that spread colors.

As in the paper (Xu et al., CVPR 2020, section 3.2) ten feature blocks and an output block turn L and hints into ab, and
hints are given with how far they can be trusted. Beyond it, the five contracting blocks are the levels of an ImageNet
backbone, hints come on two grids with what speaks for them, and they enter every expanding block.

The first three blocks say at 1/4 how likely each of some classes of colors is (`excolor.networks.color_classes`), and
the last two are given the colors that were decided for. They reach full resolution by choosing, not by blurring: at 1/2
and at 1/1 each pixel mixes the colors of the nine coarser places around it (as RAFT upsamples flow, Teed & Deng 2020),
the hint at the place, and a color of its own, with weights that see the luminance. Where one weight is near 1, an edge
stays an edge.

Shapes: N batch, H, W multiples of 32. ab and hints are in network scale (`excolor.imaging.color.ab_to_network`).
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from excolor.errors import CheckpointError
from excolor.networks.backbone import VARIANTS, EfficientNetLite, Levels
from excolor.networks.color_classes import CLASSES
from excolor.networks.products import PointwiseConv
from excolor.networks.semantic_places import SemanticPlacesConfig, SemanticPlacesNet

COARSE_CHANNELS = 8
"""Of `SemanticHints.coarse`: ab, and what speaks for it."""
MUTUALITY = 4
"""Channel of `SemanticHints.coarse`: whether a place is also the best one for what it found."""
COSINE = 5
"""Channel of `SemanticHints.coarse`: of a place and its best match."""
FINE_CHANNELS = 5
"""Of `SemanticHints.fine`: ab, and what speaks for it."""
USER_CHANNELS = 3
"""Of `SemanticHints.user`: ab and its mask."""

_NEIGHBORS = 9
_LEAST_WIDTH = 12  # leaves the finest block 2 channels


@dataclass(frozen=True)
class SemanticColorizationConfig:
    """The net's shape.

    Raises CheckpointError for a backbone that is not known, or too small a width.

    Attributes:
        width: channels of the expanding block at 1/4; those at 1/16 and 1/8 have 2 and 4/3 times as many, those at 1/2
            and 1/1 5/12 and 5/24.
        backbone: of the contracting blocks, a name in `excolor.networks.backbone.VARIANTS`.
    """

    width: int = 96
    backbone: str = "lite0"

    def __post_init__(self) -> None:
        if self.backbone not in VARIANTS or self.width < _LEAST_WIDTH:
            raise CheckpointError(
                f"a semantic net of width {self.width} over {self.backbone!r} is not one that this version of excolor "
                f"knows: the width is at least {_LEAST_WIDTH}, and the backbone one of {', '.join(VARIANTS)}"
            )

    @property
    def widths(self) -> tuple[int, int, int, int, int]:
        """Channels of the expanding blocks at 1/16, 1/8, 1/4, 1/2 and 1/1."""
        w = self.width
        return 2 * w, 4 * w // 3, w, 5 * w // 12, 5 * w // 24

    @property
    def places(self) -> SemanticPlacesConfig:
        """The shape of the net that describes places by the three deepest levels."""
        return SemanticPlacesConfig(sum(VARIANTS[self.backbone].level_channels[2:]))


class SemanticHints(NamedTuple):
    """What is known of the colors.

    Attributes:
        coarse: (N, COARSE_CHANNELS, H/8, W/8): ab of the similar thing in the reference first; zero without
            a reference.
        fine: (N, FINE_CHANNELS, H/2, W/2): ab of the similar pixel in the reference first; the last channel is 1 where
            there is a reference.
        user: (N, USER_CHANNELS, H, W): ab that a person gave, zero elsewhere, and its mask in [0, 1].
    """

    coarse: Tensor
    fine: Tensor
    user: Tensor


class Window(NamedTuple):
    """A part of a picture, in places of 1/4 of its size."""

    top: int
    left: int
    height: int
    width: int

    def of(self, part: Tensor, factor: int) -> Tensor:
        """What it shows of maps (N, C, *, *) that are `factor` times as large as those at 1/4."""
        top, left, height, width = (factor * n for n in self)
        return part[..., top : top + height, left : left + width]


class Likely(NamedTuple):
    """What the net says at 1/4 of the size.

    Attributes:
        features: (N, C, H/4, W/4).
        logits: of the classes of `excolor.networks.color_classes`, (N, K, H/4, W/4).
    """

    features: Tensor
    logits: Tensor


class Colors(NamedTuple):
    """ab in [-1, 1] at two sizes, (N, 2, H/2, W/2) and (N, 2, H, W); the last is the result.

    They are those of a window, if one was given.
    """

    half: Tensor
    full: Tensor


def no_semantic_hints(lightness: Tensor) -> SemanticHints:
    """Empty hints for L (N, 1, H, W): the net invents the colors."""
    n, _, height, width = lightness.shape
    return SemanticHints(
        lightness.new_zeros((n, COARSE_CHANNELS, height // 8, width // 8)),
        lightness.new_zeros((n, FINE_CHANNELS, height // 2, width // 2)),
        lightness.new_zeros((n, USER_CHANNELS, height, width)),
    )


class ExpandingBlock(nn.Module):
    """Two 3×3 convolutions with a ReLU after each, over the block below, a contracting level and hints."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        for conv in (self.first, self.second):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu_(self.second(F.relu_(self.first(x))))


class ColorChoice(nn.Module):
    """Per pixel a mix of colors: of the nine coarser places around it, of hints, and one of its own.

    Features (N, C, H, W) decide. A hint can only be chosen where it is there.
    """

    def __init__(self, channels: int, hints: int) -> None:
        super().__init__()
        self.own = PointwiseConv(channels, 2)
        self.weights = PointwiseConv(channels, _NEIGHBORS + 1 + hints)
        for conv in (self.own, self.weights):
            nn.init.normal_(conv.weight, std=0.01)
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)

    def forward(self, features: Tensor, coarser: Tensor, hints: list[tuple[Tensor, Tensor]]) -> Tensor:
        """ab (N, 2, H, W) from ab at half the size and hints, ab (N, 2, H, W) and mask (N, 1, H, W) each."""
        n, _, h, w = coarser.shape
        own = torch.tanh(self.own(features).float())
        logits = self.weights(features).float()
        masks = [mask.float().clamp(min=1e-6).log() for _, mask in hints]
        known = torch.cat((torch.zeros_like(logits[:, : _NEIGHBORS + 1]), *masks), dim=1)
        weights = (logits.contiguous() + known).softmax(1)
        padded = F.pad(coarser.float(), (1, 1, 1, 1), mode="replicate")
        quarters = weights.view(n, -1, h, 2, w, 2)  # weights of the four pixels of each coarser place
        mixed = torch.zeros((n, 2, h, 2, w, 2), device=own.device)
        for number in range(_NEIGHBORS):
            top, left = divmod(number, 3)
            neighbor = padded[:, :, top : top + h, None, left : left + w, None]
            mixed = torch.addcmul(mixed, neighbor, quarters[:, number : number + 1])
        mixed = mixed.view(n, 2, 2 * h, 2 * w)
        for number, candidate in enumerate([own, *(ab.float() for ab, _ in hints)], start=_NEIGHBORS):
            mixed = torch.addcmul(mixed, candidate, weights[:, number : number + 1])
        return mixed


class SemanticColorizationNet(nn.Module):
    """Backbone levels and hints to classes of colors, and decided colors to ab; and the net that describes places."""

    level_scale: Tensor

    def __init__(self, config: SemanticColorizationConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = EfficientNetLite(VARIANTS[config.backbone])
        self.places = SemanticPlacesNet(config.places)
        # Deviation of the backbone's levels, so that all blocks see inputs of like size; Lite0's on photographs
        self.register_buffer("level_scale", torch.tensor((11.6, 11.2, 7.6, 4.2, 1.65)))
        half, quarter, eighth, sixteenth, deepest = self.backbone.config.level_channels
        w16, w8, w4, w2, w1 = config.widths
        hints = COARSE_CHANNELS + FINE_CHANNELS + USER_CHANNELS
        self.enter = PointwiseConv(deepest, w16)
        self.block16 = ExpandingBlock(w16 + sixteenth + hints, w16)
        self.block8 = ExpandingBlock(w16 + eighth + hints, w8)
        self.block4 = ExpandingBlock(w8 + quarter + hints, w4)
        self.classes4 = PointwiseConv(w4, CLASSES)
        nn.init.normal_(self.classes4.weight, std=0.01)
        self.narrow2 = PointwiseConv(w4, w2)
        self.block2 = ExpandingBlock(w2 + half + 4 + hints, w2)
        self.choice2 = ColorChoice(w2, 2)
        self.narrow1 = PointwiseConv(w2, w1)
        self.block1 = ExpandingBlock(w1 + 1 + USER_CHANNELS, w1)
        self.choice1 = ColorChoice(w1, 1)

    def levels(self, lightness: Tensor) -> Levels:
        """The contracting blocks: features of L (N, 1, H, W) in [0, 100]."""
        found: Levels = self.backbone(lightness)
        return found

    def likely(self, levels: Levels, hints: SemanticHints) -> Likely:
        """Which colors are likely, at 1/4 of the size; ab of hints in network scale."""
        dtype = self.classes4.weight.dtype
        quarter, eighth, sixteenth, deepest = (
            level.to(dtype) / scale for level, scale in zip(levels[1:], self.level_scale[1:].to(dtype), strict=True)
        )
        coarse, fine, user = (part.to(dtype) for part in hints)
        x = F.relu(self.enter(deepest))
        x = _beside(_doubled(x), sixteenth, F.avg_pool2d(coarse, 2), F.avg_pool2d(fine, 8), _shrunk(user, 16))
        x = self.block16(x)
        x = _beside(_doubled(x), eighth, coarse, F.avg_pool2d(fine, 4), _shrunk(user, 8))
        x = self.block8(x)
        coarse = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
        x = _beside(_doubled(x), quarter, coarse, F.avg_pool2d(fine, 2), _shrunk(user, 4))
        x = self.block4(x)
        return Likely(x, self.classes4(x).float())

    def finer(
        self,
        features: Tensor,
        ab4: Tensor,
        levels: Levels,
        lightness: Tensor,
        hints: SemanticHints,
        window: Window | None = None,
    ) -> Colors:
        """Colors of a picture whose colors at 1/4 are decided for.

        Args:
            features: of `likely`.
            ab4: (N, 2, H/4, W/4) in [-1, 1].
            levels: of `levels`.
            lightness: L (N, 1, H, W) in [0, 100].
            hints: ab in network scale.
            window: in training, the part that is answered for, since this is the costly part of the net; None is all.
        """
        dtype = self.classes4.weight.dtype
        half = levels.half.to(dtype) / self.level_scale[0].to(dtype)
        tone = (lightness.to(dtype) - 50) / 50
        coarse, fine, user = (part.to(dtype) for part in hints)
        coarse = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
        if window is not None:
            features, coarse, ab4 = (window.of(part, 1) for part in (features, coarse, ab4))
            half, fine = window.of(half, 2), window.of(fine, 2)
            tone, user = window.of(tone, 4), window.of(user, 4)
        coarse = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
        user2 = _shrunk(user, 2)
        x = _doubled(F.relu(self.narrow2(features)))
        x = self.block2(_beside(x, half, F.pixel_unshuffle(tone, 2), coarse, fine, user2))
        ab2 = self.choice2(x, ab4, [(fine[:, :2], fine[:, -1:]), (user2[:, :2], user2[:, 2:])])
        x = _doubled(F.relu(self.narrow1(x)))
        x = self.block1(_beside(x, torch.cat((tone, user), 1)))
        ab1 = self.choice1(x, ab2, [(user[:, :2], user[:, 2:])])
        return Colors(ab2, ab1)


def _beside(*parts: Tensor) -> Tensor:
    """Channels of several maps as those of one, beside each other in memory, as convolutions take them."""
    return torch.cat([part.contiguous(memory_format=torch.channels_last) for part in parts], dim=1)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def _shrunk(user: Tensor, factor: int) -> Tensor:
    """A person's hints, ab and mask (N, 3, H, W), at 1/`factor`: the mean color of those in the place, and a mask."""
    pooled = F.avg_pool2d(torch.cat((user[:, :2] * user[:, 2:], user[:, 2:]), 1), factor)
    mask = pooled[:, 2:]
    return torch.cat((pooled[:, :2] / mask.clamp(min=1e-3), (mask * factor).clamp(max=1)), 1)
