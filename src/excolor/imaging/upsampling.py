"""From the size that the networks see to a picture's own size.

This is a local affine model (the guided filter of He et al. 2013, evaluated as in their fast variant of 2015):
around each pixel of the small picture, the small result, or the finest detail of it, is fitted as an affine function of
the small guide; the coefficients are brought up to full size and applied to the full-size guide. Edges of the result
then lie where the guide has them, whatever the factor. Arrays are (H, W, channels); sizes are (height, width).
"""

from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from excolor.imaging.strips import strip_threads
from excolor.imaging.working_size import Floats

_BLOCK = 8  # rows of the small picture
_BAND = 64  # rows of the full one that are mixed at once

# Of a change: windows in pixels of the working size, variances in squared units of guide and values
_RADIUS_RGB = 8  # narrower ones follow what is left of the rims that the network draws along edges
_RADIUS_FLAT = 32
_COARSE = 4
_EPSILON_RGB = 1e-4
_RIM = 3  # pixels: how far an edge spoils the network's answer
_EDGE = 0.1  # of white: range of values within this distance, from which on it does
_FLAT = 0.08  # of white: range of values in the wide window, up to which it is flat but for noise


def fit_local_affine(
    guide: Floats, values: Floats, *, radius: int, epsilon: float, weights: Floats | None = None
) -> Floats:
    """Fit `values` as affine functions of `guide` in the window around each pixel (He et al. 2013, eq. 11 to 15).

    Args:
        guide: (h, w, G).
        values: (h, w, K).
        radius: of the square window, in pixels.
        epsilon: variance of the guide below which a window counts as flat, and the values' mean is taken.
        weights: (h, w), positive: how much each pixel counts in the windows that hold it; all the same if left out.

    Returns:
        Coefficients (h, w, K, G + 1), the constant last, averaged over the windows that hold a pixel.
    """
    height, width, channels = guide.shape
    side = (2 * radius + 1, 2 * radius + 1)

    def mean(x: Floats) -> Floats:
        # Channel by channel: not every version of OpenCV filters more than four at once
        flat = x.reshape(height, width, -1)
        out = np.empty_like(flat)
        for i in range(flat.shape[-1]):
            out[..., i] = cv2.blur(np.ascontiguousarray(flat[..., i]), side, borderType=cv2.BORDER_REFLECT)
        return out.reshape(x.shape)

    def fitted_mean(x: Floats) -> Floats:
        if weights is None:
            return mean(x)
        shape = (height, width) + (1,) * (x.ndim - 2)
        weighted: Floats = mean(x * weights.reshape(shape)) / total.reshape(shape)
        return weighted

    total = mean(weights) if weights is not None else np.ones((), np.float32)
    mean_guide, mean_values = fitted_mean(guide), fitted_mean(values)
    guide_0, values_0 = guide - guide.mean((0, 1)), values - values.mean((0, 1))  # squares keep their digits
    low_guide, low_values = fitted_mean(guide_0), fitted_mean(values_0)
    covariance = fitted_mean(guide_0[..., :, None] * guide_0[..., None, :])
    covariance -= low_guide[..., :, None] * low_guide[..., None, :]
    crossed = fitted_mean(guide_0[..., :, None] * values_0[..., None, :])
    crossed -= low_guide[..., :, None] * low_values[..., None, :]
    covariance += epsilon * np.eye(channels, dtype=np.float32)
    # Three times as fast as NumPy's for many small ones
    slope = torch.linalg.solve(torch.from_numpy(covariance), torch.from_numpy(crossed)).numpy()  # (h, w, G, K)
    constant = mean_values - np.einsum("hwgk,hwg->hwk", slope, mean_guide)
    return mean(np.concatenate((slope.swapaxes(2, 3), constant[..., None]), axis=-1).astype(np.float32))


def fit_detail(guide: Floats, values: Floats, *, radius: int, epsilon: float, doubt: float) -> Floats:
    """Fit how the finest detail of `values` follows that of `guide`, where it does.

    Unlike `fit_local_affine` the result gives back `values` themselves at their own size, unsmoothed: the guide only
    says what lies between their pixels. The finest detail there is has to stand for the still finer one that is not.

    Args:
        guide: (h, w).
        values: (h, w, K).
        radius: of the square window, in pixels.
        epsilon: variance of the guide's detail below which a window counts as flat.
        doubt: variance of the values' detail below which it counts as noise.

    Returns:
        Coefficients (h, w, K, 2): slope and constant.
    """
    side = (2 * radius + 1, 2 * radius + 1)

    def mean(x: Floats) -> Floats:
        smooth: Floats = np.asarray(cv2.blur(x, side, borderType=cv2.BORDER_REFLECT))
        return smooth

    fine, coefficients = guide - mean(guide), []
    variance = mean(fine**2) + epsilon
    for plane in np.moveaxis(values, -1, 0):
        fine_plane = plane - mean(plane)
        covariance = mean(fine * fine_plane)
        agreement = covariance**2 / (variance * (mean(fine_plane**2) + doubt))  # squared correlation, in [0, 1]
        slope = mean(agreement * covariance / variance)
        coefficients.append(np.stack((slope, plane - slope * guide), axis=-1))
    return np.stack(coefficients, axis=2)


def fit_change(small: Floats, small_result: Floats, white: float) -> Floats:
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


class LocalAffine:
    """Coefficients of `fit_local_affine` or `fit_detail` at the size of the full picture, strip by strip."""

    def __init__(self, coefficients: Floats, size: tuple[int, int]) -> None:
        """Prepare `coefficients` (h, w, K, G + 1) for a picture of `size`."""
        self._height, width, self._values, self._terms = coefficients.shape
        self._size = size
        rows = coefficients.reshape(self._height, width, -1).swapaxes(1, 2)
        self._rows = np.ascontiguousarray(rows)  # (h, K*(G+1), w)
        # A strip needs few rows of the small picture, and the next one mostly the same: all of them would be large
        self._wide_block = lru_cache(maxsize=3 * strip_threads())(self._widen)

    def __call__(self, guide: Floats, rows: slice) -> Floats:
        """The values (K, strip, W) for the rows `rows` of the full picture, whose guide is (G, strip, W)."""
        first, weights = self._weights(rows)
        wide = torch.from_numpy(np.stack([self._wide(first + i) for i in range(weights.shape[1])])).flatten(1)
        mixed = torch.empty((len(weights), wide.shape[1]))
        for top in range(0, len(weights), _BAND):
            band = weights[top : top + _BAND]
            near = np.flatnonzero(band.any(0))  # each row lies between four of the small picture
            few = slice(near[0], near[-1] + 1)
            torch.mm(torch.from_numpy(band[:, few]), wide[few], out=mixed[top : top + _BAND])
        local = mixed.numpy().reshape(-1, self._values, self._terms, self._size[1])  # (strip, K, G + 1, W)
        return _applied(local, guide)

    def part(self, guide: Floats, rows: slice, columns: slice) -> Floats:
        """Like a call for some columns alone, (K, strip, columns), from a guide (G, strip, columns).

        The work grows with the part, not with the width of the picture. Last digits may differ.
        """
        (top, down), (left, across) = self._weights(rows), _bicubic(columns, self._rows.shape[2], self._size[1])
        few = self._rows[top : top + down.shape[1], :, left : left + across.shape[1]]
        narrow = np.tensordot(down, few, axes=1)  # (strip, K*(G+1), small columns)
        local = np.ascontiguousarray(narrow @ across.T)
        return _applied(local.reshape(len(local), self._values, self._terms, -1), guide)

    def _weights(self, rows: slice) -> tuple[int, Floats]:
        return _bicubic(rows, self._height, self._size[0])

    def _wide(self, row: int) -> Floats:
        """The coefficients (K*(G+1), W) of a row of the small picture, at the full width."""
        block, inside = divmod(row, _BLOCK)
        wide: Floats = self._wide_block(block)[inside]
        return wide

    def _widen(self, block: int) -> Floats:
        """So many rows at once, (_BLOCK, K*(G+1), W), because OpenCV prepares each call for long."""
        narrow = self._rows[block * _BLOCK : (block + 1) * _BLOCK]
        flat = narrow.reshape(-1, narrow.shape[-1])
        wide: Floats = np.asarray(cv2.resize(flat, (self._size[1], len(flat)), interpolation=cv2.INTER_CUBIC))
        return wide.reshape(*narrow.shape[:2], -1)


def _applied(local: Floats, guide: Floats) -> Floats:
    """The values (K, rows, columns) of coefficients (rows, K, G + 1, columns), which are overwritten, for a guide."""
    values = np.ascontiguousarray(local[:, :, -1].swapaxes(0, 1))
    for channel, slopes in zip(guide, local[:, :, :-1].swapaxes(0, 2), strict=True):
        values += np.multiply(slopes, channel, out=slopes)
    return values


def _bicubic(part: slice, few: int, many: int) -> tuple[int, Floats]:
    """Which of `few` rows (or columns) a part of `many` lies between: the first, and the weights (part, few)."""
    position = (np.arange(part.start, part.stop) + 0.5) * (few / many) - 0.5
    above = np.floor(position).astype(int)
    neighbors = above[:, None] + np.arange(-1, 3)
    inside = neighbors.clip(0, few - 1)  # the row at the edge goes on outside
    first = int(inside.min())
    weights = np.zeros((len(position), int(inside.max()) - first + 1), np.float32)
    np.add.at(weights, (np.arange(len(position))[:, None], inside - first), _cubic(position[:, None] - neighbors))
    return first, weights


def _cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of neighbors at distances up to 2: OpenCV's bicubic ones (Keys 1981, -0.75)."""
    x = np.abs(distance)
    near = (1.25 * x - 2.25) * x * x + 1
    far = -0.75 * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0))
