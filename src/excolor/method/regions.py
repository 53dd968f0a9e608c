"""Regions of a picture, given by a picture of labels: what has one color there is one region.

A picture of labels is upright as its photograph is, of the same aspect ratio, and of any size. Equal labels in two
pictures mean regions that belong together. Shapes: H, W of the labels; R regions; h, w of what a network sees.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from excolor.errors import PhotoError
from excolor.imaging.strips import strips
from excolor.imaging.working_size import pad
from excolor.photo import Photo, PhotoSource, as_photo

Label = tuple[int, int, int]
"""Red, green and blue, 0 to 255 or 65535, three equal ones for gray; in sRGB where the file has another profile."""

MOST_LABELS = 64
_LARGEST = 65535


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of a picture.

    Attributes:
        labels: those that are there, ascending.
        numbers: (H, W) uint8, which of them each pixel has.
        name: what to call the picture of labels in messages.
    """

    labels: tuple[Label, ...]
    numbers: np.ndarray
    name: str

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The labels in words: 128 of gray, #ff8000 of colors."""
        return tuple(_text(label) for label in self.labels)

    def check_fits(self, photo: Photo) -> None:
        """Raise PhotoError unless the labels have the aspect ratio of `photo`, but for rounding of their size."""
        (height, width), (own_height, own_width) = photo.size, self.numbers.shape
        rounding = max(height + width, own_height + own_width)
        if abs(own_width * height - own_height * width) > rounding:
            raise PhotoError(
                f"the mask {self.name} has {own_width}×{own_height} pixels and {photo.name} {width}×{height}: "
                "their aspect ratios differ; make the mask from the very picture, at any scale"
            )

    def shares(self, size: tuple[int, int], device: torch.device) -> Tensor:
        """How far each pixel of a picture of `size` belongs to each region: (1, R, h, w) in [0, 1], padded, sum 1."""
        height, width = self.numbers.shape
        is_shrunk = size[0] <= height and size[1] <= width
        interpolation = cv2.INTER_AREA if is_shrunk else cv2.INTER_NEAREST_EXACT
        shares = np.empty((len(self.labels), *size), np.float32)
        for number, share in enumerate(shares):
            cv2.resize((self.numbers == number).astype(np.float32), size[::-1], dst=share, interpolation=interpolation)
        shares /= shares.sum(0)
        return pad(torch.from_numpy(shares)[None]).to(device)


def as_regions(source: PhotoSource | Photo | Regions) -> Regions:
    """Take a picture of labels for regions: all that `as_photo` takes, and arrays (H, W) of any integers up to 65535.

    Raises:
        PhotoError: it cannot be read, has more than 64 labels, is a JPEG, which scatters new ones around each edge, or
            is no array and has floats, negatives, or integers above 65535.
    """
    if isinstance(source, Regions):
        return source
    if isinstance(source, np.ndarray) and source.ndim == 2 and source.dtype.kind in "iu" and source.size:
        source = _as_16_bit(source)
    photo = as_photo(source)
    levels = photo.pixels
    name = "of labels" if photo.path is None else str(photo.path)
    if photo.format == "JPEG":
        raise PhotoError(
            f"the mask {name} is a JPEG, which changes colors around edges; draw it anew and save it as PNG"
        )
    if levels.dtype == np.float32 and (photo.format is not None or isinstance(source, Image.Image)):
        # They may be stretched from each file's own lowest to its highest, so that equal labels are no longer equal
        raise PhotoError(
            f"the mask {name} has levels that are not whole numbers from 0 to {_LARGEST}; "
            "number its regions so and save it as PNG"
        )
    known = np.empty(0, np.uint64)
    for codes in _codes(levels):
        known = np.union1d(known, codes)
        if len(known) > MOST_LABELS:
            raise PhotoError(
                f"the mask {name} has more than {MOST_LABELS} different colors and each would be a region of its own; "
                "draw it without soft edges and save it as PNG"
            )
    rows = [np.searchsorted(known, codes).astype(np.uint8) for codes in _codes(levels)]
    return Regions(tuple(_label(int(code)) for code in known), np.concatenate(rows), name)


def _as_16_bit(numbers: np.ndarray) -> np.ndarray:
    low, high = int(numbers.min()), int(numbers.max())
    if low < 0 or high > _LARGEST:
        raise PhotoError(f"the mask of labels goes from {low} to {high}: number them from 0 to {_LARGEST}")
    return numbers.astype(np.uint16)


def _codes(levels: np.ndarray) -> Iterator[np.ndarray]:
    """Strip by strip, a number (rows, W) that says each pixel's color; floats count as the nearest of 16 bits."""
    for rows in strips(levels.shape[:2]):
        strip = levels[rows]
        whole = (strip * _LARGEST).round() if strip.dtype == np.float32 else strip
        red, green, blue = [whole] * 3 if whole.ndim == 2 else np.moveaxis(whole, -1, 0)
        code = red.astype(np.uint64)
        for channel in (green, blue):
            code = (code << np.uint64(16)) | channel.astype(np.uint64)
        yield code


def _label(code: int) -> Label:
    return code >> 32, code >> 16 & _LARGEST, code & _LARGEST


def _text(label: Label) -> str:
    if len(set(label)) == 1:
        return str(label[0])
    if max(label) <= 255:
        return "#" + bytes(label).hex()
    return str(label)
