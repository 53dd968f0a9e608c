"""What the net makes of a reference, joined with what else is known: the color of a thing, and the colors found.

What a thing's color would be without the reference breaks ties where matches are doubtful.

A hand that resembles the reference's hand somewhat and its blue coat somewhat may be skin or blue by its matches, and
skin by what it is. Both are distributions over classes of colors; their product (of experts; Hinton 2002) is skin. The
net alone does not take that into account: it learns to follow from pairs that are turned to any hue, where what a thing
is says nothing.

The net is also told of the mean color of all that resembles a thing, and keeps to it: trousers beside a carpet fade
into it, though the search for single pixels has found nothing but blue in them. So that search is a third expert.

Shapes: N batch, H, W picture size, K classes of `excolor.networks.color_classes`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.networks.color_classes import closeness

_SHARE = 0.6  # of the expectation where nothing speaks for a match
_LEAST = -8.0  # log probability, below which an expectation forbids nothing more
_FOUND_SHARE = 0.5  # of the colors that the search for pixels has found
_FOUND_DEVIATION = 10.0  # ab units: of the colors of a thing from that of a pixel of it that was found
_FOUND_WRONG = 0.05  # how likely any color is where the search is wrong, relative to the color found
_ROWS = 64  # of the colors found, in whole pairs, that are looked at together: there are many classes


def with_expectation(logits: Tensor, expected: Tensor, doubt: Tensor) -> Tensor:
    """Logits that follow a reference, and what is expected without it as far as there is doubt, (N, K, H/4, W/4).

    Args:
        logits: with the reference, (N, K, H/4, W/4).
        expected: those without it, of the same shape.
        doubt: how little speaks for the color of each pixel, (N, 1, H, W) in [0, 1].
    """
    share = _SHARE * F.interpolate(doubt, logits.shape[2:], mode="area")
    return logits.log_softmax(1) + share * expected.log_softmax(1).clamp(min=_LEAST)


def with_found(logits: Tensor, found_ab: Tensor, given: Tensor) -> Tensor:
    """Logits that are the higher, the closer a class is to the colors found, (N, K, H/4, W/4).

    Args:
        logits: of the classes, (N, K, H/4, W/4).
        found_ab: the colors found, (N, 2, H/2, W/2) in ab units.
        given: how far the color of each pixel is given by a person, and not to be found, (N, 1, H, W) in [0, 1].
    """
    rows = found_ab.split(_ROWS, dim=2)  # type: ignore[no-untyped-call]
    close = torch.cat([F.avg_pool2d(closeness(some, _FOUND_DEVIATION), 2) for some in rows], dim=2)
    share = _FOUND_SHARE * (1 - F.interpolate(given, logits.shape[2:], mode="area"))
    return logits + share * (close + _FOUND_WRONG).log()
