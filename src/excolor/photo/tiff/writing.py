"""Writing of TIFF, page by page."""

import io
import struct
from collections.abc import Iterable
from contextlib import ExitStack
from typing import BinaryIO

import numpy as np

from excolor.errors import OutputError
from excolor.photo.levels import to_16_bit
from excolor.photo.metadata import append_ifds
from excolor.photo.raster import Raster

_BIG = 3 << 30  # bytes of pixels from which on offsets of 32 bits may not do
_MOST = 1 << 32  # bytes of a file with such offsets


def write(file: BinaryIO, pages: Iterable[tuple[Raster, bytes | None]], expected: int = 0) -> None:
    """Write pages, each with the ICC profile that its pixels are in, as they come: one is in memory at a time.

    Compressed without loss, as every reader knows it: LZW for 8 bits; deflate for 16, which LZW would make larger than
    they are. Floats are rounded to 16 bits.

    Args:
        file: where to; it can be read and sought in.
        pages: at least one.
        expected: bytes of the pixels of all pages (see `bytes_of`), as far as they are known before. Whether it has to
            be a BigTIFF is decided with the first page, and later ones may be larger.

    Raises:
        OutputError: more than a TIFF of its kind can hold.
    """
    from tifffile import TiffWriter

    metadata = []
    with ExitStack() as stack:
        writer, is_big = None, False
        for page, profile in pages:
            levels = page.pixels if page.pixels.dtype == np.uint8 else to_16_bit(page.pixels)
            if page.alpha is not None:
                alpha = page.alpha if page.alpha.dtype == np.uint8 else to_16_bit(page.alpha)
                levels = np.dstack([levels, alpha])
            if writer is None:
                is_big = max(expected, levels.nbytes) > _BIG
                writer = stack.enter_context(TiffWriter(file, bigtiff=is_big))
            try:
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
            except (struct.error, ValueError) as error:  # an offset that is too large, noticed early or late
                if is_big or file.seek(0, io.SEEK_END) + 2 * levels.nbytes < _MOST:
                    raise
                raise OutputError(
                    "TIFF holds at most 4 GiB, and its pages do not fit in; write fewer pages a file"
                ) from error
            metadata.append(page.metadata)
    append_ifds(file, metadata)


def bytes_of(page: Raster) -> int:
    """How many bytes the pixels of a page have before they are compressed."""
    width = 1 if page.pixels.dtype == np.uint8 else 2
    return width * (page.pixels.size + (0 if page.alpha is None else page.alpha.size))
