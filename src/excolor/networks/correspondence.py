"""Where in the reference a target position finds its like: soft nearest neighbors in encoder features.

Statistics (AdaIN, WCT) carry the reference's palette, not where it belongs. Beyond the paper, the same encoder gives
descriptors on a grid of 1/8 of the picture; each position of the target takes the mean color of the reference
positions that resemble it, and says how well they do. Both pictures are described by their luminance alone, so that
gray and color meet on equal terms. Descriptors are either the features as they are, as here, or learned from them
(`networks.matcher`). Shapes: N batch, h, w grid, P positions.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

CELL = 8  # pixels: side of what one descriptor stands for

_TEMPERATURE = 0.03  # of the softmax over cosine similarities; smaller is closer to the single nearest neighbor
_SPREAD = 20.0  # ab units: candidates that differ by so much leave 1/e of the confidence
# How well a reference fits as a whole: logistic regression of the share of its colors that is best kept on the means of
# cosine and of spread / _SPREAD, over 1,200 pairs of training photographs (mirrored, halves, same source, unrelated)
_FIT = (-21.24, 28.47, -6.43)
_LEAST_FIT = 0.35  # what a reference that does not fit leaves of the confidence: its colors are wanted all the same
_SHOWN = 0.99  # of a cell, if any cell shows so much
_LEAST_SQUARE = 1e-6  # ab units squared
_CHUNK = 1 << 24  # similarities held at a time: 64 MiB in float32


@dataclass(frozen=True)
class Landmarks:
    """A reference as positions with a descriptor and a color each: keys (N, C, P), unit length, and ab (N, 2, P)."""

    keys: Tensor
    ab: Tensor


def describe(features: dict[str, Tensor]) -> Tensor:
    """Descriptors (N, C, h, w) of unit length from relu3_1 and relu4_1 of an encoder, at 1/8 of the picture.

    Each level is centered on the picture's own mean, which takes away what all positions share, and has the same
    weight whatever its channels.
    """
    levels = (F.avg_pool2d(features["relu3_1"].float(), 2), features["relu4_1"].float())
    centered = (level - level.mean((2, 3), keepdim=True) for level in levels)
    joined = torch.cat([F.normalize(level, dim=1) for level in centered], dim=1)
    return joined / math.sqrt(len(levels))


def landmarks(descriptors: Tensor, ab: Tensor) -> Landmarks:
    """Join the descriptors (N, C, h, w) of a reference with its colors, ab (N, 2, 8h, 8w), averaged onto the grid."""
    return Landmarks(descriptors.flatten(2), F.avg_pool2d(ab, CELL).flatten(2))


def joined(references: Sequence[Landmarks]) -> Landmarks:
    """The positions of several references as those of one."""
    return Landmarks(torch.cat([r.keys for r in references], dim=2), torch.cat([r.ab for r in references], dim=2))


def shown(reference: Landmarks, visible: Tensor) -> Landmarks:
    """Those of a single reference's landmarks that show as much as any: `visible` is (1, 1, 8h, 8w) in [0, 1]."""
    share = F.avg_pool2d(visible, CELL).flatten()
    kept = share >= min(_SHOWN, share.max().item())
    return Landmarks(reference.keys[:, :, kept], reference.ab[:, :, kept])


@dataclass(frozen=True)
class Found:
    """What a reference says about a target.

    Attributes:
        ab: (N, 2, h, w), at each place the mean over what resembles it.
        confidence: (N, 1, h, w) in [0, 1], how far to trust it.
        share: (N, 1, h, w) in [0, 1], how far to prefer it to the color that statistics give the place.
    """

    ab: Tensor
    confidence: Tensor
    share: Tensor


def _similarities(descriptors: Tensor, reference: Landmarks) -> Iterator[Tensor]:
    """Cosines (N, rows, P of the reference) of the target's positions, some rows at a time."""
    n = len(descriptors)
    queries = descriptors.flatten(2).mT  # (N, P, C)
    keys = reference.keys.expand(n, -1, -1)
    rows = max(1, _CHUNK // (n * keys.shape[-1]))
    for some in queries.split(rows, dim=1):  # type: ignore[no-untyped-call]
        yield some @ keys


def score(descriptors: Tensor, reference: Landmarks) -> Tensor:
    """How well a reference fits each target (N, C, h, w): the mean cosine of the best match of each place, (N,)."""
    best = torch.cat([similarity.amax(-1) for similarity in _similarities(descriptors, reference)], dim=1)
    return best.mean(1).clamp(0, 1)


@dataclass(frozen=True)
class Gathered:
    """What the candidates of each place are like, (N, ·, h, w).

    Attributes:
        ab: their mean color, 2 channels.
        spread: deviation of their colors from it, in ab units.
        cosine: their mean likeness to the place.
        best: the likeness of the likest.
    """

    ab: Tensor
    spread: Tensor
    cosine: Tensor
    best: Tensor


def gather(descriptors: Tensor, reference: Landmarks, temperature: Tensor | float) -> Gathered:
    """Weigh the positions of a reference, of the same batch size or 1, for each place of the target (N, C, h, w).

    The weights are a softmax over cosine / temperature.
    """
    n, _, h, w = descriptors.shape
    ab = reference.ab.expand(n, -1, -1)
    values = torch.cat((ab, ab.square().sum(1, keepdim=True)), dim=1).mT  # (N, P of the reference, 3)
    found = []
    with torch.autocast(descriptors.device.type, enabled=False):  # the spread is a small difference of large squares
        for similarity in _similarities(descriptors, reference):
            weight = (similarity / temperature).softmax(-1)
            cosine = (weight * similarity).sum(-1, keepdim=True)
            best = similarity.amax(-1, keepdim=True)
            found.append(torch.cat((weight @ values, cosine, best), dim=-1))  # (N, rows, 5)
    grid = torch.cat(found, dim=1).mT.reshape(n, 5, h, w)
    mean_ab, square, cosine, best = grid.split((2, 1, 1, 1), dim=1)  # type: ignore[no-untyped-call]
    # Above zero by a hair, since the root has no slope there to learn by
    spread = (square - mean_ab.square().sum(1, keepdim=True)).clamp(min=_LEAST_SQUARE).sqrt()
    return Gathered(mean_ab, spread, cosine, best)


def find(descriptors: Tensor, reference: Landmarks) -> Found:
    """The colors that the reference, of the same batch size or 1, has for each position of the target (N, C, h, w).

    A place is trusted if its candidates resemble it closely (cosine) and agree on the color: on photographs the
    agreement predicts the error far better than the cosine does. How far the reference as a whole is of use is told by
    the means over the picture, better than by any place.
    """
    gathered = gather(descriptors, reference, _TEMPERATURE)
    spread = gathered.spread / _SPREAD
    constant, by_cosine, by_spread = _FIT
    evidence = by_cosine * gathered.cosine + by_spread * spread
    fit = torch.sigmoid(constant + evidence.mean((1, 2, 3), keepdim=True))
    local = gathered.cosine.clamp(0, 1) * (-spread).exp()
    # In a reference that fits, a doubtful place is still more often right than the mere statistics of the whole
    return Found(gathered.ab, local * (_LEAST_FIT + (1 - _LEAST_FIT) * fit), local + (1 - local) * fit)
