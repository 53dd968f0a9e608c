"""Pictures that shape results: read once, with the checksum of the very bytes that were read."""

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from excolor.batch.pipes import is_pipe, read_pipe
from excolor.batch.stop import Stop
from excolor.remote import RemotePath, read

if TYPE_CHECKING:
    from excolor.photo import Photo


@dataclass(frozen=True)
class UsedFile:
    """A file that shaped a result: a reference, a style, a mask, or hints."""

    path: Path
    sha256: str


def read_used(path: Path, stop: Stop, *, max_pixels: int) -> "tuple[Photo, UsedFile]":
    """A picture of `max_pixels` at most, and its file for the record. It may be a pipe.

    Raises:
        PhotoError: it cannot be read.
        StoppedError: a stop was asked for while a pipe was waited for.
    """
    from excolor.photo import read_content, read_photo

    if isinstance(path, RemotePath):
        content = read(path)
    else:
        content = read_pipe(path, stop) if is_pipe(path) else read_content(path)
    photo = read_photo(io.BytesIO(content), max_pixels=max_pixels, label=str(path))
    return replace(photo, path=path), UsedFile(path, hashlib.sha256(content).hexdigest())
