"""Small pictures, and files made of them."""

import errno
import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

from excolor.photo import Photo

HEIGHT, WIDTH = 12, 17  # unequal and odd, so that a swapped side or a padded row shows
LOSSLESS_WEBP = {"lossless": True, "exact": True}


def levels(*channels: int, dtype: type = np.uint8, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    return np.random.default_rng(7).integers(0, np.iinfo(dtype).max, (*size, *channels), dtype, endpoint=True)


def smooth() -> np.ndarray:
    """Colors that JPEG keeps within a few levels, different in all four corners."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] * 10.0
    return np.stack([60 + x, 40 + y, 240 - x - y / 2], axis=2).astype(np.uint8)


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def encoded(image: Image.Image, format: str, **options: object) -> bytes:  # noqa: A002
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_same(photo: Photo, pixels: np.ndarray, alpha: np.ndarray | None = None) -> None:
    assert photo.pixels.dtype == pixels.dtype
    assert photo.pixels.flags.c_contiguous
    np.testing.assert_array_equal(photo.pixels, pixels)
    if alpha is None:
        assert photo.alpha is None
    else:
        assert photo.alpha is not None
        assert photo.alpha.dtype == pixels.dtype
        np.testing.assert_array_equal(photo.alpha, alpha)


def palette_image() -> tuple[Image.Image, np.ndarray, np.ndarray]:
    """A palette image, its indices and the colors (256, 3)."""
    indices, colors = levels() % 8, levels(3, size=(16, 16)).reshape(256, 3)
    image = Image.fromarray(indices)
    image.putpalette(colors.tobytes())
    assert image.mode == "P"
    return image, indices, colors


# What a viewer shows for each EXIF orientation (EXIF 2.32, tag 274: where row 0 and column 0 of the file are seen)
SEEN = {
    1: lambda a: a,  # top, left
    2: lambda a: a[:, ::-1],  # top, right
    3: lambda a: a[::-1, ::-1],  # bottom, right
    4: lambda a: a[::-1],  # bottom, left
    5: lambda a: a.swapaxes(0, 1),  # left, top
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],  # right, top: a quarter turn clockwise
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),  # right, bottom
    8: lambda a: a.swapaxes(0, 1)[::-1],  # left, bottom: a quarter turn counterclockwise
}


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def failing(error: BaseException):
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    return fail


DISK_FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
