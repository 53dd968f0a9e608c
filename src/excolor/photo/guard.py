"""A guard around the decoders: their process-wide settings, their warnings, and what they raise on damaged files."""

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from excolor.errors import PhotoError

_MAX_TEXT = 1 << 25  # bytes of a text chunk of a PNG; XMP with pictures in it is longer than Pillow's limit of 1 MiB


class _Quiet:
    """A context without Pillow's size limit (ours is checked from the header), without warnings and without a log.

    Those settings belong to the whole process: the first thread in sets them, the last one out puts them back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: tuple[int | None, int, Sequence[Any], bool] = None, 0, [], False

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                log = logging.getLogger("tifffile")
                limits = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
                self._before = *limits, warnings.filters[:], log.disabled
                Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, log.disabled = None, _MAX_TEXT, True
                warnings.simplefilter("ignore")  # about damaged tags, which are not a reason to refuse a picture
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, filters, disabled = self._before
                logging.getLogger("tifffile").disabled = disabled
                warnings.filters[:] = filters  # type: ignore[index]


_QUIET = _Quiet()


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Run a decoder in here, and nothing else: whatever it raises becomes a PhotoError.

    On damaged files decoders raise nearly everything; fuzzing has shown a dozen kinds.
    """
    try:
        with _QUIET:
            yield
    except MemoryError as error:
        raise PhotoError(f"cannot read {name}: there is not enough memory; scale it down first") from error
    except UnidentifiedImageError as error:
        raise PhotoError(
            f"cannot read {name}: it is not a picture of a kind that can be read (JPEG, PNG, TIFF, WebP, AVIF, "
            "JPEG 2000, GIF, BMP, PPM, HEIC), or its beginning is damaged; "
            "convert it to PNG or TIFF, or copy it again from its source"
        ) from error
    except Exception as error:
        raise PhotoError(
            f"cannot read {name}: the file is damaged or cut short ({_one_line(error)}); copy it again from its source"
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(f"{error}".split())[:200] or type(error).__name__
