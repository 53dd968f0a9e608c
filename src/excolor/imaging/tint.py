"""Is a picture gray, gray with a tint, or in color?

A toned print, yellowed paper or a careless scan has color in every pixel, yet one that follows from the lightness and,
slowly, from the place. In a color photograph it does not: leaves and bricks of one lightness differ.
"""

from typing import Literal, TypeAlias

import cv2
import numpy as np
import torch

from excolor.imaging.color import rgb_to_lab
from excolor.imaging.strips import strips

ColorKind: TypeAlias = Literal["gray", "tinted", "color"]

_SIDE = 48  # pixels: noise, JPEG's blocks and color fringes average out, and what has a color of its own remains
_COUNTED = 0.95  # of the pixels: a stamp, a signature in ink or a fleck does not make a photograph colored
_KNOTS = 9  # of the curve of a tint over L
_ROUNDING = 1 / 255 + 1e-6  # between the channels of gray
_TINTED = 2.3  # of ab: more than that, root mean square, is not explained by any tint


def color_kind(pixels: np.ndarray, alpha: np.ndarray | None = None) -> ColorKind:
    """Tell gray (R = G = B everywhere), tinted (all but monochrome) and color pictures apart.

    One level of 8 bits between channels is no difference: what stores gray as YCbCr, as a lossy WebP does, rounds so.

    A small thing in color is overlooked, up to a twentieth of the picture, such as a stamp on a gray print; a color
    chart scanned beside it is mostly larger, and makes it "color". So do fringes as wide as details are.

    Measured on small pictures (shorter side up to 176 pixels): of 415 color photographs 3.6 % were called tinted, dull
    ones or of one hue, and 28 % after half of their saturation was taken away. Of the same made gray, toned (sepia,
    cyanotype, selenium, split, yellowed, or not at all), with noise and JPEG of quality 60 to 95, 2.7 % were called
    color; 4.4 % with uneven light and, in half of them, fringes of 1 or 2 pixels at four times the size; and 43 % with
    uneven light and, in half of them, fringes of up to 3 pixels at the small size.

    Args:
        pixels: (H, W) gray or (H, W, 3) sRGB; uint8, uint16 or float32 in [0, 1].
        alpha: (H, W); whatever color pixels have that are fully transparent, it does not count.
    """
    if _is_neutral(pixels, alpha):
        return "gray"
    return "tinted" if _unexplained(*_small_lab(pixels, alpha)) <= _TINTED else "color"


def _is_neutral(pixels: np.ndarray, alpha: np.ndarray | None) -> bool:
    if pixels.ndim == 2:
        return True
    most = {1: 1, 2: 257}.get(pixels.dtype.itemsize, _ROUNDING)
    for rows in strips(pixels.shape[:2]):
        red, green, blue = (pixels[rows, :, channel] for channel in range(3))
        brightest, darkest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
        is_off = brightest - darkest > most
        if (is_off if alpha is None else is_off & (alpha[rows] > 0)).any():
            return False
    return True


def _small_lab(pixels: np.ndarray, alpha: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The picture shrunk to `_SIDE` pixels at the longer side, in Lab: (3, H, W) float64; and which count, (H, W)."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    white = 1.0 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    if alpha is None or alpha.min() > 0:
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) / white
        counts = np.ones(small.shape[:2], bool)
    else:  # the mean of what is visible, where that is enough
        is_visible = alpha > 0
        pixels = np.where(is_visible[..., None], pixels, pixels.dtype.type(0))
        share = cv2.resize(is_visible.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) / 255
        enough = 0.5 * float(share.max()) or 1.0
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) / white
        small = (small / np.maximum(share, enough)[..., None]).clip(0, 1)
        counts = share >= min(enough, float(share.max()))
    return rgb_to_lab(torch.from_numpy(small.astype(np.float64)).permute(2, 0, 1)).numpy(), counts


def _unexplained(lab: np.ndarray, counts: np.ndarray) -> float:
    """How far the ab of (3, H, W) lie from the best tint, as a root mean square over the pixels that count.

    `counts` (H, W) are those that may.

    A tint is a curve over L (toning, split toning; straight between knots), to which is added what changes evenly over
    the picture, more or less with L (light, aged paper), and the slopes of L (channels shifted against each other).
    """
    lightness = lab[0] / 50 - 1
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in lightness.shape), indexing="ij")
    slopes = [np.diff(lightness, axis=axis, prepend=lightness.take([0], axis)) for axis in (0, 1)]
    curve = [np.maximum(1 - np.abs(lightness - knot) / (2 / (_KNOTS - 1)), 0) for knot in np.linspace(-1, 1, _KNOTS)]
    causes = np.stack([*curve, x, y, x * lightness, y * lightness, *slopes], -1).reshape(lightness.size, -1)
    ab = lab[1:].reshape(2, -1).T
    visible = counted = np.flatnonzero(counts)
    for _ in range(2):  # the first fit is bent by what is not to be counted, the second is not
        tint = causes @ np.linalg.lstsq(causes[counted], ab[counted], rcond=None)[0]
        squares = ((ab - tint) ** 2).sum(-1)
        counted = visible[np.argsort(squares[visible], kind="stable")[: max(1, int(_COUNTED * len(visible)))]]
    return float(np.sqrt(squares[counted].mean()))
