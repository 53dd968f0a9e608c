"""Colorization by nearest luminance (Welsh, Ashikhmin and Mueller, 2002: their global matching, without swatches)."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from excolor.evaluation.baselines.arrays import to_picture, to_planes
from excolor.evaluation.baselines.ruderman import color_in, rgb_to_ruderman

_CELLS = 16  # a side: about 200 samples in the paper
_NEIGHBORHOOD = 5  # pixels a side
_CHUNK = 1024  # pixels of the target that are compared at once: 1 MB of differences, which a cache holds


def welsh(target: NDArray[np.floating], reference: NDArray[np.floating], *, seed: int = 0) -> NDArray[np.float32]:
    """Give each pixel the chrominance of the sample of the reference that resembles it most.

    Luminance l of the reference is brought to the target's mean and deviation first. 256 samples are taken from it, at
    a random place (by `seed`) in each cell of a grid of 16×16. What is compared is luminance and its deviation in the
    5×5 neighborhood, the mean of both differences. The target keeps its lightness.
    """
    planes = to_planes(target)
    luminance = rgb_to_ruderman(planes)[0]
    reference_luminance, *chrominance = rgb_to_ruderman(to_planes(reference))
    places = _jittered_grid(reference_luminance.shape, np.random.default_rng(seed))
    candidates = _traits(_remapped(reference_luminance, luminance))[:, *places]  # (2, samples)
    nearest = _nearest(_traits(luminance).reshape(2, -1), candidates).reshape(luminance.shape)
    colors = torch.stack(chrominance)[:, *places]
    return to_picture(color_in(planes, colors[:, nearest]))


def _remapped(luminance: Tensor, like: Tensor) -> Tensor:
    deviation = luminance.std(correction=0)
    stretch = like.std(correction=0) / deviation if deviation > 0 else 0.0
    return (luminance - luminance.mean()) * stretch + like.mean()


def _traits(luminance: Tensor) -> NDArray[np.float32]:
    """Luminance and its deviation in the neighborhood of each pixel, (2, H, W)."""
    values = luminance.numpy()
    centered = values - values.mean()  # squares keep their digits
    side = (_NEIGHBORHOOD, _NEIGHBORHOOD)
    mean, square = (cv2.blur(x, side, borderType=cv2.BORDER_REFLECT) for x in (centered, centered**2))
    return np.stack((values, np.sqrt(np.maximum(square - mean**2, 0)))).astype(np.float32)


def _nearest(traits: NDArray[np.float32], candidates: NDArray[np.float32]) -> NDArray[np.intp]:
    """For each of N pixels (2, N) the candidate of M (2, M) that differs least in the sum over both traits: (N,)."""

    def choose(part: NDArray[np.float32]) -> NDArray[np.intp]:
        differences: NDArray[np.float32] = np.abs(part[:, :, None] - candidates[:, None]).sum(0)
        nearest: NDArray[np.intp] = differences.argmin(1)
        return nearest

    return np.concatenate([choose(traits[:, i : i + _CHUNK]) for i in range(0, traits.shape[1], _CHUNK)])


def _jittered_grid(size: tuple[int, ...], rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of one random place in each cell of the grid."""
    cells = np.indices((_CELLS, _CELLS)).reshape(2, -1)  # (2, samples)
    rows, columns = (cells + rng.random(cells.shape)) * np.array(size)[:, None] / _CELLS
    return rows.astype(np.intp), columns.astype(np.intp)
