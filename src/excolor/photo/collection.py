"""Collections of photographs: folders, tar files, lists and globs, walked and read by the same rules everywhere.

A collection has members: picture files that have not been decoded. Folders and tar files are searched through all their
subfolders for regular files whose suffix is in `READABLE_SUFFIXES`. What is hidden (a name, or a folder on the way to
it, that begins with a dot) is passed over: macOS leaves such files beside pictures, other programs folders of
thumbnails. So are the folders that storage boxes make for themselves, which `passed_over` names, also where `**` in a
glob leads into them. What a list or a glob names is taken whatever its suffix. Every member is read by `read_photo`.
"""

import glob
import io
import os
import re
import stat
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from excolor.errors import PhotoError
from excolor.photo.file_names import SYSTEM_FOLDERS, is_hidden, is_picture, natural_order
from excolor.photo.photo import Photo
from excolor.photo.reading import MAX_PIXELS, read_photo
from excolor.photo.tar_files import extract, is_tar, open_tar, pictures_in, size_in

LIST_MARK = "# made by excolor report merge, which replaces and removes this list"
"""The first line of a list that a program may replace or remove, which tells it from a person's; no path."""


@dataclass(frozen=True)
class Member(ABC):
    """A picture file of a collection, which has not been looked into. It can be pickled.

    Attributes:
        name: in the collection, with slashes: "garden/2.jpg". Of a list or glob it is the path as found.
        size: bytes; 0 if that is unknown.
        label: what messages call it.
    """

    name: str
    size: int
    label: str

    @property
    def path(self) -> Path | None:
        """The file, if it is one of its own."""
        return None

    @abstractmethod
    def read(self, *, page: int = 1, max_pixels: int = MAX_PIXELS, draft: int | None = None) -> Photo:
        """Decode it; arguments and errors as in `read_photo`."""


@dataclass(frozen=True)
class _File(Member):
    """A file on disk."""

    file: Path

    @property
    def path(self) -> Path:
        return self.file

    def read(self, *, page: int = 1, max_pixels: int = MAX_PIXELS, draft: int | None = None) -> Photo:
        return read_photo(self.file, page=page, max_pixels=max_pixels, draft=draft)


@dataclass(frozen=True)
class _InTar(Member):
    """A file in a tar file, which is open only while it is read."""

    tar: Path
    info: tarfile.TarInfo = field(repr=False)

    def read(self, *, page: int = 1, max_pixels: int = MAX_PIXELS, draft: int | None = None) -> Photo:
        with open_tar(self.tar) as tar:
            file = tar.extractfile(self.info)
            assert file is not None  # only what has content becomes a member
            content = file.read()
        return _read_bytes(content, self.label, page, max_pixels, draft)


@dataclass(frozen=True)
class _InMemory(Member):
    """The bytes of a file."""

    content: bytes = field(repr=False)

    def read(self, *, page: int = 1, max_pixels: int = MAX_PIXELS, draft: int | None = None) -> Photo:
        return _read_bytes(self.content, self.label, page, max_pixels, draft)


def _read_bytes(content: bytes, label: str, page: int, max_pixels: int, draft: int | None) -> Photo:
    return read_photo(io.BytesIO(content), page=page, max_pixels=max_pixels, draft=draft, label=label)


class Collection(ABC, Mapping[str, Member]):
    """Picture files by their names, in natural order (2 before 10), those of a list in its own; see `open`.

    They are looked for when they are first asked for. Then, and in `stream`, a PhotoError says that a folder, tar file
    or list cannot be read; and another one that there are no members, except in `stream`.

    Attributes:
        origin: what it was opened by.
        passed_over: the paths of folders of storage boxes and systems that were met when members were looked for.
    """

    def __init__(self, origin: str) -> None:
        """See `open`."""
        self.origin = origin
        self.passed_over: tuple[str, ...] = ()

    @staticmethod
    def open(
        origin: str | os.PathLike[str],
        *,
        recursive: bool = True,
        leave_out: str | os.PathLike[str] | None = None,
    ) -> "Collection":
        """Take a folder, a tar file, "@LIST" (a text file in UTF-8 with a path on each line) or a glob pattern.

        What exists under the very name is that file or folder, whatever characters the name has.

        Args:
            origin: what to open.
            recursive: search the subfolders of a folder, too (links to folders are not followed).
            leave_out: a folder below that folder, or below the fixed part of the pattern, whose files are not members.

        Raises:
            PhotoError: it is none of these.
        """
        name = os.fspath(origin)
        if os.path.isdir(name):  # noqa: PTH112 - Path.is_dir raises for names that are too long
            return _Folder(name, recursive, leave_out)
        if not os.path.lexists(name):
            if name.startswith("@"):
                return _List(name)
            if glob.has_magic(name):
                return _Glob(name, leave_out)
        if os.path.isfile(name) and is_tar(name):  # noqa: PTH113
            return _Tar(name)
        raise PhotoError(f"{name}: neither a folder nor a tar file; give one of photographs")

    @cached_property
    def _members(self) -> dict[str, Member]:
        members = {member.name: member for member in self._find()}
        if not members:
            raise PhotoError(self._says_empty, settings=self._settings)
        return members

    @property
    @abstractmethod
    def _says_empty(self) -> str:
        """The message where there are no members."""

    @property
    def _settings(self) -> tuple[str, ...]:
        """What could be set otherwise, then."""
        return ()

    @abstractmethod
    def _find(self) -> Iterable[Member]:
        """All members, in order."""

    def stream(self) -> Iterator[Member]:
        """The members one after another, as they come quickest, so that other threads can decode them meanwhile.

        Those of a tar file come in its own order, with their bytes in memory; it is read once, from its beginning to
        its end, and not looked through before. There may be none.
        """
        return iter(self._find())

    def __getitem__(self, name: str) -> Member:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


class _Folder(Collection):
    """The pictures in a folder."""

    def __init__(self, origin: str, recursive: bool, leave_out: str | os.PathLike[str] | None) -> None:
        super().__init__(origin)
        self._recursive = recursive
        self._leave_out = None if leave_out is None else os.path.realpath(leave_out)

    @property
    def _says_empty(self) -> str:
        more = "" if self._recursive else "; look into its subfolders, too"
        return f"{self.origin}: there are no pictures in this folder{more}"

    @property
    def _settings(self) -> tuple[str, ...]:
        return () if self._recursive else ("recursive",)

    def _find(self) -> list[Member]:
        root = Path(self.origin)
        members: list[Member] = []
        passed_over: list[str] = []
        for place, subfolders, names in os.walk(self.origin, onerror=_cannot_look):
            if self._recursive:
                passed_over += [os.path.join(place, name) for name in subfolders if name in SYSTEM_FOLDERS]  # noqa: PTH118
            subfolders[:] = [
                name
                for name in subfolders
                if self._recursive
                and not is_hidden(name)
                and os.path.realpath(os.path.join(place, name)) != self._leave_out  # noqa: PTH118
            ]
            for path in (Path(place, name) for name in names if is_picture(name)):
                size = _size(path)
                if size is not None:
                    members.append(_File(path.relative_to(root).as_posix(), size, str(path), path))
        self.passed_over = tuple(passed_over)
        return sorted(members, key=lambda member: natural_order(member.name))


class _Files(Collection):
    """Pictures by their paths, wherever they lie."""

    @abstractmethod
    def _paths(self) -> Iterable[str]:
        """The paths, in order."""

    def _find(self) -> list[Member]:
        return [_File(path, _size(Path(path)) or 0, path, Path(path)) for path in self._paths()]


class _List(_Files):
    """The files that a text file names, in its order; whether they exist is found out by whoever reads them.

    Each line is taken literally, except that `LIST_MARK` as the first one is passed over.
    """

    @property
    def _says_empty(self) -> str:
        return f"{self.origin}: the list is empty; write one path a line"

    def _paths(self) -> list[str]:
        try:
            text = Path(self.origin[1:]).read_text(encoding="utf-8-sig")
        except OSError as error:
            message = f"{self.origin}: the list cannot be read ({error.strerror}); check its name and folder"
            raise PhotoError(message) from error
        except UnicodeDecodeError as error:
            message = f"{self.origin}: the list is not in UTF-8 (byte {error.start + 1}); save it in UTF-8"
            raise PhotoError(message) from error
        if "\0" in text:
            raise PhotoError(f"{self.origin}: this is not a list of files in UTF-8; save one path a line")
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        return [line for line in lines[lines[0] == LIST_MARK :] if line.strip()]


class _Glob(_Files):
    """The files that match a pattern; `**` stands for any number of folders."""

    def __init__(self, origin: str, leave_out: str | os.PathLike[str] | None) -> None:
        super().__init__(origin)
        self._leave_out = None if leave_out is None else os.path.realpath(leave_out)

    @property
    def _says_empty(self) -> str:
        return f"{self.origin}: no file matches; check the pattern and its folder"

    def _paths(self) -> list[str]:
        paths = [name for name in glob.glob(self.origin, recursive=True) if os.path.isfile(name)]  # noqa: PTH113, PTH207
        start = os.path.realpath(os.path.dirname(re.split(r"[*?\[]", self.origin)[0]))  # noqa: PTH120
        if self._leave_out is not None and self._leave_out != start and _is_in(self._leave_out, start):
            paths = [path for path in paths if not _is_in(os.path.realpath(path), self._leave_out)]
        wanted = SYSTEM_FOLDERS & set(Path(self.origin).parts)  # which the pattern itself names
        systems = {path: _system_folder(path, SYSTEM_FOLDERS - wanted) for path in paths}
        self.passed_over = tuple(dict.fromkeys(folder for folder in systems.values() if folder))
        paths = [path for path in paths if not systems[path]]
        return sorted(paths, key=natural_order)


class _Tar(Collection):
    """The pictures in a tar file, compressed or not; a link in it counts as the file that it leads to."""

    @property
    def _says_empty(self) -> str:
        return f"{self.origin}: there are no pictures in this tar file"

    def _find(self) -> list[Member]:
        path = Path(self.origin)
        with open_tar(path) as tar:
            found = [
                _InTar(name, size_in(tar, info), f"{self.origin}/{name}", path, info)
                for name, info in pictures_in(tar)
                if info.isreg() or extract(tar, info) is not None
            ]
        return sorted(found, key=lambda member: natural_order(member.name))

    def stream(self) -> Iterator[Member]:
        with open_tar(Path(self.origin)) as tar:
            for name, info in pictures_in(tar):
                file = extract(tar, info)
                if file is not None:
                    content = file.read()
                    yield _InMemory(name, len(content), f"{self.origin}/{name}", content)


def _size(path: Path) -> int | None:
    """Bytes of a file; None if it is something else, such as a pipe, which could be waited on for ever.

    0 if that is unknown: a link that leads nowhere is listed, so that whoever reads it reports the missing file.
    """
    try:
        status = path.stat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _system_folder(path: str, names: frozenset[str]) -> str:
    """The outermost folder of a path that has one of these names; empty if there is none."""
    parents = Path(path).parents
    return next((str(folder) for folder in reversed(parents) if folder.name in names), "")


def _is_in(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)


def _cannot_look(error: OSError) -> NoReturn:
    raise PhotoError(f"{error.filename}: cannot look into this folder ({error.strerror})") from error
