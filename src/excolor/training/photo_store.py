"""Photographs for training, kept in memory, and random crops of them.

All photographs lie one after another in a single uint8 tensor on the training device; a batch of crops is one gather
from it, so that nothing is decoded, moved or looped over during training. `excolor.training.loading` fills the store.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

_OVERSAMPLING = 2  # points along each axis that are averaged for a pixel of a crop
_SAMPLES = 64  # pixels of each picture in the fingerprint


@dataclass(frozen=True)
class Crops:
    """Which part of which picture: tensors (B,) on the store's device.

    `top` and `left` are in pixels of the picture, `step` is pixels of the picture per pixel of the crop, and
    `mirrored` swaps left and right.
    """

    index: Tensor
    top: Tensor
    left: Tensor
    step: Tensor
    mirrored: Tensor

    def where(self, chosen: Tensor, other: "Crops") -> "Crops":
        """These crops where `chosen` (B,) is true, otherwise those of `other`."""
        own, others = vars(self), vars(other)
        return Crops(**{name: torch.where(chosen, own[name], others[name]) for name in own})


class PhotoStore:
    """Color photographs in one uint8 tensor, with the source that each came from."""

    def __init__(self, pictures: Sequence[np.ndarray], sources: Sequence[str], device: torch.device) -> None:
        """Keep `pictures`, (H, W, 3) uint8 each, on `device`; `sources` are names, equal for related pictures."""
        heights = torch.tensor([p.shape[0] for p in pictures])
        widths = torch.tensor([p.shape[1] for p in pictures])
        areas = heights * widths
        pixels = torch.empty((int(areas.sum()), 3), dtype=torch.uint8)
        offsets = areas.cumsum(0) - areas
        for offset, area, picture in zip(offsets.tolist(), areas.tolist(), pictures, strict=True):
            pixels[offset : offset + area] = torch.from_numpy(picture.reshape(-1, 3))
        self.pixels = pixels.to(device)
        self.offsets, self.heights, self.widths = (t.to(device) for t in (offsets, heights, widths))
        # Pictures are ordered by source, so that "another of the same source" is a number between two others
        names = np.asarray(sources)
        assert (names[:-1] <= names[1:]).all()
        _, first, inverse, count = np.unique(names, return_index=True, return_inverse=True, return_counts=True)
        self.source = torch.from_numpy(inverse).to(device)
        self.source_start = torch.from_numpy(first[inverse]).to(device)
        self.source_size = torch.from_numpy(count[inverse]).to(device)

    @property
    def sources(self) -> int:
        """How many sources there are."""
        return int(self.source[-1]) + 1

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def device(self) -> torch.device:
        """Where the pictures are and the crops will be."""
        return self.pixels.device

    def fingerprint(self) -> str:
        """Sha256 of all sizes and sources and some pixels of each picture; other photographs all but surely differ."""
        areas = self.heights * self.widths
        places = self.offsets[:, None] + areas[:, None] * torch.arange(_SAMPLES, device=self.device) // _SAMPLES
        digest = hashlib.sha256()
        for part in (self.heights, self.widths, self.source, self.pixels[places]):
            digest.update(part.cpu().numpy().tobytes())
        return digest.hexdigest()

    def draw_pictures(self, count: int, generator: Generator) -> Tensor:
        """Indices (count,) of random pictures."""
        return torch.randint(len(self), (count,), generator=generator, device=self.device)

    def draw_related(self, index: Tensor, generator: Generator) -> Tensor:
        """For each picture a random one of the same source, (B,)."""
        draw = torch.rand(index.shape, generator=generator, device=self.device)
        return self.source_start[index] + (draw * self.source_size[index]).long()

    def draw_crops(self, index: Tensor, size: int, generator: Generator, *, max_step: float = 1.5) -> Crops:
        """Random square crops of `size` pixels of the pictures `index` (B,).

        `step` is uniform from 1 (the picture's own resolution; less where the picture is smaller than the crop) to
        `max_step`, or to as much as the picture holds.
        """

        def uniform() -> Tensor:
            return torch.rand(index.shape, generator=generator, device=self.device)

        height, width = self.heights[index].float(), self.widths[index].float()
        largest = torch.minimum(height, width) / size
        low = largest.clamp(max=1.0)
        step = low + uniform() * (largest.clamp(max=max_step) - low).clamp(min=0)
        return Crops(
            index,
            top=uniform() * (height - step * size),
            left=uniform() * (width - step * size),
            step=step,
            mirrored=uniform() < 0.5,
        )

    def draw(self, count: int, size: int, generator: Generator) -> Tensor:
        """Random square crops of random pictures: sRGB (count, 3, size, size) in [0, 1], float32."""
        return self.cut(self.draw_crops(self.draw_pictures(count, generator), size, generator), size)

    def draw_halves(self, index: Tensor, size: int, generator: Generator) -> tuple[Crops, Crops]:
        """Random square crops of `size` pixels from the left and the right halves of the pictures, in random order.

        They are as large as the halves allow, so that their `step` is mostly below 1.
        """

        def uniform() -> Tensor:
            return torch.rand(index.shape, generator=generator, device=self.device)

        height, width = self.heights[index].float(), self.widths[index].float()
        step = torch.minimum(height, width / 2).floor() / size
        free = width / 2 - step * size
        is_right = (uniform() < 0.5).float()
        first, second = (
            Crops(index, uniform() * (height - step * size), half * width / 2 + uniform() * free, step, uniform() < 0.5)
            for half in (is_right, 1 - is_right)
        )
        return first, second

    def center_crops(self, index: Tensor, size: int) -> Crops:
        """The largest centered squares of the pictures `index` (B,), to be cut at `size` pixels."""
        height, width = self.heights[index].float(), self.widths[index].float()
        side = torch.minimum(height, width)
        return Crops(
            index, (height - side) / 2, (width - side) / 2, side / size, torch.zeros_like(index, dtype=torch.bool)
        )

    def cut(self, crops: Crops, size: int) -> Tensor:
        """The pixels of `crops`: sRGB (B, 3, size, size) in [0, 1], float32."""
        points = (torch.arange(size * _OVERSAMPLING, device=self.device) + 0.5) / _OVERSAMPLING
        rows = crops.top[:, None] + crops.step[:, None] * points
        columns = torch.where(crops.mirrored[:, None], size - points, points)
        columns = crops.left[:, None] + crops.step[:, None] * columns
        height, width = self.heights[crops.index, None], self.widths[crops.index, None]
        rows = rows.long().clamp(min=0).minimum(height - 1)
        columns = columns.long().clamp(min=0).minimum(width - 1)
        where = self.offsets[crops.index, None, None] + rows[:, :, None] * width[:, :, None] + columns[:, None, :]
        drawn = self.pixels[where].permute(0, 3, 1, 2).float()  # (B, 3, size*k, size*k)
        return torch.nn.functional.avg_pool2d(drawn, _OVERSAMPLING) / 255
