"""Colors that a reference has for a target, found by what things are: grouped places first, then finer and finer.

Every place of a grid of 1/8 is described by the backbone's three deepest levels and by what a small net has learned to
see in them (`excolor.networks.semantic_places`). Two questions are asked of the descriptors:

- *Which thing is it?* The descriptors are averaged over similar places of their own picture before they are compared,
  so that one thing finds one color. (The likeness s of all pairs, aggregated over similar places of target and
  reference, is A·s·Bᵀ with the affinities A and B; since s is a product of descriptors, it is that of the averaged
  ones.)
- *Which pixel is it?* The best match of a place is a start for a search at 1/4 and then at 1/2 of the size: each place
  looks at the matches of its own and the neighboring coarser places, as PatchMatch propagates (Barnes et al. 2009), and
  compares shallow features and luminance, as deep image analogy refines its matches (Liao et al. 2017). Where an edge
  runs through a coarse place, the two sides so choose between the matches of the two things.

Shapes: N batch, H, W picture size (multiples of 32), h, w = H/8, W/8, P = h·w places of the target, Q of the
reference. ab is in [-128, 127].
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.method import semantic_affinity
from excolor.method.semantic_affinity import affinity, joined_rows, put_rows, some_rows
from excolor.networks.backbone import Levels
from excolor.networks.products import rows_by_rows
from excolor.networks.semantic_colorization import SemanticColorizationNet
from excolor.networks.semantic_places import PlaceDescriptors
from excolor.runtime.devices import REMEDY, check_memory

CELL = semantic_affinity.CELL
"""Pixels: side of a place of the coarsest grid."""

_GROUPED_TEMPERATURE = 0.015  # of the cosine of averaged descriptors
_GROUPED_SHARE = 2.0  # weight of that cosine beside the one of single places, where a match is chosen
_LEAST_DEVIATION = 0.1  # of a channel, relative to the deviation of all
_FINE_TEMPERATURE = 0.06  # of the score of fine candidates
_FINE_WEIGHT = (0.5, 0.3)  # of the cosine of shallow features, at 1/4 and at 1/2
_FINE_LIGHTNESS = (0.1, 0.15)  # of the squared difference of L in units of its deviation
_MUTUALITY = 0.05  # cosine
_LEAST_SQUARE = 1e-6  # ab units squared
_SHOWN = 0.99  # of a place, if any place shows so much
_NEVER = -1e3  # cosine of what is hidden
_PAIR_BYTES = 8  # of the score and the cosine of a place of the target and one of the reference


class Description(NamedTuple):
    """What a picture's places are compared by.

    Attributes:
        places: (N, C, h, w), unit length.
        grouped: likewise, averaged over places that go together (not of unit length).
        quarter: (N, c+1, 2h, 2w), shallow features of unit length and L in units of its deviation.
        half: (N, c+1, 4h, 4w), likewise.
    """

    places: Tensor
    grouped: Tensor
    quarter: Tensor
    half: Tensor


class ReferenceColors(NamedTuple):
    """A described reference with its colors; several references are one beside the other.

    Attributes:
        description: of the reference.
        coarse_ab: (N, 2, h, w), averaged over places.
        half_ab: (N, 2, 4h, 4w).
        hidden: (N, 1, h, w) bool: places that do not count; None if all do.
    """

    description: Description
    coarse_ab: Tensor
    half_ab: Tensor
    hidden: Tensor | None = None


@dataclass(frozen=True)
class Correspondences:
    """What a reference says about a target, on two grids.

    Attributes:
        grouped_ab: (N, 2, h, w): the color of the things that the place's thing resembles.
        grouped_cosine: (N, 1, h, w): how well the best of them does.
        spread: (N, 1, h, w): deviation of their colors in ab units.
        mutuality: (N, 1, h, w) in [0, 1]: 1 where the place is also the best one for what it found.
        cosine: (N, 1, h, w): of the place itself and its best match.
        fine_ab: (N, 2, 4h, 4w): the color found by the search at 1/2 of the size.
        fine_cosine: (N, 1, 4h, 4w): of the places of 1/8 that it joins.
        fine_score: (N, 1, 4h, 4w): how well shallow features and luminance agree, at most `_FINE_WEIGHT[1]`.
    """

    grouped_ab: Tensor
    grouped_cosine: Tensor
    spread: Tensor
    mutuality: Tensor
    cosine: Tensor
    fine_ab: Tensor
    fine_cosine: Tensor
    fine_score: Tensor


def describe(net: SemanticColorizationNet, levels: Levels, lightness: Tensor) -> Description:
    """Describe a picture by the backbone's levels and its L (N, 1, H, W) in [0, 100]."""
    return describe_by(net.places(deep_levels(levels)), levels, lightness)


def deep_levels(levels: Levels) -> Tensor:
    """What `SemanticPlacesNet` describes, (N, C, h, w) of unit length: the three deepest levels, on the grid of 1/8.

    Each channel is centered and scaled over the picture. A place's channels lie side by side in memory.
    """
    size = levels.eighth.shape[2:]
    deep = [
        F.normalize(_standardized(F.interpolate(level.float(), size, mode="bilinear", align_corners=False)), dim=1)
        for level in (levels.eighth, levels.sixteenth, levels.thirty_second)
    ]
    return torch.cat(deep, dim=1).div_(len(deep) ** 0.5).contiguous(memory_format=torch.channels_last)


def describe_by(
    places: PlaceDescriptors, levels: Levels, lightness: Tensor, alike: Iterable[Tensor] | None = None
) -> Description:
    """`describe`, where the descriptors of places are known already, and perhaps also their `affinity`."""
    flat = places.kind.flatten(2)
    grouped = joined_rows(rows_by_rows(rows, flat) for rows in alike or affinity(places.kin, lightness))
    grouped = grouped.mT.reshape(places.kind.shape)  # of (N, P, C)
    standard = (lightness - lightness.mean((2, 3), keepdim=True)) / (lightness.std((2, 3), keepdim=True) + 1)
    shallow = [
        torch.cat((F.normalize(_standardized(level.float()), dim=1), F.avg_pool2d(standard, stride)), dim=1)
        for level, stride in ((levels.quarter, 4), (levels.half, 2))
    ]
    return Description(places.kind, grouped, *shallow)


def reference_colors(description: Description, ab: Tensor, visible: Tensor | None = None) -> ReferenceColors:
    """Join a described reference with its ab (N, 2, H, W).

    Of a single reference `visible` (1, 1, H, W) in [0, 1] says how far each pixel shows: places that show less than the
    others are hidden.
    """
    hidden = None
    if visible is not None:
        share = F.avg_pool2d(visible, CELL)
        hidden = share < min(_SHOWN, share.max().item())
    return ReferenceColors(description, F.avg_pool2d(ab, CELL), F.avg_pool2d(ab, 2), hidden)


def side_by_side(references: Sequence[ReferenceColors]) -> ReferenceColors:
    """Several references of one batch size as one: each place of a target looks for similar ones in all of them."""
    height = max(reference.coarse_ab.shape[2] for reference in references)

    def joined(parts: Sequence[Tensor], fill: float = 0.0) -> Tensor:
        rows = height * parts[0].shape[2] // references[0].coarse_ab.shape[2]
        return torch.cat([F.pad(part, (0, 0, 0, rows - part.shape[2]), value=fill) for part in parts], dim=3)

    descriptions = [reference.description for reference in references]
    hidden = [
        torch.zeros_like(reference.coarse_ab[:, :1]) if reference.hidden is None else reference.hidden.float()
        for reference in references
    ]
    return ReferenceColors(
        Description(*(joined(parts) for parts in zip(*descriptions, strict=True))),
        joined([reference.coarse_ab for reference in references]),
        joined([reference.half_ab for reference in references]),
        joined(hidden, fill=1.0) > 0,
    )


def correspond(target: Description, reference: ReferenceColors) -> Correspondences:
    """Find colors for a target in a reference of the same batch size.

    Raises DeviceError if there is too little memory for all pairs of their places.
    """
    n, _, h, w = target.places.shape
    things, places = target.grouped.flatten(2).mT / _GROUPED_TEMPERATURE, target.places.flatten(2).mT  # (N, P, C)
    other_things, other_places = (
        of.flatten(2).mT for of in (reference.description.grouped, reference.description.places)
    )
    values = reference.coarse_ab.flatten(2)
    values = torch.cat((values, values.square().sum(1, keepdim=True)), dim=1)  # (N, 3, Q)
    mean, likeness = [], []
    score: Tensor | None = None
    single: Tensor | None = None
    steps = list(some_rows(h * w, n * values.shape[2]))
    if len(steps) > 1:  # the number of pairs grows with the fourth power of the working size
        check_memory(_PAIR_BYTES * n * h * w * values.shape[2], values.device, REMEDY)
    for some in steps:
        of_things = rows_by_rows(things[:, some], other_things)  # (N, rows, Q), cosine / temperature
        of_places = rows_by_rows(places[:, some], other_places)
        if reference.hidden is not None:
            hidden = reference.hidden.flatten(2)
            of_things = of_things.masked_fill(hidden, _NEVER / _GROUPED_TEMPERATURE)
            of_places = of_places.masked_fill(hidden, _NEVER)
        mean.append(values @ of_things.softmax(-1).mT)
        likeness.append(of_things.amax(-1) * _GROUPED_TEMPERATURE)
        single = put_rows(single, some, of_places, h * w)
        scored = torch.add(of_places, of_things, alpha=_GROUPED_SHARE * _GROUPED_TEMPERATURE)
        score = put_rows(score, some, scored, h * w)
    assert score is not None and single is not None
    return _judged(target, reference, torch.cat(mean, dim=2).mT, joined_rows(likeness), score, single)


def fit(target: Description, reference: ReferenceColors) -> Tensor:
    """How well a reference fits each target as a whole, (N,): the mean cosine of the best match of each place."""
    return best_cosine(target, reference).mean((1, 2, 3)).clamp(0, 1)


def best_cosine(target: Description, reference: ReferenceColors) -> Tensor:
    """Cosine of each place and its best match among those that show, (N, 1, h, w); far below -1 if none does."""
    keys, places = (of.places.flatten(2).mT for of in (reference.description, target))
    best = []
    for some in some_rows(places.shape[1], len(keys) * keys.shape[1]):
        cosine = rows_by_rows(places[:, some], keys)
        if reference.hidden is not None:
            cosine = cosine.masked_fill(reference.hidden.flatten(2), _NEVER)
        best.append(cosine.amax(-1))
    return torch.cat(best, dim=1).view(len(target.places), 1, *target.places.shape[2:])


def _judged(
    target: Description, reference: ReferenceColors, mean: Tensor, likeness: Tensor, score: Tensor, single: Tensor
) -> Correspondences:
    """What is found and what speaks for it.

    Args:
        target: the target.
        reference: the reference.
        mean: (N, P, 3), mean ab of what resembles the place's thing, and mean of its square.
        likeness: (N, P), cosine of the best of it.
        score: (N, P, Q), by which the best match is chosen.
        single: (N, P, Q), cosine of single places.
    """
    n, _, h, w = target.places.shape

    def grid(values: Tensor) -> Tensor:
        return values.reshape(n, h, w, -1).permute(0, 3, 1, 2)

    spread = (mean[..., 2:] - mean[..., :2].square().sum(-1, keepdim=True)).clamp(min=_LEAST_SQUARE).sqrt()
    best, match = score.max(-1)  # (N, P)
    back = score.amax(1).gather(1, match)
    fine_ab, fine_cosine, fine_score = _refine(target, reference, score, single, match)
    return Correspondences(
        grouped_ab=grid(mean[..., :2]),
        grouped_cosine=grid(likeness),
        spread=grid(spread),
        mutuality=grid(((best - back) / _MUTUALITY).exp()),
        cosine=grid(single.gather(2, match[..., None])),
        fine_ab=fine_ab,
        fine_cosine=fine_cosine,
        fine_score=fine_score,
    )


def _refine(
    target: Description, reference: ReferenceColors, score: Tensor, single: Tensor, match: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Search from coarse matches (N, P) of places to ab, cosine and score at 1/2 of the size."""
    n, _, h, w = target.places.shape
    keys = reference.description
    width = keys.places.shape[3]
    # At 1/4: the quarters of what the nine places around have found
    candidates = _around(match.view(n, h, w), diagonal=True)  # (N, P, 9)
    rated = _rate(target.quarter, keys.quarter, candidates, _FINE_WEIGHT[0], _FINE_LIGHTNESS[0])  # (N, P, 4, 36)
    best = (rated + _of_quarters(score.gather(2, candidates))).argmax(-1)  # (N, P, 4)
    coarse, quarter = candidates.gather(2, best // 4), best % 4
    row, column = 2 * (coarse // width) + quarter // 2, 2 * (coarse % width) + quarter % 2
    matched = _assembled((row * 2 * width + column)[..., None], h, w)[:, 0]  # (N, 2h, 2w)

    # At 1/2: the quarters of what the place and its four neighbors have found
    candidates = _around(matched, diagonal=False)  # (N, 4P, 5)
    coarse = candidates // (2 * width) // 2 * width + candidates % (2 * width) // 2
    place = torch.arange(h * w, device=match.device).view(h, w).repeat_interleave(2, 0).repeat_interleave(2, 1)
    index = (place.view(1, -1, 1) * score.shape[2] + coarse).flatten(1)  # into (P, Q)
    prior, likeness = (of.flatten(1).gather(1, index).view(candidates.shape) for of in (score, single))
    rated = _rate(target.half, keys.half, candidates, _FINE_WEIGHT[1], _FINE_LIGHTNESS[1])  # (N, 4P, 4, 20)
    weight = ((rated + _of_quarters(prior)) / _FINE_TEMPERATURE).softmax(-1)
    colors = _quarters_at(reference.half_ab, candidates)  # (N, 4P, 20, 2)
    values = torch.cat((colors, likeness.repeat_interleave(4, dim=-1)[..., None]), dim=-1)
    found = torch.cat((weight @ values, (weight * rated).sum(-1, keepdim=True)), dim=-1)  # (N, 4P, 4, 4)
    found = _assembled(found, 2 * h, 2 * w)
    return found[:, :2], found[:, 2:3], found[:, 3:]


def _standardized(level: Tensor) -> Tensor:
    """Center and scale each channel (N, C, *, *) over the picture; what hardly varies is not blown up."""
    level = level - level.mean((2, 3), keepdim=True)
    variance = level.square().mean((2, 3), keepdim=True)
    least = _LEAST_DEVIATION * variance.mean(1, keepdim=True).sqrt() + 1e-6  # a picture may be of one gray
    return level / (variance.sqrt() + least)


def _around(grid: Tensor, *, diagonal: bool) -> Tensor:
    """The values (N, h, w) of each place and its 8 or 4 neighbors, borders repeated: (N, h·w, 9 or 5)."""
    h, w = grid.shape[1:]
    padded = F.pad(grid[:, None].float(), (1, 1, 1, 1), mode="replicate")[:, 0].long()  # exact below 2^24
    offsets = [(y, x) for y in range(3) for x in range(3) if diagonal or 1 in (y, x)]
    return torch.stack([padded[:, y : y + h, x : x + w] for y, x in offsets], dim=-1).flatten(1, 2)


def _of_quarters(values: Tensor) -> Tensor:
    """Values of places and their candidates (N, p, K), for the quarters of both: (N, p, 1, 4K)."""
    return values.repeat_interleave(4, dim=-1)[:, :, None]


def _quartered(features: Tensor) -> Tensor:
    """Features (N, C, 2h, 2w) of the four quarters of each place: (N, h·w, 4, C)."""
    n, channels, height, width = features.shape
    parts = features.view(n, channels, height // 2, 2, width // 2, 2)
    return parts.permute(0, 2, 4, 3, 5, 1).reshape(n, height * width // 4, 4, channels)


def _assembled(values: Tensor, h: int, w: int) -> Tensor:
    """The inverse of `_quartered`: values (N, h·w, 4, C) as maps (N, C, 2h, 2w)."""
    n, _, _, channels = values.shape
    parts = values.view(n, h, w, 2, 2, channels).permute(0, 5, 1, 3, 2, 4)
    return parts.reshape(n, channels, 2 * h, 2 * w)


def _quarters_at(features: Tensor, index: Tensor) -> Tensor:
    """Features (N, C, 2h, 2w) of the quarters of places, flat indices (N, p, K) into (h, w): (N, p, 4K, C)."""
    n, channels = features.shape[:2]
    parts = _quartered(features).flatten(2)  # (N, h·w, 4C)
    start = torch.arange(n, device=index.device).view(-1, 1, 1) * parts.shape[1]
    return parts.flatten(0, 1).index_select(0, (index + start).flatten()).view(n, index.shape[1], -1, channels)


def _rate(target: Tensor, reference: Tensor, index: Tensor, weight: float, by_lightness: float) -> Tensor:
    """How well shallow features and L of the quarters of places fit those of the target's places.

    Args:
        target: (N, c+1, 2h, 2w), features and L as in `Description`.
        reference: likewise, of any size.
        index: (N, h·w, K), places of the reference.
        weight: of the cosine.
        by_lightness: how far the squared difference of L counts against it.

    Returns:
        (N, h·w, 4, 4K).
    """
    own, candidates = _quartered(target), _quarters_at(reference, index)
    cosine = own[..., :-1] @ candidates[..., :-1].mT
    difference = own[..., -1:] - candidates[..., None, :, -1]
    return weight * cosine - by_lightness * difference.square()
