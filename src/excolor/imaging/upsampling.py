"""From the size that the networks see to a picture's own size.

This is a local affine model (the guided filter of He et al. 2013, evaluated as in their fast variant of 2015):
around each pixel of the small picture, the small result, or the finest detail of it, is fitted as an affine function of
the small guide; the coefficients are brought up to full size and applied to the full-size guide. Edges of the result
then lie where the guide has them, whatever the factor. Arrays are (H, W, channels); sizes are (height, width).
"""

from collections.abc import Iterator
from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from excolor.imaging.working_size import Floats
from excolor.runtime.devices import cores

# Pixels of a strip: large enough that threads seldom wait for each other's turn in Python, some 20 MB of temporaries
_STRIP = 1 << 18
_BLOCK = 8  # rows of the small picture

_MOST_THREADS = 8  # at full size memory is soon the bottleneck


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


def strips(size: tuple[int, int]) -> Iterator[slice]:
    """Rows of a picture of `size` in strips that bound the memory of full-size work, and fit the processor's cache."""
    height, width = size
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def strip_threads() -> int:
    """How many strips to work on at a time; other than torch's number of threads it changes no bit of the result."""
    return min(_MOST_THREADS, cores())


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
        wide = np.stack([self._wide(first + i) for i in range(weights.shape[1])])
        mixed = torch.mm(torch.from_numpy(weights), torch.from_numpy(wide.reshape(len(wide), -1)))
        local = mixed.numpy().reshape(-1, self._values, self._terms, self._size[1])  # (strip, K, G + 1, W)
        values = np.ascontiguousarray(local[:, :, -1].swapaxes(0, 1))
        for channel, slopes in zip(guide, local[:, :, :-1].swapaxes(0, 2), strict=True):
            values += np.multiply(slopes, channel, out=slopes)
        return values

    def _weights(self, rows: slice) -> tuple[int, Floats]:
        """Which rows of the small picture a strip lies between: the first, and the weights (strip, small rows)."""
        position = (np.arange(rows.start, rows.stop) + 0.5) * (self._height / self._size[0]) - 0.5
        above = np.floor(position).astype(int)
        neighbors = above[:, None] + np.arange(-1, 3)
        inside = neighbors.clip(0, self._height - 1)  # the row at the edge goes on outside
        first = int(inside.min())
        weights = np.zeros((len(position), int(inside.max()) - first + 1), np.float32)
        np.add.at(weights, (np.arange(len(position))[:, None], inside - first), _cubic(position[:, None] - neighbors))
        return first, weights

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


def _cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of neighbors at distances up to 2: OpenCV's bicubic ones (Keys 1981, -0.75)."""
    x = np.abs(distance)
    near = (1.25 * x - 2.25) * x * x + 1
    far = -0.75 * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0))
