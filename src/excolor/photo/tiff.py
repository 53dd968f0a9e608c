"""TIFF by tifffile: its pages, those that are too deep for Pillow, and all that we write.

Pillow reads 8 bits a channel in every compression and color space; for that it is left in place. Deeper ones it cuts
down to 8 bits, takes for negatives or refuses.
"""

import operator
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from excolor.errors import PhotoError
from excolor.photo.guard import guarded
from excolor.photo.levels import from_numbers, strips, to_16_bit
from excolor.photo.metadata import Metadata, append_ifds, read_tiff_metadata
from excolor.photo.raster import Raster
from excolor.photo.tags import Directory, TagReader

_SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION, _SAMPLES = 254, 256, 257, 258, 262, 274, 277
_MAX_SAMPLE_VALUE, _SAMPLE_FORMAT, _UNSIGNED = 281, 339, 1
_REDUCED_OR_MASK = 1 | 4  # bits of NewSubfileType (TIFF 6.0, section 8)
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _SEPARATED = 0, 1, 2, 5  # photometric interpretations (section 8 and 16)
_CHANNELS = {_MIN_IS_WHITE: 1, _MIN_IS_BLACK: 1, _RGB: 3, _SEPARATED: 4}
_MAX_SAMPLES = 8  # of a pixel: colors, alpha, and what a few programs add
_ASSOCIATED, _UNASSOCIATED = 1, 2  # kinds of alpha among the extra samples

_BIG = 3 << 30  # bytes of pixels from which on offsets of 32 bits may not do


@dataclass(frozen=True)
class TiffPage:
    """A page of a TIFF that is a picture of its own: no thumbnail, reduced copy or mask.

    Attributes:
        index: among all directories of the file, from 0.
        width: pixels as stored, before the orientation is applied.
        height: likewise.
        orientation: 1 to 8, as in EXIF.
        is_deep: it has more than 8 bits a channel, or signed or float ones.
    """

    index: int
    width: int
    height: int
    orientation: int
    is_deep: bool


def pages(file: BinaryIO) -> tuple[list[TiffPage], bool]:
    """The pages of a TIFF, and whether the file ends, or goes wrong, before the last one.

    There are none if the file is something else, or so damaged that only Pillow may have a chance. Directories are
    followed each once: those of damaged files may run in circles.
    """
    found: list[TiffPage] = []
    reduced: list[TiffPage] = []
    seen: set[int] = set()
    try:
        reader = TagReader(file)
        offset = reader.first
        while offset and offset not in seen:
            directory = reader.directory(offset)
            picture = _describe(reader, directory, len(seen))
            if picture is not None:
                is_whole = not (reader.integer(directory, _SUBFILE_TYPE) or 0) & _REDUCED_OR_MASK
                (found if is_whole else reduced).append(picture)
            seen.add(offset)
            offset = directory.next
    except (OSError, ValueError):
        return found or reduced, bool(seen)
    return found or reduced, False


def _describe(reader: TagReader, directory: Directory, index: int) -> TiffPage | None:
    """A directory as a picture; None if it has no size."""
    width, height = reader.integer(directory, _WIDTH), reader.integer(directory, _HEIGHT)
    if not (width and height and min(width, height) > 0):
        return None
    orientation = reader.integer(directory, _ORIENTATION) or 1
    samples = reader.integer(directory, _SAMPLES) or 1
    is_plain = samples <= _MAX_SAMPLES and reader.integer(directory, _PHOTOMETRIC) in _CHANNELS
    is_unsigned = (reader.integer(directory, _SAMPLE_FORMAT) or _UNSIGNED) == _UNSIGNED
    is_deep = is_plain and ((reader.integer(directory, _BITS) or 1) > 8 or not is_unsigned)
    return TiffPage(index, width, height, orientation if orientation in range(1, 9) else 1, is_deep)


def decode_deep(
    file: BinaryIO, picture: TiffPage, name: str
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...], Metadata, bytes | None]:
    """Levels (H, W), (H, W, 3), or CMYK (H, W, 4), as stored; alpha (H, W); notes; metadata; and the ICC profile.

    Raises:
        PhotoError: the file is damaged.
    """
    from tifffile import TiffFile

    with guarded(name):
        file.seek(0)
        page = TiffFile(file).pages[picture.index].aspage()
        levels = page.asarray()
        if page.axes.startswith("S"):  # each channel on its own plane
            levels = np.moveaxis(levels, 0, -1)
        profile = page.iccprofile
        declared = page.tags.valueof(_MAX_SAMPLE_VALUE)
    if levels.ndim == 2:
        levels = levels[..., None]
    if levels.ndim != 3 or levels.shape[:2] != (picture.height, picture.width):
        raise PhotoError(f"cannot read {name}: it has {levels.ndim} dimensions {page.axes}; convert it to a plain TIFF")
    colors = _CHANNELS[int(page.photometric)]
    if levels.shape[2] < colors:
        raise PhotoError(f"cannot read {name}: it is damaged, with {levels.shape[2]} channels for {colors} colors")
    declared = max(declared) if isinstance(declared, tuple) else declared
    levels, notes = from_numbers(levels, name, page.bitspersample, declared if isinstance(declared, int) else None)
    pixels, alpha = levels[..., :colors], None
    if page.extrasamples and page.extrasamples[0] in (_ASSOCIATED, _UNASSOCIATED) and levels.shape[2] > colors:
        alpha = levels[..., colors]
        if page.extrasamples[0] == _ASSOCIATED:
            pixels = _unmultiplied(pixels, alpha)
    if page.photometric == _MIN_IS_WHITE:
        pixels = _white(pixels) - pixels
    return pixels[..., 0] if colors == 1 else pixels, alpha, notes, read_tiff_metadata(file, picture.index), profile


def _white(levels: np.ndarray) -> Any:
    return np.float32(1) if levels.dtype == np.float32 else np.uint16(65535)


def _unmultiplied(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colors as they would be without transparency; those of fully transparent pixels are lost, and black."""
    white = float(_white(pixels))
    colors = np.empty_like(pixels)
    for rows in strips(pixels):
        share = np.maximum(alpha[rows, :, None], white * 1e-9) / white
        colors[rows] = np.clip(pixels[rows] / share + (0.5 if white > 1 else 0), 0, white)
    return colors


def write(file: BinaryIO, pages: Iterable[tuple[Raster, bytes | None]]) -> None:
    """Write pages, each with the ICC profile that its pixels are in, as they come: one is in memory at a time.

    Compressed without loss, as every reader knows it: LZW for 8 bits; deflate for 16, which LZW would make larger than
    they are. Floats are rounded to 16 bits.

    Raises:
        OutputError: more than a TIFF of its kind can hold.
    """
    from tifffile import TiffWriter

    metadata = []
    with ExitStack() as stack:
        writer = None
        for page, profile in pages:
            levels = page.pixels if page.pixels.dtype == np.uint8 else to_16_bit(page.pixels)
            if page.alpha is not None:
                alpha = page.alpha if page.alpha.dtype == np.uint8 else to_16_bit(page.alpha)
                levels = np.dstack([levels, alpha])
            if writer is None:
                expected = levels.nbytes * operator.length_hint(pages, 1)
                writer = stack.enter_context(TiffWriter(file, bigtiff=expected > _BIG))
            writer.write(
                levels,
                photometric="minisblack" if page.pixels.ndim == 2 else "rgb",
                planarconfig=None if levels.ndim == 2 else "contig",
                extrasamples=None if page.alpha is None else ["unassalpha"],
                compression="lzw" if levels.dtype == np.uint8 else "zlib",
                predictor=True,
                iccprofile=profile,
                metadata=None,
                software=False,
            )
            metadata.append(page.metadata)
    append_ifds(file, metadata)
