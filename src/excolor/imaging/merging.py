"""A result of full size: a photograph's own pixels, changed as the networks changed the small ones.

`with_colors` and `with_look` take a photograph, what the networks saw of it, and what they made of that. The functions
below them do the same with arrays: pixels are (H, W) gray or (H, W, 3) sRGB, uint8, uint16 or float32 in [0, 1], and
results (H, W, 3) of the same dtype. They run in strips (`imaging.strips`).
"""

from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np
import torch
from torch import Tensor

from excolor.imaging.color import colored, linearize, rgb_to_lab
from excolor.imaging.lab_arrays import (
    CUBE,
    LIGHTNESS,
    RGB_TO_NORMALIZED,
    SRGB,
    linear_rgb,
    look_up,
    tone,
    weighted,
    white_and_depth,
)
from excolor.imaging.strips import map_strips, strips
from excolor.imaging.upsampling import LocalAffine, fit_change, fit_detail
from excolor.imaging.working_size import Floats, NetworkInput, to_unit
from excolor.photo import Photo
from excolor.settings import Keep

# A window in pixels of the working size, variances in squared units of L and ab: where CIEDE2000 to the truth is least
# on photographs, with and without grain
_RADIUS_AB = 1
_EPSILON_LIGHTNESS = 3.0
_DOUBT_AB = 1.0

# Of the shorter side: windows in which smooth gradients are distinguished from steps of 8 bits
_SMOOTH = 1 / 64
_SMOOTH_LEAST = 2  # pixels
_HALF_A_LEVEL = 0.499


def with_colors(photo: Photo, seen: NetworkInput, ab: Tensor) -> Photo:
    """A photograph in other colors, at its own lightness.

    Args:
        photo: as it is.
        seen: its L as the networks saw it.
        ab: (1, 2, h, w) in [-128, 127], which they found for that.
    """
    lightness = seen.to_array(seen.tensor)[..., 0]
    return replace(photo, pixels=merge_ab(photo.pixels, lightness, seen.to_array(ab)))


def with_look(photo: Photo, seen: NetworkInput, styled: Tensor, keep: Keep) -> Photo:
    """A photograph in another look, with its own detail.

    Args:
        photo: as it is.
        seen: its sRGB as the network saw it.
        styled: what the network made of that, sRGB (1, 3, h, w) in [0, 1].
        keep: what of the photograph stays exactly.
    """
    small, small_result = seen.to_array(seen.tensor), seen.to_array(styled)
    if keep == "nothing":
        return replace(photo, pixels=merge_rgb(photo.pixels, small, small_result))
    lightness = _lab(small)[..., 0]
    if keep == "color":
        return replace(photo, pixels=merge_lightness(photo.pixels, lightness, _lab(small_result)[..., 0]))
    without_rims = merge_rgb(small, small, small_result)  # merge_ab would keep those that the network draws along edges
    return replace(photo, pixels=merge_ab(photo.pixels, lightness, _lab(without_rims)[..., 1:]))


def as_networks_gave(photo: Photo, seen: NetworkInput, rgb: Tensor) -> Photo:
    """A photograph that the network saw at its own size, in the very pixels that it gave, sRGB (1, 3, h, w)."""
    return replace(photo, pixels=to_pixels(seen.unpadded(rgb)[0].cpu(), photo.pixels.dtype))


def small_photo(seen: NetworkInput, ab: Tensor) -> Photo:
    """The L that the networks saw in the colors of ab (1, 2, h, w), uint8, at the size at which they saw it."""
    return Photo(to_pixels(seen.unpadded(colored(seen.tensor, ab))[0].cpu(), np.dtype(np.uint8)))


def merge_ab(pixels: np.ndarray, small_lightness: Floats, small_ab: Floats) -> np.ndarray:
    """Give `pixels` the colors of a small ab map; their L stays what it is.

    Args:
        pixels: the target at full size.
        small_lightness: its L (h, w) in [0, 100] at the working size.
        small_ab: (h, w, 2) in [-128, 127].

    Returns:
        sRGB. Its ab follows the edges of the full-size L; what sRGB cannot show loses chroma.
    """
    upsampled = _upsampled_ab(small_lightness, small_ab, pixels.shape[:2])
    white, depth = white_and_depth(pixels.dtype)

    def color(strip: np.ndarray, rows: slice) -> Iterable[np.ndarray]:
        lightness, luminance = tone(strip)
        a, b = upsampled(lightness[None], rows)
        return (SRGB(channel, white, depth) for channel in linear_rgb(lightness, luminance, a, b))

    return map_strips(pixels, color)


def merge_ab_part(
    pixels: np.ndarray, small_lightness: Floats, small_ab: Floats, rows: slice, columns: slice
) -> np.ndarray:
    """The part of what `merge_ab` gives, in a time that does not depend on the size of the picture; for a look at it.

    Args:
        pixels: the whole target.
        small_lightness: as in `merge_ab`.
        small_ab: likewise.
        rows: of the part.
        columns: of the part.

    Returns:
        sRGB (rows, columns, 3), up to rounding.
    """
    upsampled = _upsampled_ab(small_lightness, small_ab, pixels.shape[:2])
    white, depth = white_and_depth(pixels.dtype)

    def color(strip: np.ndarray, some: slice) -> Iterable[np.ndarray]:
        lightness, luminance = tone(strip)
        a, b = upsampled.part(lightness[None], slice(rows.start + some.start, rows.start + some.stop), columns)
        return (SRGB(channel, white, depth) for channel in linear_rgb(lightness, luminance, a, b))

    return map_strips(np.ascontiguousarray(pixels[rows, columns]), color)


def ab_at(lightness: Floats, small_lightness: Floats, small_ab: Floats) -> tuple[Floats, Floats]:
    """The a and b that `merge_ab` gives a picture of this L, each (H, W), without merging them with it.

    Args:
        lightness: of the picture, (H, W) in [0, 100]; it may be smaller than what the networks saw.
        small_lightness: L of its small version (h, w).
        small_ab: (h, w, 2).
    """
    height, width = lightness.shape
    if height <= small_ab.shape[0] and width <= small_ab.shape[1]:
        small = np.asarray(cv2.resize(small_ab, (width, height), interpolation=cv2.INTER_AREA))
        return np.ascontiguousarray(small[..., 0]), np.ascontiguousarray(small[..., 1])
    upsampled = _upsampled_ab(small_lightness, small_ab, (height, width))
    planes = np.empty((2, height, width), np.float32)
    for rows in strips((height, width)):
        planes[:, rows] = upsampled(lightness[None, rows], rows)
    return planes[0], planes[1]


def _upsampled_ab(small_lightness: Floats, small_ab: Floats, size: tuple[int, int]) -> LocalAffine:
    """What gives ab at a size (H, W) from L there, with the edges of L."""
    fit = fit_detail(small_lightness, small_ab, radius=_RADIUS_AB, epsilon=_EPSILON_LIGHTNESS, doubt=_DOUBT_AB)
    return LocalAffine(fit, size)


def merge_rgb(pixels: np.ndarray, small: Floats, small_result: Floats) -> np.ndarray:
    """Do to `pixels` what was done to its small version: sRGB (h, w, 3) in [0, 1] before and after.

    It is the change that is fitted, not the result: grain too weak for the fit is left as it is instead of smoothed.
    At the picture's own size too the result is not taken as it is: edges and grain are those of `pixels`.
    """
    change = fit_change(small, small_result, white=1)
    upsampled = LocalAffine(change, pixels.shape[:2])
    white, depth = white_and_depth(pixels.dtype)

    def restyle(_strip: np.ndarray, rows: slice) -> Iterable[np.ndarray]:
        smooth = _between_levels(pixels, rows)
        rgb = np.stack([smooth] * 3) if smooth.ndim == 2 else np.ascontiguousarray(np.moveaxis(smooth, -1, 0))
        changes = upsampled(rgb, rows)
        return (weighted(old, white, change, white, 0, depth) for old, change in zip(rgb, changes, strict=True))

    return map_strips(pixels, restyle)


def merge_lightness(pixels: np.ndarray, small_lightness: Floats, small_result: Floats) -> np.ndarray:
    """Do to the L of `pixels` what was done to that of its small version, (h, w) in [0, 100]; their ab stays.

    Gray stays exactly gray. What sRGB cannot show at the new L loses chroma.
    """
    change = fit_change(small_lightness[..., None], small_result[..., None], white=100)
    upsampled = LocalAffine(change, pixels.shape[:2])
    white, depth = white_and_depth(pixels.dtype)

    def relight(strip: np.ndarray, rows: slice) -> Iterable[np.ndarray]:
        smooth = _between_levels(pixels, rows)
        linear, is_gray = look_up(linearize, smooth), np.ones(strip.shape[:2], bool)
        if strip.ndim == 2:
            linear = np.stack([linear] * 3, -1)
        else:
            is_gray = np.ptp(strip, axis=2) == 0
        xyz: Floats = np.asarray(cv2.transform(linear, RGB_TO_NORMALIZED))
        x, old, z = np.ascontiguousarray(np.moveaxis(LIGHTNESS(xyz), -1, 0))  # all curved as L is
        new = (old + upsampled(old[None], rows)[0]).clip(0, 100)
        luminance = CUBE((new + np.float32(16)) / np.float32(116))
        a, b = (x - old) * np.float32(500 / 116), (old - z) * np.float32(200 / 116)
        a[is_gray], b[is_gray] = 0, 0
        red, green, blue = (SRGB(channel, white, depth) for channel in linear_rgb(new, luminance, a, b))
        red[is_gray], blue[is_gray] = green[is_gray], green[is_gray]
        return red, green, blue

    return map_strips(pixels, relight)


def _between_levels(pixels: np.ndarray, rows: slice) -> Floats:
    """A strip (rows, W[, 3]) in [0, 1] whose smooth gradients are smooth in 8 bits too, or stretching would draw steps.

    Each value stays nearer to its own level than to the next one: where nothing is changed it rounds to what it was.
    Pixels that differ from their surroundings by more than rounding and faint noise stay as they are.
    """
    if pixels.dtype != np.uint8:
        return to_unit(pixels[rows])
    radius = max(_SMOOTH_LEAST, round(_SMOOTH * min(pixels.shape[:2])))
    first = max(0, rows.start - radius)
    around = pixels[first : rows.stop + radius]
    side = (2 * radius + 1, 2 * radius + 1)
    level: Floats = pixels[rows].astype(np.float32)
    mean = np.asarray(cv2.boxFilter(around, cv2.CV_32F, side, borderType=cv2.BORDER_REFLECT))
    offset = mean[rows.start - first :][: len(level)] - level
    fading = np.clip(1.5 - np.abs(offset), 0, 1)  # 1 up to half a level, 0 from one and a half
    level += offset.clip(-_HALF_A_LEVEL, _HALF_A_LEVEL) * fading
    unit: Floats = np.divide(level, np.float32(255), out=level)
    return unit


def to_pixels(rgb: Tensor, dtype: np.dtype) -> np.ndarray:
    """sRGB (3, H, W) in [0, 1] to pixels (H, W, 3), rounded to uint8 or uint16, or float32."""
    hwc = rgb.permute(1, 2, 0)
    if dtype == np.float32:
        return hwc.contiguous().numpy()
    return (hwc * np.iinfo(dtype).max).round().numpy().astype(dtype)


def _lab(rgb: Floats) -> Floats:
    """sRGB (h, w, 3) to Lab (h, w, 3)."""
    return np.ascontiguousarray(rgb_to_lab(torch.from_numpy(rgb).permute(2, 0, 1)).permute(1, 2, 0).numpy())
