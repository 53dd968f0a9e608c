"""Hints of the semantic model: what correspondence and a person say about the colors, as the net is told.

What a person says is more than a color at a place: it is also a reference of the picture's own places, most of whose
colors are not known. So a hint serves similar places by the same correspondence that serves a reference.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.imaging.color import ab_from_network, ab_to_network
from excolor.method.semantic_affinity import CELL
from excolor.method.semantic_correspondence import Correspondences, Description, ReferenceColors
from excolor.networks.semantic_colorization import COSINE, MUTUALITY, SemanticHints

_SPREAD = 20.0  # ab units
_SCORE = 0.3  # the best possible score of the fine search


def semantic_hints(found: Correspondences, user: Tensor) -> SemanticHints:
    """Hints from what a reference says, and from a person.

    Args:
        found: of `excolor.method.semantic_correspondence.correspond`.
        user: (N, 3, H, W), ab in network scale, zero where nothing is given, and its mask in [0, 1].
    """
    fit = found.cosine.mean((2, 3), keepdim=True).expand_as(found.cosine)  # of the reference as a whole
    coarse = torch.cat(
        (
            ab_to_network(found.grouped_ab),
            found.grouped_cosine,
            (-found.spread / _SPREAD).exp(),
            found.mutuality,
            found.cosine,
            fit,
            torch.ones_like(fit),
        ),
        dim=1,
    )
    fine = torch.cat(
        (
            ab_to_network(found.fine_ab),
            found.fine_cosine,
            (found.fine_score / _SCORE).clamp(min=-2),
            torch.ones_like(found.fine_score),
        ),
        dim=1,
    )
    return SemanticHints(coarse, fine, user)


def things_as_pixels(found: Correspondences, share: Tensor | float) -> Correspondences:
    """The same, with `grouped_ab` mixed with the means of `fine_ab` over the places.

    The mean over all that resembles a thing is paler and more mixed than what its pixels have found.

    Args:
        found: of `excolor.method.semantic_correspondence.correspond`.
        share: of the colors that pixels have found, in [0, 1], one or (N, 1, 1, 1).
    """
    of_pixels = F.avg_pool2d(found.fine_ab, CELL // 2)
    return replace(found, grouped_ab=found.grouped_ab + share * (of_pixels - found.grouped_ab))


def hinted_places(target: Description, user: Tensor) -> ReferenceColors:
    """A picture's places as a reference for itself: those with a person's hints show, and all others are hidden.

    Only certain hints serve other places. Uncertain ones, such as colors moved from frame to frame, hold in place;
    here they would stand beside those of true references, and win by the likeness of each place to itself.

    Args:
        target: of the picture.
        user: (N, 3, H, W), as in `semantic_hints`. A picture without any hint hides all places.
    """
    certain = torch.cat((user[:, :2], (user[:, 2:] >= 1).to(user.dtype)), dim=1)
    coarse, coarse_mask = _pooled(certain, CELL)
    half, half_mask = _pooled(certain, 2)
    whole = coarse.repeat_interleave(CELL // 2, 2).repeat_interleave(CELL // 2, 3)
    half = torch.where(half_mask > 0, half, whole)  # the rest of a place that has a hint
    return ReferenceColors(target, ab_from_network(coarse), ab_from_network(half), coarse_mask <= 0)


def _pooled(user: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """Mean color of the hints in each square, (N, 2, H/factor, W/factor), and how far they cover it, (N, 1, ...)."""
    pooled = F.avg_pool2d(torch.cat((user[:, :2] * user[:, 2:], user[:, 2:]), dim=1), factor)
    return pooled[:, :2] / pooled[:, 2:].clamp(min=1e-6), pooled[:, 2:]


def certainty(hints: SemanticHints) -> Tensor:
    """How much the match of each place speaks for its color, (N, 1, H/8, W/8) in [0, 1]: alike, and mutual."""
    return hints.coarse[:, COSINE : COSINE + 1].clamp(0, 1) * hints.coarse[:, MUTUALITY : MUTUALITY + 1]


def uncertainty(hints: SemanticHints) -> Tensor:
    """How little speaks for the color of each pixel, (N, 1, H, W) in [0, 1]: neither a mutual match nor a person."""
    size = hints.user.shape[2:]
    matched = F.interpolate(certainty(hints), size, mode="bilinear", align_corners=False)
    return (1 - matched) * (1 - hints.user[:, 2:])


def with_reference(hints: SemanticHints, present: Tensor) -> SemanticHints:
    """The same hints where a picture has a reference, (N,) bool; elsewhere those of a person alone."""
    mask = present.view(-1, 1, 1, 1).to(hints.coarse.dtype)
    return SemanticHints(hints.coarse * mask, hints.fine * mask, hints.user)
