"""YCbCr of TIFF whose colors have fewer pixels than its lightness, stored without JPEG (TIFF 6.0, section 21).

tifffile decodes none of these. A strip or tile holds blocks: the lightness of `across` times `down` pixels, then their
Cb and Cr. Those of the right and lower edge are filled up.
"""

import math
from typing import Any, BinaryIO

import numpy as np

_SUBSAMPLING, _USUAL = 530, (2, 2)  # the tag, and what holds without it
_FACTORS = (1, 2, 4)
_REVERSED = 2  # of FillOrder: the lowest bit comes first
_CONTIGUOUS = 1  # of PlanarConfiguration
_MOST_BEYOND = 1 << 24  # pixels by which a tile may be larger than the picture: damaged files name any size


def is_readable(directory: Any) -> bool:
    """Whether this can decode a directory of tifffile's that says that its colors are subsampled."""
    from tifffile import TIFF

    return bool(
        directory.dtype == np.uint8
        and directory.bitspersample == 8
        and directory.samplesperpixel == 3
        and directory.planarconfig == _CONTIGUOUS
        and directory.predictor == 1
        and (directory.compression == 1 or directory.compression in TIFF.DECOMPRESSORS)
        and all(factor in _FACTORS for factor in directory.subsampling or _USUAL)
    )


def decode(file: BinaryIO, directory: Any) -> np.ndarray:
    """YCbCr (H, W, 3) uint8 of a directory of tifffile's that `is_readable`; each Cb and Cr serves its whole block.

    Raises:
        ValueError: there is less in the file than the directory says; also what tifffile's decoders raise.
    """
    height, width = directory.imagelength, directory.imagewidth
    if directory.is_tiled:
        tall, wide = directory.tilelength, directory.tilewidth
    else:
        tall, wide = min(directory.rowsperstrip, height), width
    if tall < 1 or wide < 1 or tall * wide > height * width + _MOST_BEYOND:
        raise ValueError(f"strips or tiles of {wide}×{tall} pixels")
    across = math.ceil(width / wide)
    places = zip(directory.dataoffsets, directory.databytecounts, strict=False)
    pixels = np.empty((height, width, 3), np.uint8)
    count = 0
    for count, (offset, size) in zip(range(1, across * math.ceil(height / tall) + 1), places, strict=False):
        top, left = (count - 1) // across * tall, (count - 1) % across * wide
        rows = tall if directory.is_tiled else min(tall, height - top)
        file.seek(offset)
        part = _blocks(_decompressed(file.read(size), directory, (rows, wide)), directory, (rows, wide))
        target = pixels[top : top + tall, left : left + wide]
        target[...] = part[: target.shape[0], : target.shape[1]]
    if count < across * math.ceil(height / tall):
        raise ValueError("strips or tiles are missing")
    return pixels


def _decompressed(data: bytes, directory: Any, size: tuple[int, int]) -> bytes:
    from tifffile import TIFF

    if directory.fillorder == _REVERSED:
        from imagecodecs import bitorder_decode

        data = bytes(bitorder_decode(data))
    if directory.compression == 1:
        return data
    largest = (size[0] + max(_FACTORS)) * (size[1] + max(_FACTORS)) * 3
    return bytes(TIFF.DECOMPRESSORS[directory.compression](data, out=largest))


def _blocks(data: bytes, directory: Any, size: tuple[int, int]) -> np.ndarray:
    """YCbCr of a strip or tile of this (height, width) and more, if its blocks do not fit it."""
    across, down = directory.subsampling or _USUAL
    if directory.tags.get(_SUBSAMPLING) is None and len(data) >= size[0] * size[1] * 3:
        across = down = 1  # as programs write that forget the tag
    shape = math.ceil(size[0] / down), math.ceil(size[1] / across), down * across + 2
    if len(data) < math.prod(shape):
        raise ValueError(f"a strip or tile of {len(data)} bytes instead of {math.prod(shape)}")
    blocks = np.frombuffer(data, np.uint8, math.prod(shape)).reshape(shape)
    lightness = blocks[..., :-2].reshape(*shape[:2], down, across).swapaxes(1, 2)
    pixels = np.empty((shape[0] * down, shape[1] * across, 3), np.uint8)
    pixels[..., 0] = lightness.reshape(pixels.shape[:2])
    pixels[..., 1:] = blocks[..., -2:].repeat(down, axis=0).repeat(across, axis=1)
    return pixels
