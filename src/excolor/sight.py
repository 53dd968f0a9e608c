"""Pictures as the networks see them, and arrays of what the networks answer."""

import cv2
import numpy as np
import torch
from torch import Tensor

from excolor.photo import Photo
from excolor.resize import Floats, pad, shrink


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
