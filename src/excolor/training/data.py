"""Photographs for training, decoded once and kept in memory, and random crops of them.

All pictures lie one after another in a single uint8 tensor on the training device; a batch of crops is one gather
from it, so that nothing is decoded, moved or looped over during training. Pictures come from folders and tar files.
"""

import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from os import cpu_count
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor

from excolor.errors import PhotoError, TrainingError
from excolor.photo import MAX_PIXELS
from excolor.photo.guard import guarded

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
_READ_AHEAD = 512  # files in memory, not yet decoded
_OVERSAMPLING = 2  # points along each axis that are averaged for a pixel of a crop
_GRAY_SPREAD = 8.0  # mean of max(R, G, B) - min(R, G, B) in 8-bit steps, below which a picture teaches no color


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


def load_photos(
    paths: Sequence[Path], device: torch.device, *, shorter_side: int, limit: int | None = None
) -> PhotoStore:
    """Decode all photographs in folders (searched recursively) and tar files; the folder of each is its source.

    Larger pictures are shrunk to `shorter_side` pixels; near-gray ones are left out, as in the paper, and so is what
    cannot be decoded. `limit` stops after that many files, for a quick look.

    Raises:
        TrainingError: a path does not exist, or nothing usable was found.
    """

    def read(item: tuple[Path, bytes]) -> list[tuple[str, np.ndarray]]:
        file, content = item
        rgb = _decode(content, enough=shorter_side)
        if rgb is None:
            return []
        scale = shorter_side / min(rgb.size)
        if scale < 1:
            rgb = rgb.resize((round(rgb.width * scale), round(rgb.height * scale)), Image.Resampling.BOX)
        return [(file.parent.name, np.array(rgb))]  # a copy that torch may write to

    return _load(paths, device, read, limit)


def load_tiles(paths: Sequence[Path], device: torch.device, *, side: int, shorter_side: int) -> PhotoStore:
    """Decode all sheets in folders and tar files, and cut them into tiles; the name of a sheet is their source.

    A sheet is a picture made of squares with sides of `side` pixels. They are shrunk to `shorter_side` if they are
    larger, and near-gray ones are left out. This is how many thousand small pictures are kept in some hundred files.

    Raises:
        TrainingError: a path does not exist, a sheet cannot be decoded or is not made of such squares, or nothing
            usable was found.
    """

    def read(item: tuple[Path, bytes]) -> list[tuple[str, np.ndarray]]:
        file, content = item
        rgb = _decode(content)
        if rgb is None:  # a photograph more or less is nothing, but this may be a whole class
            raise TrainingError(f"{file}: the sheet cannot be decoded, or is too large; make it again")
        columns, rows = rgb.width // side, rgb.height // side
        if (columns * side, rows * side) != rgb.size:
            raise TrainingError(
                f"{file}: {rgb.width}x{rgb.height} pixels are no whole number of tiles of {side}x{side}; "
                "tell the side that its tiles have"
            )
        kept = min(side, shorter_side)
        pixels = np.array(rgb.resize((columns * kept, rows * kept), Image.Resampling.BOX))
        tiles = pixels.reshape(rows, kept, columns, kept, 3).swapaxes(1, 2).reshape(-1, kept, kept, 3)
        return [(file.stem, tile) for tile in tiles]

    return _load(paths, device, read)


def _decode(content: bytes, enough: int | None = None) -> Image.Image | None:
    """The picture in RGB; None if it cannot be decoded or is too large.

    A JPEG may come smaller, which is quicker, but with a shorter side of no less than `enough` pixels.
    """
    try:
        with guarded("the picture"), Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            if enough is not None:
                image.draft("RGB", (enough, enough))
            return image.convert("RGB")
    except PhotoError:
        return None


def _load(
    paths: Sequence[Path],
    device: torch.device,
    read: Callable[[tuple[Path, bytes]], list[tuple[str, np.ndarray]]],
    limit: int | None = None,
) -> PhotoStore:
    """All pictures that are colorful enough, of those that `read` makes of a file's path and content, with sources."""
    files: Iterator[tuple[Path, bytes]] = chain.from_iterable(map(photo_files, paths))
    if limit is not None:
        files = islice(files, limit)

    def colorful(item: tuple[Path, bytes]) -> list[tuple[str, np.ndarray]]:
        return [(source, pixels) for source, pixels in read(item) if _spread(pixels) >= _GRAY_SPREAD]

    pictures: list[tuple[str, np.ndarray]] = []
    with ThreadPoolExecutor(cpu_count()) as pool:
        # Some at a time: the pool reads all that it is given before it hands anything back
        while batch := list(islice(files, _READ_AHEAD)):
            pictures += chain.from_iterable(pool.map(colorful, batch))
    if not pictures:
        raise TrainingError(f"no color photographs in {', '.join(map(str, paths))}; give folders or tar files of them")
    pictures.sort(key=lambda item: item[0])  # stable: within a source the order of the files stays
    return PhotoStore([pixels for _, pixels in pictures], [source for source, _ in pictures], device)


def _spread(pixels: np.ndarray) -> float:
    """How colorful a picture (H, W, 3) is: mean of max(R, G, B) - min(R, G, B)."""
    red, green, blue = (pixels[..., channel] for channel in range(3))  # far quicker than over an axis of three
    return float((np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)).mean())


def photo_files(path: Path) -> Iterator[tuple[Path, bytes]]:
    """(path, content) of each picture file in a folder or tar file, which stands in the path as a folder would.

    Raises:
        TrainingError: `path` is neither, or the tar file is damaged.
    """
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in _SUFFIXES and file.is_file():
                yield file, file.read_bytes()
    elif path.is_file() and tarfile.is_tarfile(path):
        try:
            with tarfile.open(path) as tar:
                for member in tar:
                    name = Path(member.name)
                    content = tar.extractfile(member) if name.suffix.lower() in _SUFFIXES else None
                    if content is not None:
                        yield path / name, content.read()
        except (tarfile.TarError, OSError, EOFError) as error:
            raise TrainingError(f"{path}: the tar file is damaged or cut short ({error}); make it again") from error
    else:
        raise TrainingError(f"{path}: neither a folder nor a tar file of photographs")
