"""Gray levels and channels: the number types that pictures come in, and the ways between them.

Shapes: H, W height and width in pixels. Work over whole pictures goes in strips, so that it needs little memory.
"""

from collections.abc import Iterator

import numpy as np

from excolor.errors import PhotoError


def strips(array: np.ndarray, pixels: int = 1 << 20) -> Iterator[slice]:
    """Slices over the rows of (H, W, ...), of about this many pixels each."""
    height, width = array.shape[:2]
    rows = max(1, pixels // width)
    return (slice(top, top + rows) for top in range(0, height, rows))


def to_8_bit(array: np.ndarray) -> np.ndarray:
    """uint8, uint16 or float32 (H, W, ...) as uint8, rounded to nearest; floats are clipped to [0, 1] first."""
    if array.dtype == np.uint8:
        return array
    result = np.empty(array.shape, np.uint8)
    for rows in strips(array):
        if array.dtype == np.uint16:
            result[rows] = (array[rows].astype(np.uint32) + 128) // 257  # 65535 = 257 * 255
        else:
            result[rows] = np.rint(np.clip(array[rows], 0, 1) * 255)
    return result


def to_16_bit(array: np.ndarray) -> np.ndarray:
    """uint16 (H, W, ...) as it is; float32 as uint16, clipped to [0, 1] and rounded to nearest."""
    if array.dtype == np.uint16:
        return array
    result = np.empty(array.shape, np.uint16)
    for rows in strips(array):
        result[rows] = np.rint(np.clip(array[rows], 0, 1) * 65535)
    return result


def is_opaque(alpha: np.ndarray) -> bool:
    """Whether nothing is transparent."""
    white = 1.0 if alpha.dtype.kind == "f" else np.iinfo(alpha.dtype).max
    return bool(alpha.min() >= white)


def from_array(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels and alpha of an array that a user gave; see `as_photo` for what it may be, and `Raster` for the result.

    Raises:
        PhotoError: it is of another shape or type, is empty, or has floats outside [0, 1].
    """
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))):
        raise PhotoError(
            f"cannot use an array of shape {array.shape} as a picture: give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"
        )
    if array.size == 0:
        raise PhotoError(f"cannot use an array of shape {array.shape} as a picture: it has no pixels")
    levels = _levels(array)
    if levels.ndim == 2:
        return np.ascontiguousarray(levels), None
    if levels.shape[2] == 1:
        return np.ascontiguousarray(levels[..., 0]), None
    alpha = np.ascontiguousarray(levels[..., 3]) if levels.shape[2] == 4 else None
    return np.ascontiguousarray(levels[..., :3]), alpha


def _levels(array: np.ndarray) -> np.ndarray:
    """The array as uint8, uint16 or float32 in [0, 1], in native byte order; not copied if it is that already."""
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    native = array.dtype.newbyteorder("=")
    if native in (np.uint8, np.uint16):
        return array.astype(native, copy=False)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise PhotoError(
            f"cannot use an array of {array.dtype} as a picture: give bool, uint8, uint16, or float in [0, 1]"
        )
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # also true of NaN
        raise PhotoError(
            f"cannot use an array of {array.dtype} from {low:g} to {high:g} as a picture: floats go from 0 to 1; "
            "divide by the value of white, or give uint8 or uint16"
        )
    return array.astype(np.float32, copy=False)


def from_numbers(values: np.ndarray, name: str) -> np.ndarray:
    """Levels (H, W, ...) from a file's integers or floats, of which it says nowhere what white is.

    Integers of 16 bits are taken as such (uint16) and floats in [0, 1] too; of others the lowest becomes black and the
    highest white (float32).

    Raises:
        PhotoError: there are infinite ones or NaN among them.
    """
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise PhotoError(f"cannot use {name}: some of its levels are infinite or not numbers (NaN); replace them first")
    if values.dtype.kind in "iu" and low >= 0 and high <= 65535:
        return values.astype(np.uint16, copy=False)
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        return values.astype(np.float32, copy=False)
    levels = np.empty(values.shape, np.float32)
    for rows in strips(values):
        levels[rows] = (values[rows].astype(np.float64) - low) / ((high - low) or 1.0)
    return levels
