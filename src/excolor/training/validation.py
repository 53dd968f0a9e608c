"""What validation looks at, and how it is measured."""

import math
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from excolor.evaluation.metrics import psnr
from excolor.training.photo_store import PhotoStore

_SIZE = 128  # pixels: side of the squares that validation looks at
_PHOTOS = 48
_LEAST = 1e-6  # ab units squared


def validation_crops(photos: PhotoStore) -> Tensor:
    """The centers of some pictures, evenly spread over the store: sRGB (N, 3, H, W) in [0, 1]."""
    index = torch.linspace(0, len(photos) - 1, min(len(photos), _PHOTOS), device=photos.device).long()
    return photos.cut(photos.center_crops(index, _SIZE), _SIZE)


def mean_psnr(found: Tensor, wanted: Tensor) -> float:
    """Mean over the pictures (N, 3, H, W), clipped to [0, 1]."""
    return mean(psnr(f, w) for f, w in zip(arrays(found), arrays(wanted), strict=True))


def decibels(found: Tensor, true: Tensor) -> float:
    """How much nearer to the true ab (N, 2, h, w) than gray is what was found, by mean squares."""
    gray, error = (max(x.square().mean().item(), _LEAST) for x in (true, found - true))
    return 10 * math.log10(gray / error)


def mean(values: Iterable[float]) -> float:
    """The mean of some numbers."""
    listed = list(values)
    return sum(listed) / len(listed)


def arrays(rgb: Tensor) -> NDArray[np.float32]:
    """Tensors (N, 3, H, W) as pictures (N, H, W, 3), clipped to [0, 1]."""
    pictures: NDArray[np.float32] = rgb.clamp(0, 1).float().permute(0, 2, 3, 1).cpu().numpy()
    return pictures
