"""Pictures as the networks see them: shrunk to the working size and padded, and back to arrays.

Arrays are (H, W, channels); sizes are (height, width).
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from excolor.photo import Photo
from excolor.settings import SMALLEST_SIZE, check_working_size

MULTIPLE = 8  # three poolings

_LONGEST = 4  # a picture of a wilder aspect ratio is shrunk until it has the area of 4:1 at the working size

Floats = NDArray[np.float32]


def seen_size(size: tuple[int, int], shorter_side: int) -> tuple[int, int]:
    """The size at which the networks see a picture of `size`: same aspect ratio, shorter side at most `shorter_side`.

    Pictures are never enlarged. Very long ones are bounded by area, so that cost does not depend on the aspect ratio.
    Raises SettingError for a `shorter_side` that is too small.
    """
    check_working_size(shorter_side)
    height, width = size
    scale = min(1.0, shorter_side / min(size), shorter_side * (_LONGEST / (height * width)) ** 0.5)
    return max(1, round(height * scale)), max(1, round(width * scale))


def shrink(pixels: np.ndarray, size: tuple[int, int]) -> Floats:
    """Area-average uint8, uint16 or float32 pixels (H, W[, C]) to `size`; the result is float32 in [0, 1]."""
    return to_unit(np.asarray(cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA)))


def to_unit(pixels: np.ndarray) -> Floats:
    """uint8 or uint16 pixels to float32 in [0, 1]; float32 as it is."""
    largest = 1 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max
    unit: Floats = np.divide(pixels, np.float32(largest), dtype=np.float32)
    return unit


def pad(picture: Tensor) -> Tensor:
    """Extend (N, C, H, W) at the bottom and right to multiples of MULTIPLE, at least SMALLEST_SIZE, by reflection."""
    for axis in (2, 3):
        extent = picture.shape[axis]
        target = max(SMALLEST_SIZE, -(-extent // MULTIPLE) * MULTIPLE)
        # numpy reflects back and forth as often as it takes, down to a single pixel
        index = np.pad(np.arange(extent), (0, target - extent), mode="reflect")
        picture = picture.index_select(axis, torch.from_numpy(index).to(picture.device))
    return picture


def crop(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Undo `pad`: the top left `size` of (N, C, H, W)."""
    return picture[..., : size[0], : size[1]]


def see_rgb(photo: Photo, size: tuple[int, int], device: torch.device) -> Tensor:
    """A picture at `size`: padded sRGB (1, 3, h, w) in [0, 1]; gray has three equal channels."""
    small = torch.from_numpy(shrink(shown(photo), size))
    rgb = small.permute(2, 0, 1) if small.ndim == 3 else small.expand(3, -1, -1)
    return pad(rgb[None]).to(device)


def see_visible(photo: Photo, size: tuple[int, int], device: torch.device) -> Tensor | None:
    """How far each pixel shows, (1, 1, h, w), padded: what transparent ones hide shall count for nothing.

    None if all count the same: there is no alpha channel, all is opaque, or nothing shows at all.
    """
    if photo.alpha is None:
        return None
    share = shrink(photo.alpha, size)
    if share.min() >= 1 or share.max() <= 0:
        return None
    return pad(torch.from_numpy(share)[None, None]).to(device)


def shown(photo: Photo) -> np.ndarray:
    """The pixels; those that are fully transparent in the mean color of the others, whatever they hide."""
    if photo.alpha is None:
        return photo.pixels
    shows = (photo.alpha > 0).view(np.uint8)
    if shows.all() or not shows.any():
        return photo.pixels
    pixels = photo.pixels.copy()
    channels = 1 if pixels.ndim == 2 else 3
    pixels[shows == 0] = np.asarray(cv2.mean(pixels, shows)[:channels]).astype(pixels.dtype)
    return pixels


def hwc(x: Tensor) -> Floats:
    """(1, C, H, W) to a contiguous array (H, W, C)."""
    return np.ascontiguousarray(x[0].permute(1, 2, 0).cpu().numpy())
