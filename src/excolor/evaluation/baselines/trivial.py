"""What costs nothing, and what any method must beat."""

import numpy as np
from numpy.typing import NDArray

from excolor.evaluation.baselines.arrays import to_picture, to_planes
from excolor.imaging.color import colored, grayed, rgb_to_lab


def gray(target: NDArray[np.floating], reference: NDArray[np.floating] | None = None) -> NDArray[np.float32]:
    """The target's lightness without color; a reference changes nothing."""
    return to_picture(grayed(rgb_to_lab(to_planes(target))[:1]))


def tint(target: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[np.float32]:
    """The target's lightness, all in one color: the mean ab of the reference."""
    lightness = rgb_to_lab(to_planes(target))[:1]
    mean = rgb_to_lab(to_planes(reference))[1:].mean((1, 2), keepdim=True)
    return to_picture(colored(lightness, mean.expand(2, *lightness.shape[1:])))


def identity(target: NDArray[np.floating], reference: NDArray[np.floating] | None = None) -> NDArray[np.float32]:
    """The target as it is; a reference changes nothing."""
    return np.asarray(target, np.float32)
