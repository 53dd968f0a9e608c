"""Soft nearest neighbors: what the places of a reference say about the color of each place of a target.

Both pictures are described on a grid of 1/8 of their size by descriptors of unit length. Each place of the target
takes the mean color of the places of the reference, weighted by a softmax over their cosine similarity. Which
descriptors these are, and how far the colors are trusted, is decided elsewhere (`networks.matcher`,
`method.correspondence`). Shapes: N batch, h, w grid, C channels of a descriptor, P places of the reference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

STRIDE = 8  # pixels: side of the square that one descriptor stands for

_FULLY_VISIBLE = 0.99  # of a square, if any square is that visible
_LEAST_SQUARE = 1e-6  # ab units squared
_CHUNK = 1 << 24  # similarities held at a time: 64 MiB in float32


@dataclass(frozen=True)
class Landmarks:
    """The places of a reference with a descriptor and a color each.

    Attributes:
        keys: descriptors (N, C, P) of unit length.
        ab: (N, 2, P) in [-128, 127].
    """

    keys: Tensor
    ab: Tensor


def landmarks(descriptors: Tensor, ab: Tensor) -> Landmarks:
    """Join the descriptors (N, C, h, w) of a reference with its colors, ab (N, 2, 8h, 8w), averaged onto the grid."""
    return Landmarks(descriptors.flatten(2), F.avg_pool2d(ab, STRIDE).flatten(2))


def join_landmarks(references: Sequence[Landmarks]) -> Landmarks:
    """The places of several references as those of one."""
    return Landmarks(torch.cat([r.keys for r in references], dim=2), torch.cat([r.ab for r in references], dim=2))


def visible_landmarks(reference: Landmarks, visible: Tensor) -> Landmarks:
    """Those of a single reference's landmarks that are as visible as any: `visible` is (1, 1, 8h, 8w) in [0, 1]."""
    share = F.avg_pool2d(visible, STRIDE).flatten()
    kept = share >= min(_FULLY_VISIBLE, share.max().item())
    return Landmarks(reference.keys[:, :, kept], reference.ab[:, :, kept])


@dataclass(frozen=True)
class Candidates:
    """The candidates of each place of a target, summed up: (N, ·, h, w).

    Attributes:
        ab: their mean color, 2 channels.
        spread: standard deviation of their colors from it, in ab units.
        cosine: their mean similarity to the place.
        best: the similarity of the most similar one.
    """

    ab: Tensor
    spread: Tensor
    cosine: Tensor
    best: Tensor


def gather(descriptors: Tensor, reference: Landmarks, temperature: Tensor | float) -> Candidates:
    """Weigh the places of a reference, of the same batch size or 1, for each place of the target (N, C, h, w).

    The weights are a softmax over cosine / temperature.
    """
    n, _, h, w = descriptors.shape
    ab = reference.ab.expand(n, -1, -1)
    values = torch.cat((ab, ab.square().sum(1, keepdim=True)), dim=1).mT  # (N, P, 3)
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
    return Candidates(mean_ab, spread, cosine, best)


def score(descriptors: Tensor, reference: Landmarks) -> Tensor:
    """How well a reference fits each target (N, C, h, w): the mean cosine of the best match of each place, (N,)."""
    best = torch.cat([similarity.amax(-1) for similarity in _similarities(descriptors, reference)], dim=1)
    return best.mean(1).clamp(0, 1)


def _similarities(descriptors: Tensor, reference: Landmarks) -> Iterator[Tensor]:
    """Cosines (N, rows, P) of the target's places and the reference's, some rows at a time."""
    n = len(descriptors)
    queries = descriptors.flatten(2).mT  # (N, places of the target, C)
    keys = reference.keys.expand(n, -1, -1)
    rows = max(1, _CHUNK // (n * keys.shape[-1]))
    for some in queries.split(rows, dim=1):  # type: ignore[no-untyped-call]
        yield some @ keys
