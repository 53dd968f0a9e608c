"""Tar files of pictures, compressed or not."""

import io
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from excolor.errors import PhotoError
from excolor.photo.file_names import is_hidden, is_picture


def is_tar(path: str) -> bool:
    """Whether a file begins as a tar file does.

    Raises:
        PhotoError: it cannot be read.
    """
    try:
        return tarfile.is_tarfile(path)
    except OSError as error:
        raise PhotoError(f"cannot read {path}: {error.strerror}; check that you may read this file") from error


@contextmanager
def open_tar(path: Path) -> Iterator[tarfile.TarFile]:
    """A tar file that is open in this context, in which all that damage can raise becomes PhotoError."""
    try:
        with tarfile.open(path) as tar:
            yield tar
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise PhotoError(f"{path}: the tar file is damaged or cut short ({error}); make it again") from error


def pictures_in(tar: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Regular files, and links that may lead to some, by names as in a folder that the tar file was made of."""
    for info in tar:
        if not (info.isreg() or info.islnk() or info.issym()):
            continue
        name = PurePosixPath(posixpath.normpath(info.name).lstrip("/"))
        if is_picture(name.name) and not any(is_hidden(part) for part in name.parts if part != ".."):
            yield str(name), info
    # Where a header is damaged, tarfile ends as if the archive did; its true end is the end of the file or zeros
    assert tar.fileobj is not None
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError("damaged header")


def extract(tar: tarfile.TarFile, info: tarfile.TarInfo) -> BinaryIO | None:
    """The content of a file or link; None if the link leads nowhere, or in circles."""
    try:
        return cast("BinaryIO | None", tar.extractfile(info))
    except (KeyError, RecursionError):
        return None


def size_in(tar: tarfile.TarFile, info: tarfile.TarInfo) -> int:
    """Bytes of a file, or of the one that a link leads to."""
    file = None if info.isreg() else extract(tar, info)
    return info.size if file is None else file.seek(0, io.SEEK_END)
