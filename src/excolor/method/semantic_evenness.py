"""One thing, one color: colors are averaged over similar places where no match speaks for them.

A colorization net sees each place with its surroundings, and answers uncertain ones one by one: a wall gets a pink
patch here and a yellow one there. What a picture's places have in common is known from their descriptors, though. The
coarse part of the colors is therefore spread over the affinity of the places (a random walk of a few steps, as in
spectral clustering), by as much as no match of the place in a reference speaks for its own color.

A mean of two things is a wrong color for both: blue trousers on a red carpet would get purple edges. What counts
as alike is therefore narrower here than where matches are looked for, and places of very different colors take no part
in each other's means (as in bilateral filtering; Tomasi & Manduchi 1998).

Shapes: N batch, H, W picture size, h, w the grid of places. ab is in [-128, 127].
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.method.semantic_affinity import CELL, AffinityForm, affinity, joined_rows

_STEPS = 2
_CLOSE = AffinityForm(temperature=0.03, reach=0.25, lightness=12.0)
_LIKE_COLORS = 20.0  # ab units: deviation of how far colors that are averaged may be apart
_MOST_PLACES = 2304  # beyond, neighboring places are taken together: affinities grow with the square of their number


def whole_affinity(kin: Tensor, lightness: Tensor) -> Tensor | None:
    """The affinity of places that `evened` uses, as one matrix (N, P, P), if it is small enough for it."""
    return joined_rows(affinity(kin, lightness, _CLOSE)) if _factor(kin) == 1 else None


def evened(
    ab: Tensor, kin: Tensor, lightness: Tensor, share: Tensor | float = 1.0, alike: Tensor | None = None
) -> Tensor:
    """Colors in which similar places differ less.

    Args:
        ab: (N, 2, H, W).
        kin: descriptors of the places, (N, C, h, w), unit length.
        lightness: L (N, 1, H, W).
        share: how far each pixel takes part, (N, 1, H, W) in [0, 1].
        alike: `whole_affinity` of `kin` and lightness, if it is known and not None.

    Returns:
        ab (N, 2, H, W), the same in detail.
    """
    factor = _factor(kin)
    if factor > 1:
        kin = F.normalize(F.avg_pool2d(kin, factor, ceil_mode=True), dim=1)
        lightness = F.interpolate(lightness, [CELL * n for n in kin.shape[2:]], mode="area")
    own = F.adaptive_avg_pool2d(ab, (kin.shape[2], kin.shape[3]))
    matrix = joined_rows(affinity(kin, lightness, _CLOSE)) if alike is None else alike
    spread = own.flatten(2)
    for _ in range(_STEPS):
        spread = _mean_of_like_colors(spread, matrix)
    change = spread.reshape(own.shape) - own
    return ab + share * F.interpolate(change, ab.shape[2:], mode="bilinear", align_corners=False)


def _mean_of_like_colors(ab: Tensor, matrix: Tensor) -> Tensor:
    """Means of colors (N, 2, P) by the rows of a matrix (N, P, P), in which other colors have no part."""
    scaled = ab / (_LIKE_COLORS * math.sqrt(2))
    square = scaled.square().sum(1, keepdim=True)  # (N, 1, P)
    one = torch.ones_like(square)
    # -|a - b|² = 2ab - |a|² - |b|², as one product
    weights = torch.cat((2 * scaled, -square, -one), dim=1).mT @ torch.cat((scaled, one, square), dim=1)
    weights = weights.clamp_(max=0).exp_().mul_(matrix)
    sums = torch.cat((ab, one), dim=1) @ weights.mT  # not weights @ values.mT, which takes ten times as long
    return sums[:, :2] / sums[:, 2:]


def _factor(kin: Tensor) -> int:
    """How many places side by side are taken together."""
    return math.ceil(math.sqrt(kin.shape[2] * kin.shape[3] / _MOST_PLACES))
