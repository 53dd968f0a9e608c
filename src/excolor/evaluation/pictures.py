"""The photographs that are measured on: found in a folder or a tar file, decoded one by one when they are needed."""

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from excolor.errors import PhotoError
from excolor.evaluation.metrics import SSIM_WINDOW
from excolor.photo import READABLE_SUFFIXES, Photo, read_photo

SMALLEST = 2 * SSIM_WINDOW  # pixels of the shorter side: what half a picture needs to be measured


class Pictures:
    """Photographs in a folder (searched recursively) or a tar file, by their names in there: SUBFOLDER/FILE."""

    def __init__(self, path: Path, *, side: int, leave_out: tuple[str, ...] = (), beside: Path | None = None) -> None:
        """Find the pictures.

        Args:
            path: folder or tar file.
            side: pixels of the shorter side to which larger pictures are shrunk.
            leave_out: names that begin with one of these are left out.
            beside: the folder in which names that are not found are looked up as paths.

        Raises:
            PhotoError: `path` is neither, holds no pictures, or is a damaged tar file.
        """
        self.side = side
        self.leave_out = leave_out
        self._path = path
        self._beside = beside
        self._place = _look_into(path)
        names = (name for name in self._place.sizes if _is_picture(name))
        self.names = sorted((n for n in names if not (leave_out and n.startswith(leave_out))), key=_natural)
        """In natural order: 2 before 10."""
        if not self.names:
            raise PhotoError(f"{path}: no photographs to measure on; give a folder or tar file of them, in color")

    @property
    def title(self) -> str:
        """The name of the folder or tar file, without suffixes."""
        return self._path.resolve().name.partition(".")[0]

    @property
    def fingerprint(self) -> str:
        """Sha256 of names and sizes in bytes: as good as sure to be another one for other pictures."""
        listing = [(name, self._place.sizes[name]) for name in self.names]
        return hashlib.sha256(repr(listing).encode()).hexdigest()

    def file(self, name: str) -> Path | None:
        """The file of a picture; None if it is in a tar file."""
        if name not in self._place.sizes:
            return (self._beside or Path()) / name
        return self._path / name if isinstance(self._place, _Folder) else None

    def read(self, name: str) -> NDArray[np.float32]:
        """A picture as sRGB (H, W, 3) in [0, 1], shrunk. Raises PhotoError if it cannot be read or is too small."""
        photo = self._place.read(name) if name in self._place.sizes else read_photo((self._beside or Path()) / name)
        picture = photo.to_pil().convert("RGB")
        scale = min(1.0, self.side / min(picture.size))
        size = round(picture.width * scale), round(picture.height * scale)
        if min(size) < SMALLEST:
            raise PhotoError(f"cannot use {name}: it needs {SMALLEST} pixels a side and has {min(size)}")
        return np.asarray(picture.resize(size, Image.Resampling.LANCZOS), np.float32) / np.float32(255)


def _look_into(path: Path) -> "_Folder | _Tar":
    if path.is_dir():
        return _Folder(path)
    if path.is_file() and tarfile.is_tarfile(path):
        return _Tar(path)
    raise PhotoError(f"{path}: neither a folder nor a tar file; give one of photographs")


class _Folder:
    """The files in a folder and below it, by their paths from there, with their sizes in bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        files = (file for file in path.rglob("*") if file.is_file())
        self.sizes = {file.relative_to(path).as_posix(): file.stat().st_size for file in files}

    def read(self, name: str) -> Photo:
        return read_photo(self._path / name)


class _Tar:
    """The same for a tar file, which is open only while it is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as tar:
            self._members = {member.name.removeprefix("./"): member for member in tar if member.isfile()}
        self.sizes = {name: member.size for name, member in self._members.items()}

    def read(self, name: str) -> Photo:
        with self._open() as tar:
            file = tar.extractfile(self._members[name])
            assert file is not None  # it is a file, see above
            content = file.read()
        try:
            return read_photo(io.BytesIO(content))
        except PhotoError as error:
            raise PhotoError(f"{name} in {self._path}: {error}") from error

    @contextmanager
    def _open(self) -> Iterator[tarfile.TarFile]:
        try:
            with tarfile.open(self._path) as tar:
                yield tar
        except (tarfile.TarError, OSError, EOFError) as error:
            message = f"{self._path}: the tar file is damaged or cut short ({error}); make it again"
            raise PhotoError(message) from error


def _is_picture(name: str) -> bool:
    """By its suffix; what is hidden is none: macOS leaves such files beside pictures, others folders of thumbnails."""
    path = PurePosixPath(name)
    return path.suffix.lower() in READABLE_SUFFIXES and not any(part.startswith(".") for part in path.parts)


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that orders numbers in names as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
