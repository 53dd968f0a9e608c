"""The loss of the semantic colorization net: right colors, decided ones, and edges where they are.

ab is in network scale throughout, (N, 2, H, W); weights are (N,) per picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.imaging.color import ab_from_network
from excolor.method.semantic_hints import certainty
from excolor.networks.color_classes import soft_classes
from excolor.networks.semantic_colorization import Colors, SemanticHints, Window

_EDGE = 0.1  # difference of ab, in network scale, that counts as a whole edge
_NEAR_EDGE = 9  # pixels: side of the window around an edge
_STRIDES = (1, 2, 4, 8)  # pixels between the places whose difference is compared
_SAME = 0.05  # difference of ab, in network scale, from which on two true colors are not the same at all


@dataclass(frozen=True)
class ColorLossWeights:
    """What the parts weigh.

    Attributes:
        following_delta: where Huber's loss turns from quadratic to linear, in network scale, where a reference is to be
            followed. The loss is divided by it.
        inventing_delta: the same elsewhere.
        edges: additional weight of the Huber loss within four pixels of strong edges of the true ab.
        gradient: of the absolute error of differences of ab between near pixels, which fog, stains and halos have.
        inventing_gradient: the same where no reference is to be followed.
        chroma: of the error of chroma alone.
        inventing_chroma: the same where no reference is to be followed.
        coarser: of the Huber loss of the result at 1/2.
        classes: of the cross entropy of the classes at 1/4.
        chroma_counts: chroma, in ab units, at which a place counts twice as much in that as a gray one.
        alike: of differences of ab, or of what is likely, between near pixels whose true ab is the same, where the true
            ab itself is not asked for.
        spare: of pictures that are asked for classes only, beside `classes`.
    """

    following_delta: float = 0.1
    inventing_delta: float = 0.3
    edges: float = 2.0
    gradient: float = 1.0
    inventing_gradient: float = 0.15
    chroma: float = 0.3
    inventing_chroma: float = 0.5
    coarser: float = 0.3
    classes: float = 0.1
    chroma_counts: float = 20.0
    alike: float = 1.0
    spare: float = 2.0


def color_loss(
    found: Colors, true: Tensor, follows: Tensor, weights: ColorLossWeights, window: Window | None = None
) -> Tensor:
    """The loss of each picture, (N,).

    Args:
        found: of the net.
        true: ab of the picture, at full size.
        follows: (N,) bool: whether a reference is to be followed.
        weights: of the parts.
        window: that the net was given.
    """
    bound = torch.where(follows, weights.following_delta, weights.inventing_delta).view(-1, 1, 1, 1)
    true = true if window is None else window.of(true, 4)
    near = near_edges(true)
    loss = (_huber(found.full - true, bound) * (1 + weights.edges * near)).mean((1, 2, 3))
    loss = loss + weights.coarser * _huber(found.half - F.avg_pool2d(true, 2), bound).mean((1, 2, 3))
    wrong = torch.zeros_like(loss)
    for difference in _differences(found.full - true):
        wrong = wrong + difference.abs().mean((1, 2, 3))
    chroma = (chroma_of(found.full) - chroma_of(true)).abs().mean((1, 2, 3))
    gradient = torch.where(follows, weights.gradient, weights.inventing_gradient)
    of_chroma = torch.where(follows, weights.chroma, weights.inventing_chroma)
    return loss + gradient * wrong / len(_STRIDES) + of_chroma * chroma


def class_loss(logits: Tensor, true: Tensor, weights: ColorLossWeights, trust: Tensor | None = None) -> Tensor:
    """The cross entropy of the classes of colors, (N,); places count the more, the more chroma they have.

    Args:
        logits: (N, K, h, w).
        true: ab, (N, 2, h, w).
        weights: of the parts.
        trust: how far each place counts, (N, 1, h, w); None is wholly.
    """
    ab = ab_from_network(true)
    counts = (weights.chroma_counts + chroma_of(ab)) / (2 * weights.chroma_counts)
    if trust is not None:
        counts = counts * trust
    entropy = -(soft_classes(ab) * logits.log_softmax(1)).sum(1, keepdim=True)
    return (counts * entropy).mean((1, 2, 3))


def reference_loss(
    found: Colors,
    logits: Tensor,
    true: Tensor,
    hints: SemanticHints,
    weights: ColorLossWeights,
    window: Window | None = None,
) -> Tensor:
    """The loss of pictures with a reference of another scene, (N,): its colors are wanted, and nobody knows the truth.

    What is found counts as far as matches are mutual and alike (as in He et al. 2018). From the truth comes only what
    is *one* thing: near pixels of the same true color are to have the same color, whichever it is, or there is a stain.

    Args:
        found: of the net.
        logits: of its classes, at 1/4 of the size.
        true: ab of the picture, at full size.
        hints: that the net was given.
        weights: of the parts.
        window: that the net was given.
    """
    fine, bound = hints.fine.float(), weights.following_delta
    trust = F.interpolate(certainty(hints).float(), fine.shape[2:], mode="bilinear", align_corners=False)
    wanted, full = fine[:, :2], true
    quarter = F.avg_pool2d(true, 4)
    of_classes = class_loss(logits, F.avg_pool2d(wanted, 2), weights, F.avg_pool2d(trust, 2))
    of_classes = of_classes + weights.alike * _unlike(logits.softmax(1), quarter)
    if window is not None:
        trust, wanted, full = window.of(trust, 2), window.of(wanted, 2), window.of(true, 4)
    loss = (_huber(F.avg_pool2d(found.full, 2) - wanted, bound) * trust).mean((1, 2, 3))
    return loss + weights.alike * _unlike(found.full, full) + weights.classes * of_classes


def _unlike(found: Tensor, true: Tensor) -> Tensor:
    """Mean difference of ab, or total variation of distributions, between pixels of the same true ab, (N,)."""
    wrong = torch.zeros(len(found), device=found.device)
    for difference, real in zip(_differences(found), _differences(true), strict=True):
        same = (1 - real.norm(dim=1, keepdim=True) / _SAME).clamp(min=0)
        half = difference.abs().sum(1, keepdim=True) / 2  # of two channels the mean
        wrong = wrong + (same * half).mean((1, 2, 3))
    return wrong / len(_STRIDES)


def _differences(ab: Tensor) -> Iterator[Tensor]:
    """Of pixels below and beside each other, for each of the strides."""
    for stride in _STRIDES:
        yield ab[:, :, stride:] - ab[:, :, :-stride]
        yield ab[..., stride:] - ab[..., :-stride]


def near_edges(true: Tensor) -> Tensor:
    """How near to a strong edge of ab each pixel is, (N, 1, H, W) in [0, 1]: 1 within four pixels of it."""
    padded = F.pad(true, (0, 1, 0, 1), mode="replicate")
    across = padded[:, :, :-1, 1:] - true
    down = padded[:, :, 1:, :-1] - true
    strength = ((across.square() + down.square()).sum(1, keepdim=True).sqrt() / _EDGE).clamp(max=1)
    rows = F.max_pool2d(strength, (1, _NEAR_EDGE), stride=1, padding=(0, _NEAR_EDGE // 2))
    return F.max_pool2d(rows, (_NEAR_EDGE, 1), stride=1, padding=(_NEAR_EDGE // 2, 0))


def chroma_of(ab: Tensor) -> Tensor:
    """Chroma (N, 1, H, W), with a slope at zero."""
    return (ab.square().sum(1, keepdim=True) + 1e-6).sqrt()


def _huber(error: Tensor, delta: Tensor | float) -> Tensor:
    """Huber's loss divided by delta."""
    size = error.abs()
    return torch.where(size < delta, size.square() / (2 * delta), size - delta / 2)
