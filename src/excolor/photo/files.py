"""Files that are whole or not there at all, whatever happens while they are written."""

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from excolor.errors import OutputError

_OTHERWISE = ("overwrite", "output")  # what lets a file be written
_USUAL_LONGEST = 255  # bytes of a name


def check_place(path: Path, *, overwrite: bool) -> None:
    """Find out before any long work whether a file can be written to `path`.

    Raises:
        OutputError: a folder, a name that is too long, an existing file without `overwrite`, or a folder that is
            missing or that we may not write to.
    """
    if is_folder(path):
        raise OutputError(f"cannot write {path}: it is a folder; add a file name")
    check_length(path)
    if os.path.lexists(path) and not overwrite:
        raise OutputError(f"{path} exists already: replace it, or write elsewhere", settings=_OTHERWISE)
    if not is_folder(path.parent):
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}; create it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(
            f"cannot write {path}: the folder {path.parent} is not writable; write elsewhere", settings=("output",)
        )


def check_length(path: Path) -> None:
    """Find out whether the file system takes the name of a file, and those of the folders to it that do not exist yet.

    Raises:
        OutputError: it does not.
    """
    above = next((folder for folder in path.parents if is_folder(folder)), None)
    if above is None:
        return
    try:
        longest = os.pathconf(above, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # not on Windows, and not on every file system
        longest = _USUAL_LONGEST
    for name in path.parts[len(above.parts) if above != Path() else 0 :]:
        length = len(os.fsencode(name))
        if length > longest:
            what = "its name" if name == path.name else f"the folder {name}"
            raise OutputError(
                f"cannot write {path}: {what} has {length} bytes and the file system takes {longest}; "
                "shorten it, or name another one",
                settings=("output",),
            )


def is_folder(path: Path) -> bool:
    """Like Path.is_dir, which raises where we may not look."""
    return os.path.isdir(path)  # noqa: PTH112


def write_bytes(data: bytes, path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Write a file of this content, or none; see `new_file`."""
    with new_file(Path(path), overwrite=overwrite) as file:
        file.write(data)


TEMPORARY = "excolor-"
"""How the names of folders of `temporary_folder` begin."""

_unfinished: set[Path] = set()


def remove_unfinished() -> None:
    """Remove the temporary files and folders of this process.

    It is about to end without leaving the contexts of `new_file` and `temporary_folder`.
    """
    for path in tuple(_unfinished):
        if is_folder(path):
            shutil.rmtree(path, ignore_errors=True)
            continue
        with suppress(OSError):
            path.unlink()


@contextmanager
def temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """An empty folder that only its owner may look into. It vanishes with all that is in it when the context ends.

    Args:
        parent: the folder to make it in; None is the system's place for temporary files.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=parent))
    except OSError as error:
        raise OutputError(
            f"temporary files cannot be kept ({error.strerror or error}); make room, or set TMPDIR to another folder"
        ) from error
    _unfinished.add(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _unfinished.discard(folder)


@contextmanager
def new_file(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """`whole_file`, whose errors are sentences.

    Raises:
        OutputError: it cannot be written there.
    """
    try:
        with whole_file(path, overwrite=overwrite) as file:
            yield file
    except FileExistsError as error:
        raise OutputError(
            f"{path} appeared while it was being written: replace it, or write elsewhere", settings=_OTHERWISE
        ) from error
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; make room or write elsewhere", settings=("output",)
        ) from error


@contextmanager
def whole_file(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """A file to write, read and seek in, that gets its name when the context ends well and vanishes otherwise.

    It has no name at all until then where the system can do so (Linux), so that not even a kill leaves something
    behind; elsewhere a temporary one beside `path`. Without `overwrite` a file that appears meanwhile is not replaced
    (FileExistsError). Raises OSError if it cannot be written there.
    """
    file, temporary = _open_new(path)
    with file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())  # or a power failure after the naming could leave an empty file
            if temporary is None:
                temporary = _name(file, path, overwrite)
            file.close()  # Windows renames no open file
            if temporary is not None:
                _move(temporary, path, overwrite)
        finally:
            if temporary is not None:
                with suppress(OSError):  # it is gone already if all went well
                    temporary.unlink()
                _unfinished.discard(temporary)


def _open_new(path: Path) -> tuple[BinaryIO, Path | None]:
    """A new file in the folder of `path`, and its temporary name if it has one.

    In the same folder, because a rename is atomic only within a file system. Opened like any new file, so that its
    mode follows the umask.
    """
    if hasattr(os, "O_TMPFILE") and Path("/proc/self/fd").is_dir():
        try:
            return cast("BinaryIO", open(path, "w+b", opener=_nameless)), None
        except OSError as error:  # not on every file system
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
    temporary = _temporary(path)
    return temporary.open("x+b"), temporary


def _nameless(path: str, _flags: int) -> int:
    return os.open(Path(path).parent, os.O_TMPFILE | os.O_RDWR, 0o666)


def _temporary(path: Path) -> Path:
    """A free name beside `path`, known as unfinished, cut so that it stays below the 255 bytes of most file systems."""
    temporary = path.with_name(f".{path.name[:40]}-{secrets.token_hex(8)}.tmp")
    _unfinished.add(temporary)
    return temporary


def _name(file: BinaryIO, path: Path, overwrite: bool) -> Path | None:
    """Give a nameless file its name; or a temporary one, which is returned, if it is to replace another file."""
    place = _temporary(path) if overwrite and os.path.lexists(path) else path
    folder = os.open(path.parent, os.O_RDONLY)  # given a folder, os.link asks for the file behind the link in /proc
    try:
        os.link(f"/proc/self/fd/{file.fileno()}", place, src_dir_fd=folder)
    except FileExistsError:
        raise
    except OSError:  # some network and container file systems have files without names, but no way to name them
        return _copied(file, _temporary(path))
    finally:
        os.close(folder)
    return None if place == path else place


def _copied(file: BinaryIO, place: Path) -> Path:
    """A copy of this name, or none."""
    file.seek(0)
    try:
        with place.open("xb") as copy:
            shutil.copyfileobj(file, copy)
            copy.flush()
            os.fsync(copy.fileno())
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return place


def _move(temporary: Path, path: Path, overwrite: bool) -> None:
    """Rename, but not onto a file without `overwrite` (FileExistsError), which a rename would not see."""
    if overwrite:
        temporary.replace(path)
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # no hard links on FAT, exFAT and some network shares: reserve the name, then fill it
        path.open("xb").close()
        try:
            temporary.replace(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
