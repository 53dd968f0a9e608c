"""Addresses that are handled like the paths of files."""

import re
from pathlib import Path, PurePosixPath
from typing import NoReturn, cast

_ADDRESS = re.compile(r"[a-z][a-z0-9]*://.")


class RemotePath(PurePosixPath):
    """s3://bucket/scans/1.jpg and the like: a path whose first part is the scheme, as in "s3:".

    It has what a path has in its name (`parent`, `stem`, `/`), and nothing of what a file has.
    """

    def __str__(self) -> str:
        """The address as it was typed."""
        scheme, *rest = self.parts or ("",)
        return f"{scheme}//{'/'.join(rest)}" if scheme.endswith(":") else super().__str__()

    def __fspath__(self) -> str:
        """The address: what asks for a path shows it, or finds no such file."""
        return str(self)

    @property
    def scheme(self) -> str:
        """Without the colon."""
        return self.parts[0].removesuffix(":")

    def stat(self) -> NoReturn:
        """It is no file of this machine."""
        raise FileNotFoundError(str(self))


def is_remote(text: str) -> bool:
    """Whether something that was typed is an address, and not the name of a file."""
    return _ADDRESS.match(text) is not None


def was_address(path: Path) -> bool:
    """Whether a path was an address before it became the path of a file, as with options that name files only."""
    return re.fullmatch(r"[a-z][a-z0-9]+:", path.parts[0] if path.parts else "") is not None


def as_path(text: str) -> Path:
    """What was typed, as a path; an address becomes a `RemotePath`, which stands for one."""
    return cast("Path", RemotePath(text)) if is_remote(text) else Path(text)
