"""Full-size results from small ones: the target's own pixels, with colors brought up from the working size.

Everything here runs in strips: memory does not grow with the picture beyond input and output themselves, temporaries
stay in the processor's cache, and each core has its own. Pixels are (H, W) gray or (H, W, 3) sRGB, uint8, uint16 or
float32 in [0, 1]; results are (H, W, 3) of the same dtype.

At this size NumPy and OpenCV compute what `imaging.color` says in torch: several times faster, to the same digits.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

from excolor.imaging.color import DELTA, LUMINANCE, NORMALIZED_TO_RGB, gray_to_lightness, linearize, rgb_to_lab
from excolor.imaging.upsampling import LocalAffine, fit_detail, fit_local_affine, strip_threads, strips
from excolor.imaging.working_size import Floats, to_unit

# Windows in pixels of the working size, variances in squared units of guide and values. For ab: where CIEDE2000 to the
# truth is least on photographs, with and without grain
_RADIUS_AB = 1
_EPSILON_LIGHTNESS = 3.0
_DOUBT_AB = 1.0
_RADIUS_RGB = 8  # narrower ones follow what is left of the rims that the network draws along edges
_RADIUS_FLAT = 32
_COARSE = 4
_EPSILON_RGB = 1e-4
_RIM = 3  # pixels: how far an edge spoils the network's answer
_EDGE = 0.1  # of white: range of values within this distance, from which on it does
_FLAT = 0.08  # of white: range of values in the wide window, up to which it is flat but for noise

# Of the shorter side: windows in which smooth gradients are told from steps of 8 bits
_SMOOTH = 1 / 64
_SMOOTH_LEAST = 2  # pixels
_HALF_A_LEVEL = 0.499


@dataclass(frozen=True)
class _Curve:
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
        return _weighted(power, self.scale * white, line, self.slope * white, constant * white, depth)


# The formulas of `excolor.imaging.color` again, each line moved to where its power starts
_LIGHTNESS = _Curve(1 / 3, 116, -16, DELTA**3, 116 / (3 * DELTA**2))  # L of luminance
_UNCURVED = _Curve(3, 1, 0, DELTA, 3 * DELTA**2)  # X or Z, divided by that of white, of the f that Lab has for it
_SRGB = _Curve(1 / 2.4, 1.055, -0.055, 0.0031308, 12.92)  # sRGB of linear light
_RGB_TO_NORMALIZED = np.linalg.inv(NORMALIZED_TO_RGB.numpy()).astype(np.float32)


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
    fit = fit_detail(small_lightness, small_ab, radius=_RADIUS_AB, epsilon=_EPSILON_LIGHTNESS, doubt=_DOUBT_AB)
    upsampled = LocalAffine(fit, pixels.shape[:2])
    white, depth = _scale(pixels.dtype)

    def color(strip: np.ndarray, rows: slice) -> Iterable[np.ndarray]:
        lightness, luminance = _tone(strip)
        a, b = upsampled(lightness[None], rows)
        return (_SRGB(channel, white, depth) for channel in _linear_rgb(lightness, luminance, a, b))

    return _in_strips(pixels, color)


def merge_rgb(pixels: np.ndarray, small: Floats, small_result: Floats) -> np.ndarray:
    """Do to `pixels` what was done to its small version: sRGB (h, w, 3) in [0, 1] before and after.

    It is the change that is fitted, not the result: grain too weak for the fit is left as it is instead of smoothed.
    At the picture's own size too the result is not taken as it is: edges and grain are those of `pixels`.
    """
    change = _fit_change(small, small_result, white=1)
    upsampled = LocalAffine(change, pixels.shape[:2])
    white, depth = _scale(pixels.dtype)

    def restyle(_strip: np.ndarray, rows: slice) -> Iterable[np.ndarray]:
        smooth = _between_levels(pixels, rows)
        rgb = np.stack([smooth] * 3) if smooth.ndim == 2 else np.ascontiguousarray(np.moveaxis(smooth, -1, 0))
        changes = upsampled(rgb, rows)
        return (_weighted(old, white, change, white, 0, depth) for old, change in zip(rgb, changes, strict=True))

    return _in_strips(pixels, restyle)


def merge_lightness(pixels: np.ndarray, small_lightness: Floats, small_result: Floats) -> np.ndarray:
    """Do to the L of `pixels` what was done to that of its small version, (h, w) in [0, 100]; their ab stays.

    Gray stays exactly gray. What sRGB cannot show at the new L loses chroma.
    """
    change = _fit_change(small_lightness[..., None], small_result[..., None], white=100)
    upsampled = LocalAffine(change, pixels.shape[:2])
    white, depth = _scale(pixels.dtype)

    def relight(strip: np.ndarray, rows: slice) -> Iterable[np.ndarray]:
        smooth = _between_levels(pixels, rows)
        linear, is_gray = _look_up(linearize, smooth), np.ones(strip.shape[:2], bool)
        if strip.ndim == 2:
            linear = np.stack([linear] * 3, -1)
        else:
            is_gray = np.ptp(strip, axis=2) == 0
        xyz: Floats = np.asarray(cv2.transform(linear, _RGB_TO_NORMALIZED))
        x, old, z = np.ascontiguousarray(np.moveaxis(_LIGHTNESS(xyz), -1, 0))  # all curved as L is
        new = (old + upsampled(old[None], rows)[0]).clip(0, 100)
        luminance = _UNCURVED((new + np.float32(16)) / np.float32(116))
        a, b = (x - old) * np.float32(500 / 116), (old - z) * np.float32(200 / 116)
        a[is_gray], b[is_gray] = 0, 0
        red, green, blue = (_SRGB(channel, white, depth) for channel in _linear_rgb(new, luminance, a, b))
        red[is_gray], blue[is_gray] = green[is_gray], green[is_gray]
        return red, green, blue

    return _in_strips(pixels, relight)


def _between_levels(pixels: np.ndarray, rows: slice) -> Floats:
    """A strip (rows, W[, 3]) in [0, 1] whose smooth gradients are smooth in 8 bits too, lest stretching draws steps.

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


def _fit_change(small: Floats, small_result: Floats, white: float) -> Floats:
    """Coefficients of how `small` (h, w, channels) in [0, white] was changed to `small_result`, for `LocalAffine`.

    Along strong edges the network draws rims of a few pixels: there its answer counts less, unless there is nothing but
    edges around. In flat places it magnifies noise to blotches: there windows are wide.
    """
    change = small_result - small
    epsilon = _EPSILON_RGB * white**2
    trust = _falling(_contrast(small, _RIM) / np.float32(_EDGE * white))
    narrow = fit_local_affine(small, change, radius=_RADIUS_RGB, epsilon=epsilon, weights=trust)
    is_flat = _falling(_contrast(small, _RADIUS_FLAT) / np.float32(_FLAT * white))
    if is_flat.max() < 0.01:
        return narrow
    side = (2 * _RADIUS_FLAT + 1, 2 * _RADIUS_FLAT + 1)
    share = np.asarray(cv2.blur(is_flat, side, borderType=cv2.BORDER_REFLECT))[..., None, None]
    wide = _fit_wide(small, change, epsilon, trust)
    wide -= narrow
    wide *= share
    return np.add(narrow, wide, out=wide)


def _fit_wide(small: Floats, change: Floats, epsilon: float, trust: Floats) -> Floats:
    """The fit in wide windows, at a quarter of the size (the fast guided filter of He & Sun 2015)."""
    height, width = trust.shape
    coarse_size = max(1, width // _COARSE), max(1, height // _COARSE)

    def coarse(x: Floats) -> Floats:
        small: Floats = np.asarray(cv2.resize(x, coarse_size, interpolation=cv2.INTER_AREA))
        return small.reshape(*small.shape[:2], *x.shape[2:])

    guide, values, weights = coarse(small), coarse(change), coarse(trust)
    fit = fit_local_affine(guide, values, radius=_RADIUS_FLAT // _COARSE, epsilon=epsilon, weights=weights)
    wide: Floats = np.asarray(cv2.resize(fit.reshape(*fit.shape[:2], -1), (width, height)))
    return wide.reshape(height, width, *fit.shape[2:])


def _contrast(small: Floats, radius: int) -> Floats:
    """The range of values in the square window around each pixel, (h, w): that of the channel where it is largest."""
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    contrast = np.asarray(cv2.dilate(small, kernel) - cv2.erode(small, kernel)).reshape(small.shape)
    largest: Floats = contrast.max(2)
    return largest


def _falling(x: Floats) -> Floats:
    """1 at 0, a quarter at 1, then soon 0."""
    share: Floats = (1 + x * x) ** np.float32(-2)
    return share


def from_unit(rgb: Tensor, dtype: np.dtype) -> np.ndarray:
    """sRGB (3, H, W) in [0, 1] to pixels (H, W, 3), rounded to uint8 or uint16, or float32."""
    hwc = rgb.permute(1, 2, 0)
    if dtype == np.float32:
        return hwc.contiguous().numpy()
    return (hwc * np.iinfo(dtype).max).round().numpy().astype(dtype)


def _tone(strip: np.ndarray) -> tuple[Floats, Floats]:
    """L in [0, 100] and luminance in [0, 1] of pixels."""
    if strip.ndim == 2:
        return _look_up(gray_to_lightness, strip), _look_up(linearize, strip)
    luminance: Floats = np.asarray(cv2.transform(_look_up(linearize, strip), np.array([LUMINANCE], np.float32)))
    return _LIGHTNESS(luminance), luminance


def _linear_rgb(lightness: Floats, luminance: Floats, a: Floats, b: Floats) -> Floats:
    """Linear light (3, H, W) in [0, 1] of Lab whose luminance is known too; see `lab_to_rgb`."""
    x = _UNCURVED(_weighted(lightness, 1 / 116, a, 1 / 500, 16 / 116))
    z = _UNCURVED(_weighted(lightness, 1 / 116, b, -1 / 200, 16 / 116))
    linear = np.empty((3, *luminance.shape), np.float32)
    for channel, (of_x, of_y, of_z) in zip(linear, NORMALIZED_TO_RGB.tolist(), strict=True):
        cv2.scaleAdd(luminance, of_y, _weighted(x, of_x, z, of_z), dst=channel)
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


def _look_up(function: Callable[[Tensor], Tensor], strip: np.ndarray) -> Floats:
    """A function of single values in [0, 1], of pixels: computed once for each level that there is."""
    if strip.dtype == np.float32:
        return function(torch.from_numpy(to_unit(strip))).numpy()
    table = _table(function, strip.dtype)
    return np.asarray(cv2.LUT(strip, table)) if strip.dtype == np.uint8 else table.take(strip, mode="clip")


@lru_cache
def _table(function: Callable[[Tensor], Tensor], dtype: np.dtype) -> Floats:
    return function(torch.linspace(0, 1, np.iinfo(dtype).max + 1, dtype=torch.float64)).float().numpy()


def _weighted(
    x: Floats, x_weight: float, y: Floats, y_weight: float, constant: float = 0, depth: int = cv2.CV_32F
) -> np.ndarray:
    """x·x_weight + y·y_weight + constant in one go; rounded and bounded if `depth` is an integer's."""
    return np.asarray(cv2.addWeighted(x, x_weight, y, y_weight, constant, dtype=depth))


def _scale(dtype: np.dtype) -> tuple[float, int]:
    """White, and OpenCV's name of the dtype."""
    if dtype == np.float32:
        return 1, cv2.CV_32F
    return np.iinfo(dtype).max, {1: cv2.CV_8U, 2: cv2.CV_16U}[dtype.itemsize]


def _in_strips(pixels: np.ndarray, work: Callable[[np.ndarray, slice], Iterable[np.ndarray]]) -> np.ndarray:
    """(H, W, 3) of what `work` makes of each strip of pixels: its three channels (rows, W)."""
    out = np.empty((*pixels.shape[:2], 3), pixels.dtype)

    def one(rows: slice) -> None:
        cv2.merge(list(work(pixels[rows], rows)), dst=out[rows])
        if out.dtype == np.float32:  # integers are bounded as they are rounded
            out[rows].clip(0, 1, out=out[rows])

    with ThreadPoolExecutor(strip_threads()) as threads:
        for _ in threads.map(one, strips(pixels.shape[:2])):
            pass
    return out
