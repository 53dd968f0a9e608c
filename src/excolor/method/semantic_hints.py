"""Hints of the semantic model: what correspondence and a person say about the colors, as the net is told."""

import torch
from torch import Tensor

from excolor.imaging.color import ab_to_network
from excolor.method.semantic_correspondence import Correspondences
from excolor.networks.semantic_colorization import SemanticHints

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


def with_reference(hints: SemanticHints, present: Tensor) -> SemanticHints:
    """The same hints where a picture has a reference, (N,) bool; elsewhere those of a person alone."""
    mask = present.view(-1, 1, 1, 1).to(hints.coarse.dtype)
    return SemanticHints(hints.coarse * mask, hints.fine * mask, hints.user)
