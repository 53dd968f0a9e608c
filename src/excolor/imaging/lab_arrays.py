"""sRGB <-> CIE Lab of arrays, for full-size work.

NumPy and OpenCV compute here what `imaging.color` says in torch: several times faster, to the same digits. Planes are
(H, W) or (3, H, W) float32; pixels are (H, W) gray or (H, W, 3) sRGB, uint8, uint16 or float32 in [0, 1].
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

from excolor.imaging.color import DELTA, LUMINANCE, NORMALIZED_TO_RGB, gray_to_lightness, linearize
from excolor.imaging.working_size import Floats, to_unit


@dataclass(frozen=True)
class Curve:
    """scale·x^exponent + offset above the knee, and the straight line that leads there below it."""

    exponent: float
    scale: float
    offset: float
    knee: float
    slope: float

    def __call__(self, x: Floats, white: float = 1, depth: int = cv2.CV_32F) -> np.ndarray:
        """The curve's values times `white`; rounded and bounded if `depth` (OpenCV's name of a dtype) is an integer."""
        power = np.maximum(x, np.float32(self.knee))
        cv2.log(power, dst=power)
        power *= np.float32(self.exponent)
        cv2.exp(power, dst=power)
        line = np.minimum(x, np.float32(self.knee))
        constant = self.offset - self.slope * self.knee
        return weighted(power, self.scale * white, line, self.slope * white, constant * white, depth)


# The formulas of `excolor.imaging.color` again, each line moved to where its power starts
LIGHTNESS = Curve(1 / 3, 116, -16, DELTA**3, 116 / (3 * DELTA**2))  # L of luminance
CUBE = Curve(3, 1, 0, DELTA, 3 * DELTA**2)  # X or Z, divided by that of white, of the f that Lab has for it
SRGB = Curve(1 / 2.4, 1.055, -0.055, 0.0031308, 12.92)  # sRGB of linear light
RGB_TO_NORMALIZED = np.linalg.inv(NORMALIZED_TO_RGB.numpy()).astype(np.float32)


def tone(strip: np.ndarray) -> tuple[Floats, Floats]:
    """L in [0, 100] and luminance in [0, 1] of pixels."""
    if strip.ndim == 2:
        return look_up(gray_to_lightness, strip), look_up(linearize, strip)
    luminance: Floats = np.asarray(cv2.transform(look_up(linearize, strip), np.array([LUMINANCE], np.float32)))
    return LIGHTNESS(luminance), luminance


def linear_rgb(lightness: Floats, luminance: Floats, a: Floats, b: Floats) -> Floats:
    """Linear light (3, H, W) in [0, 1] of Lab whose luminance is known too; see `lab_to_rgb`."""
    x = CUBE(weighted(lightness, 1 / 116, a, 1 / 500, 16 / 116))
    z = CUBE(weighted(lightness, 1 / 116, b, -1 / 200, 16 / 116))
    linear = np.empty((3, *luminance.shape), np.float32)
    for channel, (of_x, of_y, of_z) in zip(linear, NORMALIZED_TO_RGB.tolist(), strict=True):
        cv2.scaleAdd(luminance, of_y, weighted(x, of_x, z, of_z), dst=channel)
    _fit_gamut(linear.reshape(3, -1), luminance.ravel())
    return linear


def _fit_gamut(linear: Floats, luminance: Floats) -> None:
    """`fit_gamut` of (3, N), in place, for the few colors that need it."""
    lowest, highest = linear.min(0), linear.max(0)
    outside = np.flatnonzero((lowest < 0) | (highest > 1))
    if not outside.size:
        return
    y = luminance.take(outside).clip(0, 1)
    up, down = highest.take(outside) - y, y - lowest.take(outside)
    share = np.minimum((1 - y) / np.maximum(up, 1e-12), y / np.maximum(down, 1e-12)).clip(max=1)
    for channel in linear:
        channel[outside] = (y + share * (channel.take(outside) - y)).clip(0, 1)


def look_up(function: Callable[[Tensor], Tensor], strip: np.ndarray) -> Floats:
    """A function of single values in [0, 1], of pixels: computed once for each level that there is."""
    if strip.dtype == np.float32:
        return function(torch.from_numpy(to_unit(strip))).numpy()
    table = _table(function, strip.dtype)
    return np.asarray(cv2.LUT(strip, table)) if strip.dtype == np.uint8 else table.take(strip, mode="clip")


@lru_cache
def _table(function: Callable[[Tensor], Tensor], dtype: np.dtype) -> Floats:
    return function(torch.linspace(0, 1, np.iinfo(dtype).max + 1, dtype=torch.float64)).float().numpy()


def weighted(
    x: Floats, x_weight: float, y: Floats, y_weight: float, constant: float = 0, depth: int = cv2.CV_32F
) -> np.ndarray:
    """x·x_weight + y·y_weight + constant in one go; rounded and bounded if `depth` is an integer's."""
    return np.asarray(cv2.addWeighted(x, x_weight, y, y_weight, constant, dtype=depth))


def white_and_depth(dtype: np.dtype) -> tuple[float, int]:
    """White, and OpenCV's name of the dtype."""
    if dtype == np.float32:
        return 1, cv2.CV_32F
    return np.iinfo(dtype).max, {1: cv2.CV_8U, 2: cv2.CV_16U}[dtype.itemsize]
