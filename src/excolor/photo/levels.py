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


def from_numbers(
    values: np.ndarray, name: str, bits: int | None = None, declared: int | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Levels (H, W, ...), uint16 or float32, from a file's integers or floats; and notes on what had to be guessed.

    Integers mean the part that they are of the largest that their type holds. Those of 32 bits and more that use little
    of it are taken for 16 bits if they fit, and stretched otherwise, as are all with negatives among them: the lowest
    becomes black and the highest white. Floats are of 1.0: a few that lie outside of [0, 1] are clipped; if they are
    many, white is something else, and all are stretched.

    Args:
        values: as stored.
        name: what messages call the file.
        bits: of an unsigned integer, where they are fewer than those of its type.
        declared: the largest value, if the file says so; used if it has all bits set and none is larger.

    Raises:
        PhotoError: there are infinite ones or NaN among them, or they are complex.
    """
    if values.dtype.kind not in "iuf":
        raise PhotoError(f"cannot use {name}: its levels are {values.dtype}; convert them to 16-bit integers")
    if values.size == 0:
        raise PhotoError(f"cannot use {name}: it has no pixels")
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise PhotoError(f"cannot use {name}: some of its levels are infinite or not numbers (NaN); replace them first")
    if values.dtype.kind == "f":
        return _from_floats(values, low, high)
    if low < 0:
        return _stretched(values, low, high)
    white = int(np.iinfo(values.dtype).max) if bits is None or values.dtype.kind == "i" else (1 << bits) - 1
    if declared is not None and high <= declared < white and (declared & (declared + 1)) == 0:
        return _from_integers(values, declared), ()
    if white > 65535:
        if high <= 65535:
            white = 65535
        elif high < white / _LITTLE_USED:
            return _stretched(values, low, high)
    notes: tuple[str, ...] = ()
    if 0 < high < white / _DARK:
        notes = (
            f"its brightest level is {high:.0f} of {white}, so that it is dark; if its levels have fewer bits than its "
            "file says, convert it to 16 bits first",
        )
    return _from_integers(values, white), notes


_LITTLE_USED = 16  # levels below the 16th part of what 32 bits hold hardly have these for white
_DARK = 3  # a picture with no level above a third of white is either dark or of fewer bits: 14 in 16 are a quarter
_FEW = 0.05  # of the levels that are not 0: highlights and what sharpening adds; of 0 to 255 nearly all are above 1


def _from_integers(values: np.ndarray, white: int) -> np.ndarray:
    """Non-negative integers, of which `white` is the largest, as uint16; as float32 if it is larger than 65535."""
    if white == 65535:
        return values.astype(np.uint16, copy=False)
    levels = np.empty(values.shape, np.uint16 if white < 65535 else np.float32)
    for rows in strips(values):
        levels[rows] = values[rows].astype(np.uint32) * 65535 // white if white < 65535 else values[rows] / white
    return levels


def _from_floats(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, tuple[str, ...]]:
    if low >= 0 and high <= 1:
        return values.astype(np.float32, copy=False), ()
    outside = used = 0
    for rows in strips(values):
        outside += int(np.count_nonzero((values[rows] < 0) | (values[rows] > 1)))
        used += int(np.count_nonzero(values[rows]))
    if outside > _FEW * used:
        return _stretched(values, low, high)
    levels = np.clip(values, 0, 1).astype(np.float32, copy=False)
    return levels, (f"{outside} of its levels lie outside of 0 to 1 (from {low:g} to {high:g}) and are clipped",)


def _stretched(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, tuple[str, ...]]:
    levels = np.empty(values.shape, np.float32)
    for rows in strips(values):
        levels[rows] = (values[rows].astype(np.float64) - low) / ((high - low) or 1.0)
    return levels, (f"its levels go from {low:g} to {high:g}, which are taken for black and white",)
