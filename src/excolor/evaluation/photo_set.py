"""The photographs that are measured on, decoded one by one when they are needed."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from excolor.errors import CheckpointError, PhotoError
from excolor.evaluation.metrics import SSIM_WINDOW
from excolor.photo import Collection, read_photo
from excolor.weights import sha256_of

SMALLEST = 2 * SSIM_WINDOW  # pixels of the shorter side: what half a picture needs to be measured


class PhotoSet:
    """Photographs of a collection (a folder, a tar file), by their names in there: SUBFOLDER/FILE."""

    def __init__(self, path: Path, *, side: int, leave_out: tuple[str, ...] = (), beside: Path | None = None) -> None:
        """Find the photographs.

        Args:
            path: what `Collection.open` takes.
            side: pixels of the shorter side to which larger ones are shrunk.
            leave_out: names that begin with one of these are left out.
            beside: the folder in which names that are not found are looked up as paths.

        Raises:
            PhotoError: `path` is not a collection, holds no photographs, or is a damaged tar file.
        """
        self.side = side
        self.leave_out = leave_out
        self._path = path
        self._beside = beside or Path()
        self._collection = Collection.open(path)
        self.names = [name for name in self._collection if not (leave_out and name.startswith(leave_out))]
        """In natural order: 2 before 10."""
        if not self.names:
            raise PhotoError(f"{path}: no photographs are left to measure on; leave out fewer of them")

    @property
    def title(self) -> str:
        """The name of the folder or tar file, without suffixes."""
        return self._path.resolve().name.partition(".")[0]

    @property
    def fingerprint(self) -> str:
        """Sha256 of names and sizes in bytes, which other photographs are all but certain not to share."""
        listing = [(name, self._collection[name].size) for name in self.names]
        return hashlib.sha256(repr(listing).encode()).hexdigest()

    def fingerprint_beyond(self, names: Iterable[str]) -> str | None:
        """Sha256 of the contents of all those pictures that `self.names` does not list, and None if it lists all."""
        beyond = sorted({*names} - {*self.names})
        listing = [(name, self._content(name)) for name in beyond]
        return hashlib.sha256(repr(listing).encode()).hexdigest() if listing else None

    def _content(self, name: str) -> str | int | None:
        """What tells a picture from others: sha256 of its file, or size in a tar file; None if it is not there."""
        file = self.file(name)
        if file is None:
            return self._collection[name].size
        try:
            if not file.is_file():  # what waits in a pipe is left for the measuring
                return None
            return sha256_of(file)
        except (OSError, CheckpointError):
            return None  # which is said when it is measured

    def file(self, name: str) -> Path | None:
        """The file of a photograph, which need not exist; None if it is in a tar file."""
        if name in self._collection:
            return self._collection[name].path
        unlisted = self._path / name  # its suffix is not a picture's, say
        # Path.is_file raises where a name is too long
        return unlisted if os.path.isfile(unlisted) else self._beside / name  # noqa: PTH113

    def read(self, name: str) -> NDArray[np.float32]:
        """A photograph as sRGB (H, W, 3) in [0, 1], shrunk.

        Raises:
            PhotoError: it cannot be read or is too small.
        """
        file = self.file(name)
        photo = self._collection[name].read() if file is None else read_photo(file)
        height, width = photo.size
        scale = min(1.0, self.side / min(height, width))
        height, width = round(height * scale), round(width * scale)
        if min(height, width) < SMALLEST:
            raise PhotoError(f"cannot use {name}: it needs {SMALLEST} pixels a side and has {min(height, width)}")
        shrunk = Image.fromarray(photo.to_rgb()).resize((width, height), Image.Resampling.LANCZOS)
        return np.asarray(shrunk, np.float32) / np.float32(255)
