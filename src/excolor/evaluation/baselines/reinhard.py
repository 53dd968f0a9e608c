"""Color transfer by means and deviations (Reinhard, Ashikhmin, Gooch and Shirley, 2001, eq. 10 and 11)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from excolor.evaluation.baselines.arrays import to_picture, to_planes
from excolor.evaluation.baselines.ruderman import color_in, rgb_to_ruderman, ruderman_to_rgb

_FLAT = 1e-3  # deviation, in decades of light, that is less than one step of 8 bits: nothing that could be spread


def reinhard(target: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[np.float32]:
    """Give the target, a picture in color, the mean and deviation of the reference in each channel of lαβ."""
    return to_picture(
        ruderman_to_rgb(_match(rgb_to_ruderman(to_planes(target)), rgb_to_ruderman(to_planes(reference))))
    )


def reinhard_colors(target: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[np.float32]:
    """The same for α and β alone; the target keeps its lightness.

    A gray target has α = β = 0 everywhere and no deviation to stretch. All that reaches it are the means: one tint, as
    strong as the picture is light (a factor on each cone response), where `tint` adds the same ab everywhere.
    """
    planes = to_planes(target)
    return to_picture(color_in(planes, _match(rgb_to_ruderman(planes)[1:], rgb_to_ruderman(to_planes(reference))[1:])))


def _match(target: Tensor, reference: Tensor) -> Tensor:
    """Channels (C, H, W) with the mean and deviation of the reference's; what is flat stays flat."""
    mean, deviation = _moments(target)
    wanted_mean, wanted_deviation = _moments(reference)
    stretch = torch.where(deviation > _FLAT, wanted_deviation / deviation.clamp(min=_FLAT), 0)
    return (target - mean) * stretch + wanted_mean


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean((1, 2), keepdim=True), x.std((1, 2), correction=0, keepdim=True)
