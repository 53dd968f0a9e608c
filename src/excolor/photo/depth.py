"""How many bits a channel has, by what a file says of itself: of kinds that Pillow brings to 8 without a word."""

import re
from typing import BinaryIO

from PIL import Image

_START = 1 << 16  # bytes that are searched
_PPM = re.compile(rb"P[36]\s(?:\s|#[^\r\n]*[\r\n])*\d+(?:\s|#[^\r\n]*[\r\n])+\d+(?:\s|#[^\r\n]*[\r\n])+(\d+)\s")
_SIZE_OF_JPEG_2000 = b"\xff\x4f\xff\x51"  # the markers SOC and SIZ


def bits_of(file: BinaryIO, image: Image.Image) -> int:
    """Bits of a channel of what Pillow has opened; 8 of kinds that have no more, and where nothing is said."""
    file.seek(0)
    match image.format:
        case "HEIF":
            bits = image.info.get("bit_depth", 8)
            return bits if isinstance(bits, int) else 8
        case "AVIF":
            return _of_avif(file.read(_START))
        case "JPEG2000":
            return _of_jpeg_2000(file.read(_START))
        case "PPM":
            found = _PPM.match(file.read(_START))
            return 8 if found is None else max(8, int(found[1][:9]).bit_length())
        case _:
            return 8


def _of_avif(start: bytes) -> int:
    """By the codec configuration (AV1-ISOBMFF, section 2.3.3)."""
    at = start.find(b"av1C")
    if not 0 <= at <= len(start) - 7:
        return 8
    return {0: 8, 0x40: 10, 0x60: 12}.get(start[at + 6] & 0x60, 8)


def _of_jpeg_2000(start: bytes) -> int:
    """By the depth of the first component (ISO 15444-1, A.5.1)."""
    at = start.find(_SIZE_OF_JPEG_2000)
    return 8 if at < 0 or len(start) <= at + 42 else (start[at + 42] & 0x7F) + 1
