"""Targets and the references that they are given in training."""

from dataclasses import replace

import torch
from torch import Generator

from excolor.training.photo_store import Crops, PhotoStore
from excolor.training.recipes import References


def draw_pairs(
    photos: PhotoStore, count: int, size: int, references: References, generator: Generator
) -> tuple[Crops, Crops]:
    """Random square crops of `size` pixels of `count` targets, and of a reference for each."""
    index = photos.draw_pictures(count, generator)
    kind = torch.rand(index.shape, generator=generator, device=index.device)
    same, other_crop, halves, related = references.bounds()
    other = torch.where(kind < halves, index, photos.draw_related(index, generator))
    other = torch.where(kind < related, other, photos.draw_pictures(count, generator))
    target, reference = (photos.draw_crops(i, size, generator) for i in (index, other))
    left, right = photos.draw_halves(index, size, generator)
    reference = replace(target, mirrored=~target.mirrored).where(kind < same, reference)
    is_half = (kind >= other_crop) & (kind < halves)
    return left.where(is_half, target), right.where(is_half, reference)
