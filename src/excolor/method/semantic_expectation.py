"""What a thing's color would be without the reference breaks ties where matches are doubtful.

A hand that resembles the reference's hand somewhat and its blue coat somewhat may be skin or blue by its matches, and
skin by what it is. Both are distributions over classes of colors; their product (of experts; Hinton 2002) is skin. The
net alone does not take that into account: it learns to follow from pairs that are turned to any hue, where what a thing
is says nothing.

Shapes: N batch, H, W picture size, K classes of `excolor.networks.color_classes`.
"""

import torch.nn.functional as F
from torch import Tensor

_SHARE = 0.6  # of the expectation where nothing speaks for a match
_LEAST = -8.0  # log probability, below which an expectation forbids nothing more


def with_expectation(logits: Tensor, expected: Tensor, doubt: Tensor) -> Tensor:
    """Logits that follow a reference, and what is expected without it as far as there is doubt, (N, K, H/4, W/4).

    Args:
        logits: with the reference, (N, K, H/4, W/4).
        expected: those without it, of the same shape.
        doubt: how little speaks for the color of each pixel, (N, 1, H, W) in [0, 1].
    """
    share = _SHARE * F.interpolate(doubt, logits.shape[2:], mode="area")
    return logits.log_softmax(1) + share * expected.log_softmax(1).clamp(min=_LEAST)
