"""Pictures as callers have them, and as tensors."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_planes(picture: NDArray[np.floating]) -> Tensor:
    """(H, W, 3) to (3, H, W), float32."""
    return torch.from_numpy(np.ascontiguousarray(picture, np.float32)).permute(2, 0, 1)


def to_picture(planes: Tensor) -> NDArray[np.float32]:
    """(3, H, W) to (H, W, 3), clipped to [0, 1]."""
    picture: NDArray[np.float32] = planes.clamp(0, 1).permute(1, 2, 0).contiguous().numpy()
    return picture
