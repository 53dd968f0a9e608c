"""Pairs that teach to follow a reference: views of one picture, its halves, and pictures of similar things."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from excolor.imaging.color import rgb_to_lab
from excolor.networks.backbone import EfficientNetLite
from excolor.training.photo_store import Crops, PhotoStore

_POOLED_SIZE = 160  # pixels: side of the squares that similar pictures are found by
_BATCH = 64
_SIXTEENTH_WEIGHT = 0.4  # of that level's means, beside the deepest


@dataclass(frozen=True)
class Pairs:
    """Crops of targets and references."""

    target: Crops
    reference: Crops


def draw_view(photos: PhotoStore, index: Tensor, size: int, zoom: float, generator: Generator) -> Crops:
    """Random square crops of the pictures `index` (B,), as large as they hold or up to `zoom` times enlarged."""

    def uniform() -> Tensor:
        return torch.rand(index.shape, generator=generator, device=photos.device)

    height, width = photos.heights[index].float(), photos.widths[index].float()
    factor = 1 + uniform() * (zoom - 1)
    step = torch.minimum(height, width) / size / factor
    return Crops(
        index,
        top=uniform() * (height - step * size),
        left=uniform() * (width - step * size),
        step=step,
        mirrored=uniform() < 0.5,
    )


def draw_two_views(photos: PhotoStore, count: int, size: int, generator: Generator) -> Pairs:
    """Two views of each of `count` random pictures: overlapping crops (two thirds), or one of each half."""
    index = photos.draw_pictures(count, generator)
    is_halves = torch.rand(index.shape, generator=generator, device=photos.device) < 1 / 3
    one = draw_view(photos, index, size, 1.3, generator)
    other = draw_view(photos, index, size, 1.7, generator)
    left, right = photos.draw_halves(index, size, generator)
    return Pairs(left.where(is_halves, one), right.where(is_halves, other))


def draw_similar(photos: PhotoStore, similar: Tensor, count: int, size: int, generator: Generator) -> Pairs:
    """Views of `count` random pictures, and of one of the pictures (M, K) that are similar to each."""
    index = photos.draw_pictures(count, generator)
    rank = torch.randint(similar.shape[1], index.shape, generator=generator, device=photos.device)
    other = similar[index, rank].long()
    return Pairs(draw_view(photos, index, size, 1.3, generator), draw_view(photos, other, size, 1.3, generator))


@torch.no_grad()
def similar_pictures(photos: PhotoStore, backbone: EfficientNetLite, count: int = 24) -> Tensor:
    """For each picture the `count` others that show the most similar things, (M, count) int32 on the store's device.

    They are the nearest by the means of the backbone's two deepest levels over the picture, centered and scaled over
    all pictures, as cosine.
    """
    means = []
    for index in torch.arange(len(photos), device=photos.device).split(_BATCH):  # type: ignore[no-untyped-call]
        rgb = photos.cut(photos.center_crops(index, _POOLED_SIZE), _POOLED_SIZE)
        levels = backbone(rgb_to_lab(rgb)[:, :1])
        parts = (levels.thirty_second, levels.sixteenth * _SIXTEENTH_WEIGHT)
        means.append(torch.cat([part.float().mean((2, 3)) for part in parts], dim=1))
    described = torch.cat(means)
    described = F.normalize((described - described.mean(0)) / (described.std(0) + 1e-6), dim=1)
    found = []
    count = min(count, len(photos) - 1)
    for start, rows in enumerate(described.split(1024)):  # type: ignore[no-untyped-call]
        likeness = rows @ described.T
        own = torch.arange(len(rows), device=rows.device)
        likeness[own, start * 1024 + own] = -2  # not itself
        found.append(likeness.topk(count, dim=1).indices.int())
    return torch.cat(found)
