"""One thing, one color: similar places of a picture are asked together where no match speaks for them.

A colorization net sees each place with its surroundings, and answers uncertain ones one by one: a wall is pink here and
yellow there. What a picture's places have in common is known from their descriptors, though. What is likely is
therefore averaged over the affinity of the places (a random walk of a few steps, as in spectral clustering), the more
the less a match of the place in a reference speaks for its color.

Distributions are averaged, not colors: the mean color of blue trousers and a red carpet would be purple, and of both
distributions either blue or red is likely.

Shapes: N batch, H, W picture size, h, w the grid of places, K classes of `excolor.networks.color_classes`.
"""

import math

import torch.nn.functional as F
from torch import Tensor

from excolor.method.semantic_affinity import CELL, AffinityForm, affinity, joined_rows

_STEPS = 2
_CLOSE = AffinityForm(temperature=0.03, reach=0.25, lightness=20.0)
_SURE = 0.2  # share of a place whose match speaks for its color: matches err, too
_LEAST = 1e-4  # probability
_MOST_PLACES = 2304  # beyond, neighboring places are taken together: affinities grow with the square of their number


def whole_affinity(kin: Tensor, lightness: Tensor) -> Tensor | None:
    """The affinity of places that `evened` uses, as one matrix (N, P, P), if it is small enough for it."""
    return joined_rows(affinity(kin, lightness, _CLOSE)) if _factor(kin) == 1 else None


def evened(logits: Tensor, kin: Tensor, lightness: Tensor, doubt: Tensor, alike: Tensor | None = None) -> Tensor:
    """Distributions that differ less between similar places.

    Args:
        logits: of the classes of colors, (N, K, 2h, 2w).
        kin: descriptors of the places, (N, C, h, w), unit length.
        lightness: L (N, 1, H, W).
        doubt: how little speaks for the color of each pixel, (N, 1, H, W) in [0, 1]. Where nothing
            does, it is averaged wholly, and by a fifth (`_SURE`) where a match is certain.
        alike: `whole_affinity` of `kin` and lightness, if it is known and not None.

    Returns:
        (N, K, 2h, 2w), whose sums over the classes are 1.
    """
    factor = _factor(kin)
    if factor > 1:
        kin = F.normalize(F.avg_pool2d(kin, factor, ceil_mode=True), dim=1)
        lightness = F.interpolate(lightness, [CELL * n for n in kin.shape[2:]], mode="area")
    matrix = joined_rows(affinity(kin, lightness, _CLOSE)) if alike is None else alike
    size = logits.shape[2:]
    own = F.adaptive_avg_pool2d(logits.softmax(1), (kin.shape[2], kin.shape[3]))
    spread = own.flatten(2)
    for _ in range(_STEPS):
        spread = spread @ matrix.mT
    gain = (spread.reshape(own.shape) + _LEAST).log() - (own + _LEAST).log()
    gain = F.interpolate(gain, size, mode="bilinear", align_corners=False)
    share = _SURE + (1 - _SURE) * F.interpolate(doubt, size, mode="area")
    return gain.mul_(share).add_(logits).softmax(1)


def _factor(kin: Tensor) -> int:
    """How many places side by side are taken together."""
    return math.ceil(math.sqrt(kin.shape[2] * kin.shape[3] / _MOST_PLACES))
