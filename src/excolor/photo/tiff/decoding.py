"""The pixels of a TIFF page, by tifffile with imagecodecs: every depth, layout and compression that they know."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from excolor.errors import PhotoError
from excolor.photo.guard import guarded
from excolor.photo.levels import from_numbers
from excolor.photo.metadata import Metadata, read_tiff_metadata
from excolor.photo.tiff import ycbcr
from excolor.photo.tiff.colors import (
    BT_601,
    FULL_RANGE,
    apply_palette,
    invert,
    lab_to_srgb,
    linear_to_srgb,
    unmultiplied,
    ycbcr_to_rgb,
)
from excolor.photo.tiff.pages import TiffPage

# Photometric interpretations (TIFF 6.0, section 8, and its supplements; DNG 1.7)
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _SEPARATED, _YCBCR, _CIE_LAB, _ICC_LAB = 0, 1, 2, 3, 5, 6, 8, 9
_MOSAIC, _LINEAR_RAW = 32803, 34892
_CHANNELS = {
    _MIN_IS_WHITE: 1,
    _MIN_IS_BLACK: 1,
    _RGB: 3,
    _PALETTE: 1,
    _SEPARATED: 4,
    _YCBCR: 3,
    _CIE_LAB: 3,
    _ICC_LAB: 3,
}

_MAX_SAMPLES = 8  # of a pixel: colors, alpha, and what a few programs add
_ASSOCIATED, _UNASSOCIATED = 1, 2  # kinds of alpha among the extra samples
_JPEG = {6, 7, 99, 33007}  # compressions whose decoder makes RGB of YCbCr; so do those of pictures as such:
_OTHERS_TO_RGB = {33003, 33004, 33005, 34712, 34892, 34934, 50001, 50002, 52546}
_MAX_SAMPLE_VALUE, _INK_SET, _CMYK, _BLACK_LEVEL, _WHITE_LEVEL = 281, 332, 1, 50714, 50717
_LUMA, _REFERENCE = 529, 532  # of YCbCr
_RATIONAL = 5  # a type of tags


@dataclass(frozen=True)
class DecodedPage:
    """What a page holds, not turned upright.

    Attributes:
        pixels: (H, W) gray, (H, W, 3) RGB, or (H, W, 4) CMYK; uint8, uint16 or float32 in [0, 1].
        alpha: (H, W), of the same dtype; None if there is none.
        notes: see `Raster`.
        metadata: of the page.
        profile: the ICC profile of the pixels.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    notes: tuple[str, ...]
    metadata: Metadata
    profile: bytes | None


def decode(file: BinaryIO, page: TiffPage, name: str) -> DecodedPage:
    """Decode a page.

    Raises:
        PhotoError: it is of a kind that is not known, is damaged, or cannot be used.
    """
    from tifffile import TiffFile
    from tifffile import TiffPage as Directory

    with guarded(name, "TIFF"):
        file.seek(0)
        tiff = TiffFile(file)
        tiff.filehandle.seek(page.offset)
        directory = Directory(tiff, index=page.index)
    colors = _colors(directory, name)
    with guarded(name, "TIFF") as warned:
        levels = ycbcr.decode(file, directory) if _is_raw_ycbcr(directory) else directory.asarray()
        if directory.axes.startswith("S"):  # each channel on its own plane
            levels = np.moveaxis(levels, 0, -1)
        profile = directory.iccprofile
    if levels.ndim == 2:
        levels = levels[..., None]
    if levels.ndim != 3 or levels.shape[:2] != (page.height, page.width):
        raise PhotoError(
            f"cannot read {name}: it has {levels.ndim} dimensions {directory.axes}; convert it to a plain TIFF"
        )
    if levels.shape[2] < colors:
        raise PhotoError(f"cannot read {name}: it is damaged, with {levels.shape[2]} channels for {colors} colors")
    kind, place = _alpha(directory, colors, levels.shape[2])
    has_alpha = place is not None
    more = levels.shape[2] - colors - has_alpha
    if place is not None and place > colors:
        levels = levels[..., [*range(colors), place]]
    levels = levels[..., : colors + has_alpha]
    notes: tuple[str, ...] = ()
    if directory.photometric in (_CIE_LAB, _ICC_LAB):
        profile = None  # its colors depend on no device
        pixels = lab_to_srgb(levels[..., :3], is_icc=directory.photometric == _ICC_LAB)
        alpha = levels[..., 3].astype(pixels.dtype) if has_alpha else None
    else:
        levels, notes = _levels(levels, directory, name)
        pixels, alpha = levels[..., :colors], levels[..., colors] if has_alpha else None
        pixels = _in_color(pixels, directory, name)
    if more:
        what = "1 more channel, which is" if more == 1 else f"{more} more channels, which are"
        notes = (*notes, f"it has {what} neither color nor transparency and not kept")
    if kind == _ASSOCIATED and alpha is not None:
        pixels = unmultiplied(pixels, alpha)
    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    return DecodedPage(pixels, alpha, (*notes, *warned), read_tiff_metadata(file, page.index, page.offset), profile)


def _alpha(directory: Any, colors: int, channels: int) -> tuple[int, int | None]:
    """The kind of the first channel of alpha behind the colors, and which it is; None if there is none."""
    for place, kind in enumerate(directory.extrasamples or (), colors):
        if kind in (_ASSOCIATED, _UNASSOCIATED) and place < channels:
            return int(kind), place
    return 0, None


def _colors(directory: Any, name: str) -> int:
    """Channels of the colors of a directory that can be decoded. Errors as in `decode`."""
    from tifffile import TIFF

    photometric, compression = directory.photometric, directory.compression
    if photometric == _MOSAIC:
        raise PhotoError(
            f"cannot read {name}: it is the raw file of a camera, with one color in each pixel; "
            "develop it with a raw converter, and save it as TIFF or JPEG"
        )
    samples = directory.samplesperpixel
    colors = min(samples, 3) if photometric == _LINEAR_RAW else _CHANNELS.get(photometric)
    if photometric == _SEPARATED and (directory.tags.valueof(_INK_SET) or _CMYK) != _CMYK:
        colors = None
    if colors is None or samples > _MAX_SAMPLES or colors == 2:
        kind = _label(photometric)
        raise PhotoError(
            f"cannot read {name}: its colors are {kind} of {samples} channels; convert it to a TIFF of RGB or gray"
        )
    if photometric in (_CIE_LAB, _ICC_LAB) and (compression in _JPEG or not _is_lab_depth(directory)):
        what = f"its colors are {_label(photometric)} of {directory.bitspersample} bits, {_label(compression)}"
    elif compression != 1 and compression not in TIFF.DECOMPRESSORS:
        what = f"it is compressed as {_label(compression)}"
    elif _is_raw_ycbcr(directory) and not ycbcr.is_readable(directory):
        bits = directory.bitspersample
        what = f"its colors are YCbCr with fewer pixels than its lightness, of {bits} bits, {_label(compression)}"
    elif directory.dtype is None or not isinstance(directory.bitspersample, int):
        what = f"its levels have {directory.bitspersample} bits"
    else:
        return colors
    raise PhotoError(f"cannot read {name}: {what}; convert it to a TIFF of RGB or gray")


def _is_raw_ycbcr(directory: Any) -> bool:
    """Whether colors have fewer pixels than lightness, and no codec of pictures that joins them."""
    return bool(directory.is_subsampled) and directory.compression not in _JPEG | _OTHERS_TO_RGB


def _label(choice: Any) -> str:
    """The name of one of tifffile's enumerated values, or its number if it has none."""
    return getattr(choice, "name", None) or str(choice)


def _is_lab_depth(directory: Any) -> bool:
    return directory.dtype is not None and directory.dtype.kind in "iu" and directory.bitspersample in (8, 16)


def _levels(values: np.ndarray, directory: Any, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """uint8, uint16 or float32 levels from whatever numbers are stored, and notes."""
    if directory.photometric == _PALETTE:
        return values, ()
    bits = directory.bitspersample
    if values.dtype == bool or (values.dtype == np.uint8 and bits < 8):
        return (values.astype(np.uint16) * 255 // ((1 << bits) - 1)).astype(np.uint8), ()
    if values.dtype == np.uint8:
        return values, ()
    if directory.photometric == _LINEAR_RAW:
        return _sensor_levels(values, directory), ("it holds linear light (DNG): its colors are approximate",)
    declared = directory.tags.valueof(_MAX_SAMPLE_VALUE)
    declared = max(declared) if isinstance(declared, tuple) else declared
    return from_numbers(values, name, bits, declared if isinstance(declared, int) else None)


def _sensor_levels(values: np.ndarray, directory: Any) -> np.ndarray:
    """Light from black to white, as a DNG declares these, on the tone curve of sRGB."""
    largest = 1.0 if values.dtype.kind == "f" else float(np.iinfo(values.dtype).max)
    black, white = _first(directory.tags.get(_BLACK_LEVEL), 0.0), _first(directory.tags.get(_WHITE_LEVEL), largest)
    return linear_to_srgb(values, black, white)


def _first(tag: Any, otherwise: float) -> float:
    """The first number of a tag of tifffile's, which may be a fraction."""
    value = None if tag is None else tag.value
    if isinstance(value, tuple) and value and isinstance(value[0], int):
        value = value[0] / (value[1] or 1) if tag.dtype == _RATIONAL else value[0]
    return float(value) if isinstance(value, int | float) else otherwise


def _fractions(tag: Any, otherwise: Sequence[float]) -> Sequence[float]:
    """The fractions of a tag, if it has as many as it should, and they make sense: rising in pairs, or none zero."""
    value = None if tag is None else tag.value
    if not (isinstance(value, tuple) and len(value) == 2 * len(otherwise) and all(value[1::2])):
        return otherwise
    numbers = [top / bottom for top, bottom in zip(value[::2], value[1::2], strict=True)]
    is_sound = min(numbers) > 0 if len(numbers) == 3 else all(np.diff(numbers)[::2] > 0)
    return numbers if is_sound else otherwise


def _in_color(pixels: np.ndarray, directory: Any, name: str) -> np.ndarray:
    """Levels (H, W, C) as gray, RGB or CMYK (H, W, C)."""
    match int(directory.photometric):
        case 0:
            return invert(pixels)
        case 3:
            if directory.colormap is None:
                raise PhotoError(f"cannot read {name}: it is damaged, without the colors of its palette")
            return apply_palette(pixels[..., 0], directory.colormap)
        case 6 if directory.compression not in _JPEG | _OTHERS_TO_RGB:
            tags = directory.tags
            return ycbcr_to_rgb(
                pixels, _fractions(tags.get(_LUMA), BT_601), _fractions(tags.get(_REFERENCE), FULL_RANGE)
            )
        case _:
            return pixels
