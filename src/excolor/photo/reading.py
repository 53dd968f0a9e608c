"""Pictures from files, PIL images and arrays. Nothing here changes an input or keeps a file open."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
from PIL import Image

from excolor.errors import PhotoError
from excolor.photo.decoding import decode, decode_image, read_header
from excolor.photo.levels import from_array
from excolor.photo.photo import Photo
from excolor.photo.raster import Raster

PhotoSource: TypeAlias = str | os.PathLike[str] | Image.Image | np.ndarray

MAX_PIXELS = 500_000_000
"""Larger pictures are refused as decompression bombs. Pillow's own limit (179 million) is below large-format scans."""


def as_photo(source: PhotoSource | Photo) -> Photo:
    """Take a path, a PIL image or an array for a picture.

    A PIL image is treated as `read_photo` treats a file's. An array is (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), the
    fourth channel being alpha: bool, uint8, uint16, or float16/32/64 in [0, 1]. It is copied only where it must be.
    A Photo is given back as it is.

    Raises:
        PhotoError: it is none of these, has no pixels, or cannot be read.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return Photo(*from_array(source))
    if isinstance(source, Image.Image):
        return _as_photo(decode_image(source, getattr(source, "filename", "") or "the picture"), None, source.format)
    if isinstance(source, str | os.PathLike):
        return read_photo(source)
    raise PhotoError(f"cannot use a {type(source).__name__} as a picture: give a path, a PIL image or a numpy array")


def read_photo(
    source: str | os.PathLike[str] | BinaryIO,
    *,
    page: int = 1,
    max_pixels: int = MAX_PIXELS,
    draft: int | None = None,
    label: str | None = None,
) -> Photo:
    """Read a picture file: JPEG, PNG, TIFF, WebP, AVIF, JPEG 2000, GIF, BMP, PPM; HEIC with the extra `heic`.

    EXIF orientation is applied and what an ICC profile says is honored: pixels come as sRGB. 16 bits stay 16 bits in
    PNG, TIFF and gray JPEG 2000; CMYK, Lab and palettes come as RGB. Levels whose white is nowhere written (32 bits)
    are kept if they are in [0, 1], otherwise their range is brought there.

    Args:
        source: a path, which may be that of a pipe, or a file opened for reading bytes.
        page: 1 is the first one, of several pages of a TIFF; of other files the first frame is read.
        max_pixels: larger pictures are refused before they are decoded.
        draft: a JPEG may come at 1/2, 1/4 or 1/8 of its size, which is quicker to decode, but with no side shorter than
            this many pixels.
        label: what messages call it; None: its path.

    Raises:
        PhotoError: the file cannot be read, is not a picture, is damaged, too large, or has no such page.
    """
    with _opened(source) as (file, path):
        decoded, kind = decode(file, label or _name(path), page, max_pixels, draft)
    return _as_photo(decoded, path, kind)


def read_content(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a picture file, whatever is in it. Raises PhotoError if it cannot be read."""
    with _opened(path) as (file, _):
        return file.read()


class PhotoFile:
    """A picture file that has been looked into, but not decoded; made by `open_photo`. The file is not kept open.

    Attributes:
        path: of the file; None if it has none.
        format: Pillow's name of its container ("JPEG", "PNG", "TIFF", ...).
        size: (height, width) of the first page, upright.
        pages: more than 1 for TIFF of several pages only; thumbnails and reduced copies do not count.
        load: what the largest page asks of memory: its pixels, those of more than 8 bits counted twice.
    """

    def __init__(self, source: str | os.PathLike[str] | BinaryIO, max_pixels: int, label: str | None) -> None:
        """See `open_photo`."""
        with _opened(source) as (file, path):
            header = read_header(file, label or _name(path), max_pixels)
            # What comes through a pipe comes once
            self._content = _all_of(file) if path is None or isinstance(file, io.BytesIO) else None
        self._max_pixels = max_pixels
        self._label = label
        self.path = path
        self.format = header.format
        self.size = header.size
        self.pages = header.pages
        self.load = header.load

    def read(self, page: int = 1) -> Photo:
        """Decode a page; errors as in `read_photo`."""
        label = self._label or _name(self.path)
        if self._content is None:
            assert self.path is not None  # see above
            return read_photo(self.path, page=page, max_pixels=self._max_pixels, label=label)
        photo = read_photo(io.BytesIO(self._content), page=page, max_pixels=self._max_pixels, label=label)
        return replace(photo, path=self.path)


def open_photo(
    source: str | os.PathLike[str] | BinaryIO, *, max_pixels: int = MAX_PIXELS, label: str | None = None
) -> PhotoFile:
    """Look into a picture file without decoding it. Arguments and errors as in `read_photo`."""
    return PhotoFile(source, max_pixels, label)


@contextmanager
def _opened(source: str | os.PathLike[str] | BinaryIO) -> Iterator[tuple[BinaryIO, Path | None]]:
    """A file that can be sought in, and its path; closed afterwards if we opened it."""
    if not isinstance(source, str | os.PathLike):
        yield (source if source.seekable() else io.BytesIO(source.read())), None
        return
    path = Path(source)
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PhotoError(f"cannot read {path}: there is no such file; check its name and folder") from error
    except IsADirectoryError as error:
        raise PhotoError(f"cannot read {path}: it is a folder; name a picture file in it") from error
    except OSError as error:
        raise PhotoError(f"cannot read {path}: {error.strerror}; check that you may read this file") from error
    with file:
        yield (file if file.seekable() else io.BytesIO(file.read())), path


def _as_photo(decoded: Raster, path: Path | None, kind: str | None) -> Photo:
    return Photo(decoded.pixels, decoded.alpha, decoded.metadata, path, kind, notes=decoded.notes)


def _name(path: Path | None) -> str:
    return "the picture" if path is None else str(path)


def _all_of(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()
