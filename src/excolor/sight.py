"""Pictures as the networks see them, and arrays of what the networks answer."""

import numpy as np
import torch
from torch import Tensor

from excolor.photo import Photo
from excolor.resize import Floats, pad, shrink


def see_rgb(photo: Photo, size: tuple[int, int], device: torch.device) -> Tensor:
    """A picture at `size`: padded sRGB (1, 3, h, w) in [0, 1]; gray has three equal channels."""
    small = torch.from_numpy(shrink(photo.pixels, size))
    rgb = small.permute(2, 0, 1) if small.ndim == 3 else small.expand(3, -1, -1)
    return pad(rgb[None]).to(device)


def hwc(x: Tensor) -> Floats:
    """(1, C, H, W) to a contiguous array (H, W, C)."""
    return np.ascontiguousarray(x[0].permute(1, 2, 0).cpu().numpy())
