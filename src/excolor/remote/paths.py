"""Addresses that are handled like the paths of files, and whose text stays as it was typed, to the letter.

An address of a web server may have a query, which often is a secret: a link that was signed is a key to the file. So
what is shown of an address, in messages, reports and lists, has `?…` in place of the query, and `…@` in place of a
name and password before the server's; `address` alone is the whole.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn, cast

_HIDDEN = "…"  # what stands in an address for what is not shown of it

WEB = ("http", "https")
"""The schemes of web servers. Only they have queries: in an object store "?" and "#" are letters of a name."""

_ADDRESS = re.compile(r"[a-z][a-z0-9]*://.")


@dataclass(frozen=True, repr=False)
class RemotePath(os.PathLike[str]):
    """s3://bucket/scans/1.jpg and the like: it has what a path has in its name, and nothing of what a file has.

    Two slashes in a row stay two, since they are part of the name in an object store.

    Attributes:
        address: the text, whole; it may hold a secret.
    """

    address: str

    def __str__(self) -> str:
        """The address without what may be a secret."""
        path, rest = self._split
        if self.scheme not in WEB:
            return path
        shown = re.sub(r"(?<=://)[^/]*@", f"{_HIDDEN}@", path)
        return f"{shown}?{_HIDDEN}" if "?" in rest else shown

    def __repr__(self) -> str:
        """Without secrets, too."""
        return f"RemotePath({str(self)!r})"

    def __fspath__(self) -> str:
        """What `str` shows: what asks for a path shows it, or finds no such file."""
        return str(self)

    def __truediv__(self, other: str | os.PathLike[str]) -> "RemotePath":
        """An address below this one; `other` is relative, and "." is nothing."""
        name = os.fspath(other)
        folder = self._split[0]
        if name in ("", "."):
            return self
        return RemotePath(f"{folder}{name}" if folder.endswith("://") else f"{folder}/{name}")

    @property
    def scheme(self) -> str:
        """Without the colon."""
        return self.address.partition(":")[0]

    @property
    def name(self) -> str:
        """What comes after the last slash, without a query."""
        return self._split[0].rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """Of the name, with its dot; or nothing."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> "RemotePath":
        """The folder, such that `parent / name` is the address without its query."""
        scheme, slashes, rest = self._split[0].partition("://")
        return RemotePath(f"{scheme}{slashes}{rest.rpartition('/')[0]}")

    def below(self, folder: "RemotePath") -> str | None:
        """The path from a folder to this address, without its query; None if it is not in that folder."""
        start = folder._split[0]
        start += "" if start.endswith("/") else "/"
        path = self._split[0]
        return path.removeprefix(start) if path.startswith(start) and path != start else None

    def as_posix(self) -> str:
        """What `str` shows, which has slashes on every system."""
        return str(self)

    def stat(self) -> NoReturn:
        """It is no file of this machine."""
        raise FileNotFoundError(str(self))

    @property
    def _split(self) -> tuple[str, str]:
        """The address up to its query or fragment, and these."""
        end = re.search(r"[?#]", self.address) if self.scheme in WEB else None
        return (self.address, "") if end is None else (self.address[: end.start()], self.address[end.start() :])


def is_remote(text: str) -> bool:
    """Whether something that was typed is an address, and not the name of a file."""
    return _ADDRESS.match(text) is not None


def is_shortened(text: str) -> bool:
    """Whether a text is an address of which something is not shown, so that it cannot be asked for."""
    return text.startswith(tuple(f"{scheme}://" for scheme in WEB)) and (
        text.endswith(f"?{_HIDDEN}") or f"://{_HIDDEN}@" in text
    )


def typed_address(path: Path) -> str | None:
    """The address that a path was before it became that of a file, as with options that name files only; or None."""
    scheme, *rest = path.parts or ("",)
    return f"{scheme}//{'/'.join(rest)}" if re.fullmatch(r"[a-z][a-z0-9]+:", scheme) else None


def as_path(text: str) -> Path:
    """What was typed, as a path. An address becomes a `RemotePath`, which stands for one, with no slash at its end."""
    if not is_remote(text):
        return Path(text)
    path = RemotePath(text)
    return cast("Path", path if path.scheme in WEB else RemotePath(text.removesuffix("/")))
