"""What the browser sends: written to a private folder as it arrives, under ids of ours, and gone when the server ends.

A file keeps its name, which the metadata of results mention, in a folder of its own; what the browser asks for are ids.
"""

import re
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType

from excolor.errors import PhotoError

_LONGEST = 200  # bytes of a name: file systems take 255
_NO_TEXT = re.compile("[\ud800-\udfff]")  # what Python makes of bytes that are no text
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f/\\]")


class Uploads:
    """The private folder: a context that removes it."""

    def __init__(self, max_bytes: int) -> None:
        """Take files of up to `max_bytes`."""
        self.max_bytes = max_bytes
        self._folder = Path(tempfile.mkdtemp(prefix="excolor-serve-"))  # only its owner may look into it

    def __enter__(self) -> "Uploads":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_folder(self) -> Path:
        """An empty folder with a random name."""
        folder = self._folder / new_id()
        folder.mkdir()
        return folder

    def discard(self, path: Path) -> None:
        """Remove a file that was received, and its folder."""
        if path.parent.parent == self._folder:
            shutil.rmtree(path.parent, ignore_errors=True)

    def without_folders(self, message: str) -> str:
        """A message that calls received files by their names alone."""
        return re.sub(rf"{re.escape(str(self._folder))}[/\\][\w-]+[/\\]", "", message)

    async def receive(self, name: str, chunks: AsyncIterator[bytes]) -> Path:
        """Write a file as it arrives.

        Raises:
            PhotoError: it is larger than allowed, or the disk is full.
        """
        path = self.new_folder() / safe_name(name)
        try:
            await self._write(path, chunks)
        except OSError as error:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise PhotoError(f"{path.name} cannot be kept: {error.strerror}; make room for temporary files") from error
        except BaseException:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
        return path

    async def _write(self, path: Path, chunks: AsyncIterator[bytes]) -> None:
        size = 0
        with path.open("xb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > self.max_bytes:
                    raise PhotoError(
                        f"{path.name} is larger than {self.max_bytes / 1e6:g} MB, which is the limit; "
                        "start excolor serve with a higher --max-upload"
                    )
                file.write(chunk)


def new_id() -> str:
    """96 random bits as text."""
    return secrets.token_urlsafe(12)


def displayable(name: str) -> str:
    """The name of a file, or a text with such names, for whoever takes text only: bytes that are none become U+FFFD."""
    return _NO_TEXT.sub("\ufffd", name)


def safe_name(name: str) -> str:
    """A name that a browser gives, without folders and control characters, and not too long."""
    last = re.split(r"[/\\]", name.replace("\0", ""))[-1]
    clean = _NOT_IN_NAMES.sub("", last).strip().encode("utf-8", "replace").decode()
    if clean in ("", ".", ".."):
        return "picture"
    stem, suffix = Path(clean).stem, Path(clean).suffix[:16]
    while len((stem + suffix).encode()) > _LONGEST:
        stem = stem[:-1]
    return stem + suffix
