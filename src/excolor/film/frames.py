"""A folder of frames as a clip: pictures in natural order, each written to a file of its own."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

from excolor.errors import FilmError
from excolor.film.steady import Frame
from excolor.photo import read_photo
from excolor.photo.file_names import is_hidden, is_picture, natural_order

RATE = 24
"""Frames a second that times are counted by."""

_NUMBER = re.compile(r"%(0\d+)?d")


def is_folder_of_frames(name: Path) -> bool:
    """Whether this names frames: a folder, or a pattern such as frames/%05d.png."""
    return name.is_dir() or _NUMBER.search(name.name) is not None


def find_frames(name: Path) -> tuple[Path, ...]:
    """The files of frames in order.

    Args:
        name: a folder, or a pattern whose file name has one number, written %d or %05d.

    Raises:
        FilmError: there are none.
    """
    folder, wanted = (name, None) if name.is_dir() else (name.parent, _pattern(name.name))
    try:
        files = [path for path in folder.iterdir() if path.is_file() and not is_hidden(path.name)]
    except OSError as error:
        raise FilmError(f"{folder}: cannot be looked into ({error.strerror}); check the path") from error
    if wanted is None:
        files = [path for path in files if is_picture(path.name)]
    else:
        files = [path for path in files if wanted.fullmatch(path.name)]
    if not files:
        raise FilmError(f"{name}: there are no frames of this name; give a folder of pictures, or a name like %05d.png")
    return tuple(sorted(files, key=lambda path: natural_order(path.name)))


def read_frames(files: tuple[Path, ...], start: float = 0, end: float | None = None) -> Iterator[Frame]:
    """The frames from `start` on and before `end`, in seconds.

    Raises:
        PhotoError: one cannot be read.
        FilmError: they are not all of one size.
    """
    wanted = time_slice(len(files), start, end)
    size: tuple[int, int] | None = None
    for index, path in enumerate(files[wanted]):
        photo = read_photo(path)
        if size is not None and photo.size != size:
            (height, width), (first_height, first_width) = photo.size, size
            raise FilmError(
                f"{path} is {width}×{height} pixels, and the frames before it are {first_width}×{first_height}: "
                "give frames of one size, or each size as a folder of its own"
            )
        size = photo.size
        yield Frame(index, (wanted.start + index) / RATE, photo)


def time_slice(count: int, start: float, end: float | None) -> slice:
    """Which of `count` frames are shown from `start` on and before `end`."""
    return slice(_first_from(start), count if end is None else min(count, _first_from(end)))


def _first_from(seconds: float) -> int:
    """The first frame that is shown at a time or after it."""
    return math.ceil(round(seconds * RATE, 6))  # 0.7 s of 30 frames is a little more than 21 of them in binary


def _pattern(name: str) -> "re.Pattern[str]":
    match = _NUMBER.search(name)
    assert match is not None  # of `is_folder_of_frames`
    # At least so many digits, as for FFmpeg: 99999 is followed by 100000
    digits = rf"(?:\d{{{int(match[1])}}}|[1-9]\d{{{int(match[1])},}})" if match[1] else r"\d+"
    return re.compile(re.escape(name[: match.start()]) + digits + re.escape(name[match.end() :]))
