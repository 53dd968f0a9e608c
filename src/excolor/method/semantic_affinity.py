"""How alike the places of one picture are: what is near, equally light, and looks like the same thing.

Shapes: N batch, H, W picture size, h, w = H/8, W/8, P = h·w places.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.networks.products import rows_by_rows

CELL = 8
"""Pixels: side of a place."""

_AT_ONCE = 1 << 23  # entries of a matrix of places by places: 32 MiB in float32


@dataclass(frozen=True)
class AffinityForm:
    """What counts as alike. The values find the best colors in references.

    Attributes:
        temperature: of the cosine between two places.
        reach: of the longer side: how far a similar place may be.
        lightness: how much its L may differ.
    """

    temperature: float = 0.06
    reach: float = 0.35
    lightness: float = 24.0


def affinity(kin: Tensor, lightness: Tensor, form: AffinityForm = AffinityForm()) -> Iterator[Tensor]:
    """How alike the places of one picture are, near each other and of one lightness.

    `kin` are their descriptors (N, C, h, w) of unit length, `lightness` is L (N, 1, H, W). Yields some rows
    (N, rows, P) of the matrix at a time; each row sums to 1.
    """
    return (score.softmax(-1) for score in affinity_scores(kin, lightness, form))


def affinity_scores(kin: Tensor, lightness: Tensor, form: AffinityForm = AffinityForm()) -> Iterator[Tensor]:
    """What the rows of `affinity` are the softmax of; arguments and shapes as there."""
    n, _, h, w = kin.shape
    flat = kin.flatten(2).mT  # (N, P, C)
    tone = F.avg_pool2d(lightness, CELL).flatten(2) / form.lightness  # (N, 1, P)
    # Position and lightness as coordinates whose squared distance is what the affinity falls with
    reach = max(h, w) * form.reach
    rows = torch.arange(h, device=kin.device, dtype=tone.dtype).view(h, 1).expand(h, w).flatten() / reach
    columns = torch.arange(w, device=kin.device, dtype=tone.dtype).repeat(h) / reach
    where = torch.cat((torch.stack((rows, columns)).expand(n, -1, -1), tone), dim=1).mT  # (N, P, 3)
    where = where - where.mean(1, keepdim=True)
    # cosine / temperature - |a - b|² as one product: a softmax over b does not see the |a|² of 2ab - |a|² - |b|²
    square = where.square().sum(-1, keepdim=True)
    asked = torch.cat((flat / form.temperature, 2 * where, torch.full_like(square, -1)), dim=-1)
    known = torch.cat((flat, where, square), dim=-1)
    for some in some_rows(h * w, n * h * w):
        with torch.autocast(kin.device.type, enabled=False):  # distances are small differences of large squares
            score = rows_by_rows(asked[:, some], known)
        yield score


def some_rows(count: int, width: int) -> Iterator[slice]:
    """All of so many rows, as many at a time as keep a matrix of rows of that width small."""
    at_once = max(1, _AT_ONCE // width)
    return (slice(first, min(first + at_once, count)) for first in range(0, count, at_once))


def put_rows(whole: Tensor | None, some: slice, rows: Tensor, count: int) -> Tensor:
    """A matrix (N, count, Q) with some of its rows put in their place; None begins it.

    All rows at once are not copied. Unlike rows that are kept and joined in the end, it is never held twice.
    """
    if rows.shape[1] == count:
        return rows
    if whole is None:
        whole = rows.new_empty((len(rows), count, rows.shape[2]))
    whole[:, some] = rows
    return whole


def joined_rows(rows: Iterable[Tensor]) -> Tensor:
    """Rows (N, rows, ...) of several steps as those of one, not copied if there was one step."""
    parts = list(rows)
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
