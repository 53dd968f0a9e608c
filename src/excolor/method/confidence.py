"""How far the colors that correspondence found are trusted: the confidence of a place, given the fit of the whole.

There are two sources of evidence, and one shape of the computation for both. Each place has evidence; a logistic curve
over its mean gives the fit, how well the reference suits the target as a whole; the confidence of a place is made of
its own evidence and of the fit. The constants were fitted to photographs, as noted beside each. Tensors are
(N, 1, h, w), or (N, 1, 1, 1) for the fit.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from excolor.networks.matcher import Judged
from excolor.networks.neighbors import Candidates


@dataclass(frozen=True)
class Confidence:
    """How far found colors are trusted, (N, 1, h, w) each.

    Attributes:
        of_place: in [0, 1], that a color is right.
        over_statistics: in [0, 1], how far to prefer it to the color that statistics give the place.
    """

    of_place: Tensor
    over_statistics: Tensor


@dataclass(frozen=True)
class FitCurve:
    """A logistic curve from the mean evidence of a picture to how well the reference fits as a whole, in [0, 1]."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, evidence: Tensor) -> Tensor:
        return torch.sigmoid(self.offset + self.slope * evidence.mean((1, 2, 3), keepdim=True))


# --- of features as they are: by how similar the candidates are, and how far they agree on a color ---

_SPREAD = 20.0  # ab units: candidates that differ by as much leave 1/e of the confidence
# Logistic regression of the share of a reference's colors that is best kept on the means of cosine and of
# spread / _SPREAD, over 1,200 pairs of training photographs (mirrored, halves, same source, unrelated)
_COSINE_WEIGHT, _SPREAD_WEIGHT = 28.47, -6.43
_FEATURE_FIT = FitCurve(offset=-21.24)
_LEAST_FIT = 0.35  # what a reference that does not fit leaves of the confidence: its colors are wanted all the same


def confidence_of_candidates(candidates: Candidates) -> Confidence:
    """Trust a place if its candidates resemble it closely and agree on the color.

    On photographs the agreement predicts the error far better than the cosine does. How far the reference as a whole is
    of use is shown by the means over the picture, better than by any place.
    """
    spread = candidates.spread / _SPREAD
    fit = _FEATURE_FIT(_COSINE_WEIGHT * candidates.cosine + _SPREAD_WEIGHT * spread)
    place = candidates.cosine.clamp(0, 1) * (-spread).exp()
    # In a reference that fits, a doubtful place is still more often right than the mere statistics of the whole
    return Confidence(place * (_LEAST_FIT + (1 - _LEAST_FIT) * fit), place + (1 - place) * fit)


# --- of a matcher: by the error that it predicts ---

_INVENTED = 15.0  # ab units: about how far invented colors are off, root mean square per place
# What a reference that does not fit as a whole, or does, adds to the logarithm of the odds of a place, and how quickly
# one becomes the other: what brought the trained colorizer closest to the truth on 240 pairs of training photographs
# (mirrored, halves, of the same source, unrelated)
_LEAST_ADDED, _MOST_ADDED = -0.7, 3.0
_MATCHER_FIT = FitCurve(slope=2.0)
_DOUBTFUL = 0.25  # exponent: statistics alone are seldom better than a doubtful place


def confidence_of_judged(judged: Judged) -> Confidence:
    """The share of the found colors in the best blend with invented ones (Wiener's filter).

    The error of invented colors is taken to be independent and of the usual size. The share grows with how well the
    reference fits as a whole.
    """
    evidence = 2 * math.log(_INVENTED) - judged.log_error  # logarithm of the odds
    fit = _MATCHER_FIT(evidence)
    place = torch.sigmoid(evidence + _LEAST_ADDED + (_MOST_ADDED - _LEAST_ADDED) * fit)
    return Confidence(place, place**_DOUBTFUL)
