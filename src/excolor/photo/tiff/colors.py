"""Colors of TIFF to those that pictures have in memory.

Shapes: H, W height and width in pixels. Levels are uint8, uint16 or float32 in [0, 1]; work goes in strips.
"""

from collections.abc import Sequence

import numpy as np

from excolor.photo.levels import strips

# CIE XYZ (D50) to linear sRGB: the inverse of the primaries that are written into profiles of sRGB
_XYZ_TO_RGB = np.linalg.inv(
    np.array([[0.43604, 0.38512, 0.14305], [0.22249, 0.71690, 0.06061], [0.01392, 0.09706, 0.71391]])
)
_D50 = np.array([0.9642, 1.0, 0.8249])


def white_of(levels: np.ndarray) -> int | float:
    """The level of white."""
    return 1.0 if levels.dtype.kind == "f" else int(np.iinfo(levels.dtype).max)


def invert(levels: np.ndarray) -> np.ndarray:
    """White for black."""
    return np.asarray(levels.dtype.type(white_of(levels)) - levels)


def unmultiplied(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colors (H, W, C) as they would be without transparency; those of fully transparent pixels are lost, and black."""
    white = float(white_of(pixels))
    colors = np.empty_like(pixels)
    for rows in strips(pixels):
        share = np.maximum(alpha[rows, :, None], white * 1e-9) / white
        colors[rows] = np.clip(pixels[rows] / share + (0.5 if white > 1 else 0), 0, white)
    return colors


def apply_palette(indices: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Colors (H, W, 3) uint8 of indices (H, W), by a palette (3, N) uint16."""
    colors = palette if palette.max() < 256 else palette >> 8  # some programs write 8 bits
    return np.ascontiguousarray(colors.T.astype(np.uint8)[np.minimum(indices, palette.shape[1] - 1)])


BT_601 = (0.299, 0.587, 0.114)
"""The shares of red, green and blue in lightness, unless a TIFF names others."""

FULL_RANGE = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)
"""The levels, of 8 bits, of black and white of Y, and of none and the most of Cb and Cr, unless a TIFF names others."""


def ycbcr_to_rgb(
    pixels: np.ndarray, luma: Sequence[float] = BT_601, reference: Sequence[float] = FULL_RANGE
) -> np.ndarray:
    """YCbCr (H, W, 3) to RGB (TIFF 6.0, sections 20 and 21).

    Args:
        pixels: as stored.
        luma: YCbCrCoefficients.
        reference: ReferenceBlackWhite, of 255.
    """
    white = float(white_of(pixels))
    red, green, blue = luma
    black, most = np.array(reference[::2]) / 255, np.array(reference[1::2]) / 255
    colors = np.empty_like(pixels)
    for rows in strips(pixels):
        y, cb, cr = np.moveaxis((pixels[rows] / white - black) / (most - black) * (1, 127 / 255, 127 / 255), -1, 0)
        r, b = y + (2 - 2 * red) * cr, y + (2 - 2 * blue) * cb
        rgb = np.stack([r, (y - red * r - blue * b) / green, b], -1).clip(0, 1)
        colors[rows] = rgb if white == 1 else np.rint(rgb * white)
    return colors


def lab_to_srgb(levels: np.ndarray, *, is_icc: bool) -> np.ndarray:
    """CIE L*a*b* (H, W, 3), as TIFF stores it with 8 or 16 bits a channel, to sRGB of as many.

    Without `is_icc`, a* and b* are signed (TIFF 6.0, section 23); with it they have an offset (supplement 2, ICCLAB),
    and L* = 100 is 0xFF00 with 16 bits, as in ICC version 2.
    """
    bits = 8 * levels.dtype.itemsize
    signed = np.dtype(f"i{levels.dtype.itemsize}")
    unit = 1 << (bits - 8)  # of a* and b*
    black_to_white = 0xFF00 if is_icc and bits == 16 else (1 << bits) - 1
    colors = np.empty(levels.shape, f"u{levels.dtype.itemsize}")
    for rows in strips(levels):
        part = levels[rows].astype(f"u{levels.dtype.itemsize}")
        lightness = np.minimum(part[..., 0] * (100.0 / black_to_white), 100)
        ab = (
            part[..., 1:].astype(np.float64) - 128.0 * unit if is_icc else part[..., 1:].view(signed).astype(np.float64)
        )
        colors[rows] = np.rint(_srgb_of_lab(lightness, ab / unit) * ((1 << bits) - 1))
    return colors


def _srgb_of_lab(lightness: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """CIE 15, section 8.2.1.1, inverted; L* (H, W) and a*b* (H, W, 2) to sRGB in [0, 1], neutral where a* = b* = 0."""
    fy = (lightness + 16) / 116
    f = np.stack([fy + ab[..., 0] / 500, fy, fy - ab[..., 1] / 200], -1)
    xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * (3 * (6 / 29) ** 2)) * _D50
    rgb = xyz @ _XYZ_TO_RGB.T
    is_neutral = ~ab.any(-1)
    rgb[is_neutral] = xyz[is_neutral, 1, None]
    return _on_curve(rgb)


def linear_to_srgb(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """Light (H, W, C) of any numbers, from `black` to `white`, as levels of sRGB: uint16."""
    levels = np.empty(values.shape, np.uint16)
    for rows in strips(values):
        light = (values[rows].astype(np.float64) - black) / max(white - black, 1e-9)
        levels[rows] = np.rint(_on_curve(light) * 65535)
    return levels


def _on_curve(light: np.ndarray) -> np.ndarray:
    """The tone curve of IEC 61966-2-1."""
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
