"""PNG beyond Pillow: 16 bits a channel, which it would cut down to 8, and what a file tells without its pixels."""

import io
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from excolor.photo.levels import to_16_bit
from excolor.photo.page import Page

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = 33  # bytes: signature, and the chunk IHDR, behind which all others may stand (PNG 1.2, section 4.3)
_TELLING = (b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"pHYs", b"iCCP")


def is_png(file: BinaryIO) -> bool:
    """Whether the file begins as a PNG does."""
    file.seek(0)
    return file.read(8) == _SIGNATURE


def is_16_bit(file: BinaryIO) -> bool:
    """Whether a PNG has 16 bits a channel."""
    file.seek(24)  # behind length, type, width and height of the first chunk
    return file.read(1) == b"\x10"


def without_pixels(file: BinaryIO) -> Image.Image:
    """A stand-in of one pixel that tells all that the PNG tells, also behind its own pixels, which are not decoded."""
    told = b"".join(chunk for kind, chunk in _chunks(file) if kind in _TELLING)
    bare = _saved({})
    return Image.open(io.BytesIO(bare[:_HEADER] + told + bare[_HEADER:]), formats=["PNG"])


def decode_16_bit(file: BinaryIO) -> np.ndarray:
    """uint16 (H, W), (H, W, 2), (H, W, 3) or (H, W, 4), by libpng. Raises what imagecodecs raises."""
    from imagecodecs import png_decode

    file.seek(0)
    return np.asarray(png_decode(file.read()))


def encode_16_bit(page: Page, options: dict[str, Any]) -> bytes:
    """A PNG file by libpng, with what Pillow, given these options of Image.save, tells beside the pixels."""
    from imagecodecs import png_encode

    levels = to_16_bit(page.pixels)
    if page.alpha is not None:
        levels = np.dstack([levels, to_16_bit(page.alpha)])
    data = bytes(png_encode(np.ascontiguousarray(levels)))
    told = b"".join(chunk for kind, chunk in _chunks(io.BytesIO(_saved(options))) if kind in _TELLING)
    return data[:_HEADER] + told + data[_HEADER:]


def _saved(options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG", **options)
    return buffer.getvalue()


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Kind and bytes of each whole chunk but those of pixels (PNG 1.2, section 3.2)."""
    file.seek(len(_SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IDAT":
            file.seek(length + 4, io.SEEK_CUR)
            continue
        rest = file.read(length + 4)
        if len(rest) == length + 4:
            yield kind, head + rest
