"""How good a colored picture is: numbers that other tools compute in the same way.

Pictures are (H, W, 3) float arrays of sRGB in [0, 1]. Lab is (H, W, 3), as in `excolor.imaging.color`.
"""

import math

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from excolor.imaging.color import rgb_to_lab

Image = NDArray[np.floating]
Doubles = NDArray[np.float64]

SSIM_WINDOW = 11  # pixels a side (Wang et al. 2004, section III.C)
_SSIM_SIGMA = 1.5
_STRONG_EDGE = 11.0  # ab units
_NEAR_EDGE = 4  # pixels
_SSIM_C1, _SSIM_C2 = 0.01**2, 0.03**2  # of a range of 1


def psnr(found: Image, wanted: Image) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels; infinite for equal pictures."""
    error = float(np.mean((found.astype(np.float64) - wanted) ** 2))
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def ssim(found: Image, wanted: Image) -> float:
    """Structural similarity (Wang et al. 2004, eq. 13), mean over channels and over the places of a whole window.

    Means and deviations are weighted by a Gaussian of 1.5 pixels in a window of 11×11, as in the paper.

    Raises:
        ValueError: a picture is smaller than the window.
    """
    if min(wanted.shape[:2]) < SSIM_WINDOW:
        raise ValueError(f"SSIM needs {SSIM_WINDOW} pixels a side, and the picture is {wanted.shape[:2]}")
    kernel = cv2.getGaussianKernel(SSIM_WINDOW, _SSIM_SIGMA)
    edge = SSIM_WINDOW // 2

    def mean(x: Doubles) -> Doubles:
        filtered: Doubles = np.asarray(cv2.sepFilter2D(x, -1, kernel, kernel), np.float64)
        return filtered[edge:-edge, edge:-edge]

    x, y = found.astype(np.float64), wanted.astype(np.float64)
    mean_x, mean_y = mean(x), mean(y)
    variances = mean(x * x) - mean_x**2 + mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _SSIM_C1) / (mean_x**2 + mean_y**2 + _SSIM_C1)
    structure = (2 * covariance + _SSIM_C2) / (variances + _SSIM_C2)
    return float(np.mean(luminance * structure))


def mean_ciede2000(found: Image, wanted: Image) -> float:
    """The mean over pixels of `ciede2000`: about 1 is a difference just seen, 100 is black against white."""
    return float(ciede2000(lab(found), lab(wanted)).mean())


def edge_error(found: Image, wanted: Image) -> float:
    """The mean distance of ab within 4 pixels of strong edges of the wanted ab: how far colors run over edges.

    An edge is strong where ab differs by 11 or more from a pixel to its neighbors to the right and below. NaN if there
    is none.
    """
    ab = lab(wanted)[..., 1:]
    across, down = (np.diff(ab, axis=axis, append=np.take(ab, [-1], axis)) for axis in (1, 0))
    strong = np.sqrt((across**2 + down**2).sum(-1)) >= _STRONG_EDGE
    side = 2 * _NEAR_EDGE + 1
    near = cv2.dilate(strong.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    if not near.any():
        return math.nan
    return float(np.linalg.norm(lab(found)[..., 1:] - ab, axis=-1)[near].mean())


def ciede2000(lab_1: Image, lab_2: Image) -> Doubles:
    """The difference ΔE00 of each pair of Lab colors (*, 3), after Sharma et al. 2005 (eq. 2 to 22, all k being 1)."""
    l_1, a_1, b_1 = np.moveaxis(lab_1.astype(np.float64), -1, 0)
    l_2, a_2, b_2 = np.moveaxis(lab_2.astype(np.float64), -1, 0)
    g = 0.5 * (1 - _saturating((np.hypot(a_1, b_1) + np.hypot(a_2, b_2)) / 2))
    a_1, a_2 = (1 + g) * a_1, (1 + g) * a_2
    c_1, c_2 = np.hypot(a_1, b_1), np.hypot(a_2, b_2)
    h_1, h_2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a_1, b_1), (a_2, b_2)))

    both_colored = c_1 * c_2 != 0
    turn = h_2 - h_1
    turn = np.where(both_colored, turn - 360 * np.sign(turn) * (np.abs(turn) > 180), 0)
    delta_l, delta_c = l_2 - l_1, c_2 - c_1
    delta_h = 2 * np.sqrt(c_1 * c_2) * np.sin(np.radians(turn / 2))

    lightness, c = (l_1 + l_2) / 2, (c_1 + c_2) / 2
    h = _mean_hue(h_1, h_2, both_colored)
    t = (
        1
        - 0.17 * np.cos(np.radians(h - 30))
        + 0.24 * np.cos(np.radians(2 * h))
        + 0.32 * np.cos(np.radians(3 * h + 6))
        - 0.20 * np.cos(np.radians(4 * h - 63))
    )
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    s_c = 1 + 0.045 * c
    s_h = 1 + 0.015 * c * t
    rotation = -2 * _saturating(c) * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    difference: Doubles = np.sqrt(
        (delta_l / s_l) ** 2
        + (delta_c / s_c) ** 2
        + (delta_h / s_h) ** 2
        + rotation * (delta_c / s_c) * (delta_h / s_h)
    )
    return difference


def colorfulness(image: Image) -> float:
    """The colorfulness M3 of Hasler & Süsstrunk 2003, on their scale of 8-bit values (0 gray, 33 moderate, 82 high)."""
    r, g, b = np.moveaxis(image.astype(np.float64) * 255, -1, 0)
    rg, yb = r - g, (r + g) / 2 - b
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def lab(image: Image) -> NDArray[np.float32]:
    """The Lab colors (H, W, 3) of a picture."""
    planes = torch.from_numpy(np.ascontiguousarray(image, np.float32)).permute(2, 0, 1)
    found: NDArray[np.float32] = rgb_to_lab(planes).permute(1, 2, 0).numpy()
    return found


def _saturating(chroma: Doubles) -> Doubles:
    """√(C⁷ / (C⁷ + 25⁷)), which goes from 0 to 1 around a chroma of 25."""
    squared = chroma * chroma
    seventh = squared * squared * squared * chroma  # several times as fast as a power
    root: Doubles = np.sqrt(seventh / (seventh + 25.0**7))
    return root


def _mean_hue(h_1: Doubles, h_2: Doubles, both_colored: NDArray[np.bool_]) -> Doubles:
    """The mean of two hues in degrees by the shorter way around (eq. 14); their sum where one color has no hue."""
    total = h_1 + h_2
    around = np.where(total < 360, total + 360, total - 360)
    mean = np.where(np.abs(h_1 - h_2) <= 180, total, around) / 2
    return np.where(both_colored, mean, total)
