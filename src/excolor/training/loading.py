"""Photographs from folders and tar files into a store for training, each decoded once, by several threads."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from os import cpu_count
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from excolor.errors import PhotoError, TrainingError
from excolor.photo import Collection, Member
from excolor.photo.file_names import natural_order
from excolor.training.photo_store import PhotoStore

_READ_AHEAD = 512  # files of a tar in memory, not yet decoded
_GRAY_SPREAD = 8.0  # mean of max(R, G, B) - min(R, G, B) in 8-bit steps, below which a picture teaches no color


def load_photos(
    paths: Sequence[Path], device: torch.device, *, shorter_side: int, limit: int | None = None
) -> PhotoStore:
    """Decode all photographs in folders and tar files (see `Collection`); the folder of each is its source.

    Larger pictures are shrunk to `shorter_side` pixels. Left out are near-gray ones, as in the paper, and what cannot
    be decoded. `limit` stops after that many files, for a quick look.

    Raises:
        PhotoError: a path is neither a folder nor a tar file, or is damaged.
        TrainingError: nothing usable was found.
    """

    def read(member: Member) -> list[tuple[str, np.ndarray]]:
        try:
            photo = member.read(draft=shorter_side)
        except PhotoError:
            return []
        rgb = photo.to_rgb()
        height, width = photo.size
        scale = shorter_side / min(height, width)
        if scale < 1:
            rgb = _shrunk(rgb, round(height * scale), round(width * scale))
        return [(Path(member.label).parent.name, rgb)]

    return _load(paths, device, read, limit)


def load_tiles(paths: Sequence[Path], device: torch.device, *, side: int, shorter_side: int) -> PhotoStore:
    """Decode all sheets in folders and tar files, and cut them into tiles; the name of a sheet is their source.

    A sheet is a picture made of squares with sides of `side` pixels. They are shrunk to `shorter_side` if they are
    larger, and near-gray ones are left out. This is how many thousand small pictures are kept in some hundred files.

    Raises:
        PhotoError: a path is neither a folder nor a tar file, or is damaged.
        TrainingError: a sheet cannot be decoded or does not consist of such squares, or nothing usable was found.
    """

    def read(member: Member) -> list[tuple[str, np.ndarray]]:
        try:
            rgb = member.read().to_rgb()
        except PhotoError as error:  # a photograph more or less does not matter, but this may be a whole class
            raise TrainingError(f"{member.label}: the sheet cannot be decoded ({error}); make it again") from error
        height, width = rgb.shape[:2]
        rows, columns = height // side, width // side
        if (rows * side, columns * side) != (height, width):
            raise TrainingError(
                f"{member.label}: {width}x{height} pixels are not a whole number of tiles of {side}x{side}; "
                "give the side that its tiles have"
            )
        kept = min(side, shorter_side)
        pixels = _shrunk(rgb, rows * kept, columns * kept)
        tiles = pixels.reshape(rows, kept, columns, kept, 3).swapaxes(1, 2).reshape(-1, kept, kept, 3)
        return [(Path(member.name).stem, tile) for tile in tiles]

    return _load(paths, device, read)


def _shrunk(rgb: np.ndarray, height: int, width: int) -> np.ndarray:
    """(H, W, 3) uint8 to (height, width, 3), each pixel the mean of what it covers."""
    if rgb.shape[:2] == (height, width):
        return rgb
    return np.array(Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX))


def _load(
    paths: Sequence[Path],
    device: torch.device,
    read: Callable[[Member], list[tuple[str, np.ndarray]]],
    limit: int | None = None,
) -> PhotoStore:
    """All pictures that are colorful enough, of those that `read` makes of a file, each with its source."""
    members: Iterator[Member] = chain.from_iterable(Collection.open(path).stream() for path in paths)
    if limit is not None:
        members = islice(members, limit)

    def colorful(member: Member) -> list[tuple[str, str, np.ndarray]]:
        return [(source, member.name, pixels) for source, pixels in read(member) if _spread(pixels) >= _GRAY_SPREAD]

    pictures: list[tuple[str, str, np.ndarray]] = []
    with ThreadPoolExecutor(cpu_count()) as pool:
        # Some at a time: the pool reads all that it is given before it hands anything back
        while batch := list(islice(members, _READ_AHEAD)):
            pictures += chain.from_iterable(pool.map(colorful, batch))
    if not pictures:
        raise TrainingError(f"no color photographs in {', '.join(map(str, paths))}; give folders or tar files of them")
    # By source, as the store needs them, and by name, so that a tar file of a folder gives what the folder does
    pictures.sort(key=lambda picture: (picture[0], natural_order(picture[1])))
    return PhotoStore([pixels for *_, pixels in pictures], [source for source, *_ in pictures], device)


def _spread(pixels: np.ndarray) -> float:
    """How colorful a picture (H, W, 3) is: mean of max(R, G, B) - min(R, G, B)."""
    red, green, blue = (pixels[..., channel] for channel in range(3))  # far quicker than over an axis of three
    return float((np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)).mean())
