"""From a photograph to what the networks see: shrunk to the working size, in RGB or lightness, and padded.

Arrays are (H, W, channels); sizes are (height, width), and h, w those that the networks see. What became of such a
picture goes back to full size by `imaging.merging`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from excolor.imaging.color import gray_to_lightness, rgb_to_lab
from excolor.photo import Photo
from excolor.settings import SMALLEST_SIZE, check_working_size

MULTIPLE = 8
"""Pixels: sides of what the paper's networks see are multiples of it, for three poolings."""

_LONGEST = 4  # a picture of a wilder aspect ratio is shrunk until it has the area of 4:1 at the working size

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class NetworkInput:
    """A photograph as the networks see it.

    Attributes:
        tensor: (1, C, h, w) with padding: L in [0, 100], or sRGB in [0, 1].
        size: (height, width) without the padding.
        visible: (1, 1, h, w) in [0, 1], padded: how visible each pixel is; None if all count the same.
    """

    tensor: Tensor
    size: tuple[int, int]
    visible: Tensor | None = None

    def unpadded(self, tensor: Tensor) -> Tensor:
        """The part of (N, C, h, w) that belongs to the picture."""
        return tensor[..., : self.size[0], : self.size[1]]

    def to_array(self, tensor: Tensor) -> Floats:
        """The part of (1, C, h, w) that belongs to the picture, as a contiguous array (height, width, C)."""
        return np.ascontiguousarray(self.unpadded(tensor)[0].permute(1, 2, 0).cpu().numpy())


def prepare_lightness(
    photo: Photo, working_size: int, device: torch.device, *, multiple: int = MULTIPLE
) -> NetworkInput:
    """The L of a photograph, (1, 1, h, w), and what is visible of it.

    Args:
        photo: gray or in color.
        working_size: pixels of the shorter side; smaller photographs are not enlarged.
        device: where the networks are.
        multiple: pixels, what padded sides are multiples of.
    """
    size = shrunk_size(photo.size, working_size)
    lightness = lightness_of(shrink(_without_hidden_colors(photo), size))[None]
    return NetworkInput(pad(lightness, multiple).to(device), size, _visible(photo, size, device, multiple))


def prepare_rgb(
    photo: Photo, working_size: int | None, device: torch.device, *, multiple: int = MULTIPLE
) -> NetworkInput:
    """The sRGB of a photograph, (1, 3, h, w), and what is visible of it. Gray has three equal channels.

    Arguments as of `prepare_lightness`; at a working size of None it is seen as large as it is.
    """
    size = photo.size if working_size is None else shrunk_size(photo.size, working_size)
    small = torch.from_numpy(shrink(_without_hidden_colors(photo), size))
    rgb = small.permute(2, 0, 1) if small.ndim == 3 else small.expand(3, -1, -1)
    return NetworkInput(pad(rgb[None], multiple).to(device), size, _visible(photo, size, device, multiple))


def shrunk_size(size: tuple[int, int], working_size: int) -> tuple[int, int]:
    """The size at which the networks see a picture of `size`: same aspect ratio, shorter side at most `working_size`.

    Pictures are never enlarged. Very long ones are bounded by area, so that cost does not depend on the aspect ratio.
    Raises SettingError for a `working_size` that is too small.
    """
    check_working_size(working_size)
    height, width = size
    scale = min(1.0, working_size / min(size), working_size * (_LONGEST / (height * width)) ** 0.5)
    return max(1, round(height * scale)), max(1, round(width * scale))


def shrink(pixels: np.ndarray, size: tuple[int, int]) -> Floats:
    """Area-average uint8, uint16 or float32 pixels (H, W[, C]) to `size`; the result is float32 in [0, 1]."""
    return to_unit(np.asarray(cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA)))


def to_unit(pixels: np.ndarray) -> Floats:
    """uint8 or uint16 pixels to float32 in [0, 1]; float32 as it is."""
    largest = 1 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max
    unit: Floats = np.divide(pixels, np.float32(largest), dtype=np.float32)
    return unit


def lightness_of(pixels: np.ndarray) -> Tensor:
    """L (1, H, W) in [0, 100], float32, of gray (H, W) or sRGB (H, W, 3) pixels."""
    unit = torch.from_numpy(to_unit(pixels))
    if unit.ndim == 2:
        return gray_to_lightness(unit)[None]
    return rgb_to_lab(unit.permute(2, 0, 1))[:1]


def pad(picture: Tensor, multiple: int = MULTIPLE) -> Tensor:
    """Extend (N, C, H, W) at the bottom and right to multiples of `multiple`, at least SMALLEST_SIZE, by reflection."""
    for axis in (2, 3):
        extent = picture.shape[axis]
        target = max(SMALLEST_SIZE, -(-extent // multiple) * multiple)
        # numpy reflects back and forth as often as it takes, down to a single pixel
        index = np.pad(np.arange(extent), (0, target - extent), mode="reflect")
        picture = picture.index_select(axis, torch.from_numpy(index).to(picture.device))
    return picture


def _visible(photo: Photo, size: tuple[int, int], device: torch.device, multiple: int) -> Tensor | None:
    """How visible each pixel is, padded: what transparent ones hide must count for nothing.

    None if all count the same: there is no alpha channel, all is opaque, or nothing is visible at all.
    """
    if photo.alpha is None:
        return None
    share = shrink(photo.alpha, size)
    if share.min() >= 1 or share.max() <= 0:
        return None
    return pad(torch.from_numpy(share)[None, None], multiple).to(device)


def _without_hidden_colors(photo: Photo) -> np.ndarray:
    """The pixels; those that are fully transparent in the mean color of the others, whatever they hide."""
    if photo.alpha is None:
        return photo.pixels
    is_visible = (photo.alpha > 0).view(np.uint8)
    if is_visible.all() or not is_visible.any():
        return photo.pixels
    pixels = photo.pixels.copy()
    channels = 1 if pixels.ndim == 2 else 3
    pixels[is_visible == 0] = np.asarray(cv2.mean(pixels, is_visible)[:channels]).astype(pixels.dtype)
    return pixels
