"""A folder of frames as a clip: pictures in natural order, each written to a file of its own."""

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
    """The frames from `start` on and before `end`, in seconds. Raises PhotoError if one cannot be read."""
    for index, path in enumerate(files[time_slice(len(files), start, end)]):
        photo = read_photo(path)
        yield Frame(index, start + index / RATE, photo)


def time_slice(count: int, start: float, end: float | None) -> slice:
    """Which of `count` frames are shown from `start` on and before `end`."""
    return slice(round(start * RATE), count if end is None else min(count, round(end * RATE)))


def _pattern(name: str) -> "re.Pattern[str]":
    match = _NUMBER.search(name)
    assert match is not None  # of `is_folder_of_frames`
    digits = rf"\d{{{int(match[1])}}}" if match[1] else r"\d+"
    return re.compile(re.escape(name[: match.start()]) + digits + re.escape(name[match.end() :]))
