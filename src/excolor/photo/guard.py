"""A guard around the decoders: their process-wide settings, their warnings, and what they raise on damaged files."""

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from excolor.errors import PhotoError

_NATIVE = "imagecodecs"  # the log of the codecs that it wraps
_NOT_ABOUT_THE_FILE = ("Interlace handling",)  # how it calls libpng
_MAX_TEXT = 1 << 25  # bytes of a text chunk of a PNG; XMP with pictures in it is longer than Pillow's limit of 1 MiB


class _Listener(logging.Handler):
    """Keeps what is logged in this thread, as far as it is about the file."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._local = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        message = " ".join(record.getMessage().split())
        if not any(part in message for part in _NOT_ABOUT_THE_FILE):
            self.heard.append(message)

    @property
    def heard(self) -> list[str]:
        """All so far; whoever handles it clears it."""
        if not hasattr(self._local, "heard"):
            self._local.heard = []
        heard: list[str] = self._local.heard
        return heard


class _Quiet:
    """A context without Pillow's size limit (ours is checked from the header), and in which nothing reaches stderr.

    Warnings are dropped, and so is the log of tifffile: both are about damaged tags, which are not a reason to refuse a
    picture. What the codecs log is kept in `listener`.

    Those settings belong to the whole process: the first thread in sets them, the last one out puts them back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: tuple[int | None, int, Sequence[Any], bool, bool] = None, 0, [], False, True
        self.listener = _Listener()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                log, native = logging.getLogger("tifffile"), logging.getLogger(_NATIVE)
                limits = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
                self._before = *limits, warnings.filters[:], log.disabled, native.propagate
                Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, log.disabled = None, _MAX_TEXT, True
                native.propagate = False
                native.addHandler(self.listener)
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, filters, disabled, propagate = self._before
                logging.getLogger("tifffile").disabled = disabled
                logging.getLogger(_NATIVE).removeHandler(self.listener)
                logging.getLogger(_NATIVE).propagate = propagate
                warnings.filters[:] = filters  # type: ignore[index]


_QUIET = _Quiet()


@contextmanager
def guarded(name: str, kind: str = "file") -> Iterator[list[str]]:
    """Run a decoder in here, and nothing else: whatever it raises becomes a PhotoError.

    On damaged files decoders raise nearly everything; fuzzing has shown a dozen kinds.

    Args:
        name: what messages call the file.
        kind: what they say that it is, such as "PNG".

    Yields:
        A list that is filled at the end with a note (see `Raster.notes`), if codecs have warned of something.
    """
    heard, notes = _QUIET.listener.heard, list[str]()
    heard.clear()
    try:
        with _QUIET:
            yield notes
    except MemoryError as error:
        raise PhotoError(f"cannot read {name}: there is not enough memory; scale it down first") from error
    except UnidentifiedImageError as error:
        raise PhotoError(
            f"cannot read {name}: the {kind} is damaged or cut short at its beginning; copy it again from its source"
        ) from error
    except Exception as error:
        damage = f"the {kind} is damaged or cut short ({_one_line(error)})"
        raise PhotoError(f"cannot read {name}: {damage}; copy it again from its source") from error
    if heard:
        others = f" (and {len(heard) - 1} more warnings)" if len(heard) > 1 else ""
        notes.append(f"its decoder warns: {heard[0][:200]}{others}")


def _one_line(error: Exception) -> str:
    return " ".join(f"{error}".split())[:200] or type(error).__name__
