"""JPEG beyond Pillow: of more than 8 bits, and without loss; and what a file says beside its pixels."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image

# Markers (ITU-T T.81, table B.1): frames are 0xC0 to 0xCF but for three that are something else
_NOT_FRAMES = {0xC4, 0xC8, 0xCC}
_LS = 0xF7  # the frame of JPEG-LS (ITU-T T.87)
_LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF}
_BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_SCAN, _END, _COMMENT = 0xDA, 0xD9, 0xFE
_APPLICATIONS = range(0xE0, 0xF0)


@dataclass(frozen=True)
class Frame:
    """What the header of a frame says: bits of a sample, and pixels."""

    bits: int
    height: int
    width: int


def frame_beyond_pillow(file: BinaryIO) -> Frame | None:
    """The frame of a JPEG that is lossless or has not 8 bits; None of all other files."""
    for marker, body in _segments(file):
        if 0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES and len(body) >= 6:
            frame = Frame(body[0], int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big"))
            is_beyond = marker in _LOSSLESS or frame.bits != 8
            return frame if is_beyond and frame.height and frame.width else None
    return None


def is_ls(file: BinaryIO) -> bool:
    """Whether it is JPEG-LS, which begins as a JPEG does."""
    return any(marker == _LS for marker, _ in _segments(file))


def decode(file: BinaryIO) -> np.ndarray:
    """uint8 or uint16 (H, W) or (H, W, C), by libjpeg-turbo. Raises what imagecodecs raises, and ValueError."""
    from imagecodecs import jpeg_decode

    file.seek(0)
    data = file.read()
    if data.rfind(bytes((0xFF, _END))) < data.rfind(bytes((0xFF, _SCAN))):  # what is missing would be filled with gray
        raise ValueError("its end is missing")
    return np.asarray(jpeg_decode(data))


def without_pixels(file: BinaryIO) -> Image.Image:
    """A stand-in of one pixel that has all metadata of the JPEG."""
    told = [(marker, body) for marker, body in _segments(file) if marker in _APPLICATIONS or marker == _COMMENT]
    parts = [bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body for marker, body in told]
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "JPEG")
    bare = buffer.getvalue()
    behind = 4 + int.from_bytes(bare[4:6], "big")  # the start, and JFIF's segment, which the file has itself or not
    return Image.open(io.BytesIO(b"".join([bare[:2], *parts, bare[behind:]])), formats=["JPEG"])


def _segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Marker and body of each segment before the pixels; none of a file that is not a JPEG."""
    file.seek(0)
    if file.read(2) != b"\xff\xd8":
        return
    while (head := file.read(2))[:1] == b"\xff":
        marker = head[1] if len(head) == 2 else _END
        while marker == 0xFF:  # fill bytes
            marker = (file.read(1) or bytes((_END,)))[0]
        if marker in (_SCAN, _END):
            return
        if marker in _BARE:
            continue
        length = int.from_bytes(file.read(2), "big")
        body = file.read(max(length - 2, 0))
        if length < 2 or len(body) < length - 2:
            return
        yield marker, body
