"""Full-size results from small ones: the target's own pixels, with colors brought up from the working size.

Everything here runs in strips, so that memory does not grow with the picture beyond input and output themselves.
Pixels are (H, W) gray or (H, W, 3) sRGB, uint8, uint16 or float32 in [0, 1]; results are (H, W, 3) of the same dtype.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from excolor.color import colored, gray_to_lightness, rgb_to_lab
from excolor.resize import Floats, LocalAffine, fit_local_affine, strips, to_unit

# Window and flatness of the fit, in pixels of the working size and squared units of the guide
_RADIUS = 2
_EPSILON_LIGHTNESS = 10.0  # (about 3 L)²: weaker than that is noise, which must not turn into colored noise
_EPSILON_RGB = 1e-4


def lightness_of(pixels: np.ndarray) -> Tensor:
    """L (1, H, W) in [0, 100] of pixels, float32."""
    unit = torch.from_numpy(to_unit(pixels))
    if unit.ndim == 2:
        return gray_to_lightness(unit)[None]
    return rgb_to_lab(unit.permute(2, 0, 1))[:1]


def merge_ab(pixels: np.ndarray, small_lightness: Floats, small_ab: Floats) -> np.ndarray:
    """Give `pixels` the colors of a small ab map; their L stays what it is.

    Args:
        pixels: the target at full size.
        small_lightness: its L (h, w) in [0, 100] at the working size.
        small_ab: (h, w, 2) in [-128, 127].

    Returns:
        sRGB. Its ab follows the edges of the full-size L; what sRGB cannot show loses chroma.
    """
    fit = fit_local_affine(small_lightness[..., None], small_ab, radius=_RADIUS, epsilon=_EPSILON_LIGHTNESS)
    upsampled = LocalAffine(fit, pixels.shape[:2])

    def color(strip: np.ndarray, rows: slice) -> Tensor:
        lightness = lightness_of(strip)
        return colored(lightness, upsampled(lightness, rows))

    return _in_strips(pixels, color)


def merge_rgb(pixels: np.ndarray, small: Floats, small_result: Floats) -> np.ndarray:
    """Do to `pixels` what was done to its small version: sRGB (h, w, 3) in [0, 1] before and after.

    It is the change that is fitted, not the result: grain too weak for the fit is left as it is instead of smoothed.
    """
    change = fit_local_affine(small, small_result - small, radius=_RADIUS, epsilon=_EPSILON_RGB)
    upsampled = LocalAffine(change, pixels.shape[:2])

    def restyle(strip: np.ndarray, rows: slice) -> Tensor:
        unit = torch.from_numpy(to_unit(strip))
        rgb = unit.permute(2, 0, 1) if unit.ndim == 3 else unit.expand(3, -1, -1)
        return (rgb + upsampled(rgb, rows)).clamp(0, 1)

    return _in_strips(pixels, restyle)


def from_unit(rgb: Tensor, dtype: np.dtype) -> np.ndarray:
    """sRGB (3, H, W) in [0, 1] to pixels (H, W, 3), rounded to uint8 or uint16, or float32."""
    hwc = rgb.permute(1, 2, 0)
    if dtype == np.float32:
        return hwc.contiguous().numpy()
    return (hwc * np.iinfo(dtype).max).round().numpy().astype(dtype)


def _in_strips(pixels: np.ndarray, work: Callable[[np.ndarray, slice], Tensor]) -> np.ndarray:
    out = np.empty((*pixels.shape[:2], 3), pixels.dtype)
    for rows in strips(pixels.shape[:2]):
        out[rows] = from_unit(work(np.ascontiguousarray(pixels[rows]), rows), pixels.dtype)
    return out
