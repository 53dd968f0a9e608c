"""Where in the reference a target position finds its like: soft nearest neighbors in encoder features.

Statistics (AdaIN, WCT) carry the reference's palette, not where it belongs. Beyond the paper, the same encoder gives
descriptors on a grid of 1/8 of the picture; each position of the target takes the mean color of the reference
positions that resemble it, and says how well they do. Both pictures are described by their luminance alone, so that
gray and color meet on equal terms. Shapes: N batch, h, w grid, P positions.
"""

import math
from collections.abc import Iterator
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
_SHOWN = 0.99  # of a cell, if any cell shows so much
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
        confidence: (N, 1, h, w) in [0, 1], high where the candidates resemble the place closely (cosine) and agree on
            the color. On photographs the agreement predicts the error of a place far better than the cosine does.
        fit: (N, 1, 1, 1) in [0, 1], how far the reference as a whole is of use; the means over the picture tell
            references that fit from others better than any place does.
    """

    ab: Tensor
    confidence: Tensor
    fit: Tensor


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


def find(descriptors: Tensor, reference: Landmarks) -> Found:
    """The colors that the reference, of the same batch size or 1, has for each position of the target (N, C, h, w)."""
    n, _, h, w = descriptors.shape
    ab = reference.ab.expand(n, -1, -1)
    values = torch.cat((ab, ab.square().sum(1, keepdim=True)), dim=1).mT  # (N, P of the reference, 3)
    found = []
    with torch.autocast(descriptors.device.type, enabled=False):  # the spread is a small difference of large squares
        for similarity in _similarities(descriptors, reference):
            weight = (similarity / _TEMPERATURE).softmax(-1)
            cosine = (weight * similarity).sum(-1, keepdim=True)
            found.append(torch.cat((weight @ values, cosine), dim=-1))  # (N, rows, 4)
    grid = torch.cat(found, dim=1).mT.reshape(n, 4, h, w)
    mean_ab, square, cosine = grid[:, :2], grid[:, 2:3], grid[:, 3:]
    spread = (square - mean_ab.square().sum(1, keepdim=True)).clamp(min=0).sqrt() / _SPREAD
    constant, by_cosine, by_spread = _FIT
    evidence = by_cosine * cosine + by_spread * spread
    fit = torch.sigmoid(constant + evidence.mean((1, 2, 3), keepdim=True))
    return Found(mean_ab, cosine.clamp(0, 1) * (-spread).exp(), fit)
