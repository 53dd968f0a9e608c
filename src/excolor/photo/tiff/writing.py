"""Writing of TIFF, page by page."""

import operator
from collections.abc import Iterable
from contextlib import ExitStack
from typing import BinaryIO

import numpy as np

from excolor.photo.levels import to_16_bit
from excolor.photo.metadata import append_ifds
from excolor.photo.raster import Raster

_BIG = 3 << 30  # bytes of pixels from which on offsets of 32 bits may not do


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
