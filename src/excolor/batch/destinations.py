"""Whether files can be written where they are to go, in folders that may not exist yet."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from excolor import remote
from excolor.errors import OutputError
from excolor.remote.store import check_scheme


def exists(path: Path) -> bool:
    """Whether there is something of this name. Raises OutputError if an object store does not tell."""
    return remote.exists(path) if isinstance(path, remote.RemotePath) else os.path.lexists(path)


def existing(paths: Iterable[Path]) -> set[Path]:
    """Those that exist; object stores are asked once for each folder."""
    found, known = set(), dict[str, set[str]]()
    for path in paths:
        if isinstance(path, remote.RemotePath):
            folder = path.parent
            if str(folder) not in known:
                known[str(folder)] = set(remote.names_in(folder, recursive=False))
            there = path.name in known[str(folder)]
        else:
            there = os.path.lexists(path)
        if there:
            found.add(path)
    return found


def identity(path: Path) -> tuple[int, int] | str | None:
    """What a file is, whatever its names and links, or its address; None if it does not exist."""
    if isinstance(path, remote.RemotePath):
        return path.address
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def check_inputs_stay(
    files: Iterable[Path], inputs: Iterable[Path], earlier: Iterable[Path] = (), *, what: str = "an input"
) -> None:
    """Find out before any work whether an input would be replaced, under whatever name or link.

    Args:
        files: that are to be written.
        inputs: that are not to be; some may not exist.
        earlier: those of them that may be results of an earlier run.
        what: what messages call them.

    Raises:
        OutputError: one of the files is an input.
    """
    kept = {own for path in inputs if (own := identity(path))}
    for path in files:
        own = identity(path)
        if own not in kept:
            continue
        is_earlier = own in set(map(identity, earlier))
        raise OutputError(
            f"{path} is {what} and would be replaced; write elsewhere"
            + (", or skip earlier results" if is_earlier else ""),
            settings=("output", "skip_existing") if is_earlier else ("output",),
        )


def check_destination(path: Path, *, overwrite: bool) -> None:
    """Find out, as far as possible, whether a picture can be written to `path`, whose folder may not exist yet.

    Raises:
        OutputError: it cannot.
    """
    from excolor.photo import check_output
    from excolor.photo.files import check_length

    if isinstance(path, remote.RemotePath):
        check_scheme(path, to_write=True)
        _check_suffix(path)
        if not overwrite and exists(path):
            raise OutputError(
                f"{path} exists already: replace it, or write elsewhere", settings=("overwrite", "output")
            )
        return
    check_length(path)
    if os.path.lexists(path.parent):
        check_output(path, overwrite=overwrite)
    else:
        _check_suffix(path)
        check_folder(path.parent)


def _check_suffix(path: Path) -> None:
    from excolor.photo import OUTPUT_FORMATS

    if path.suffix.lower() not in OUTPUT_FORMATS:
        raise OutputError(f"cannot write {path}: end its name in one of {', '.join(OUTPUT_FORMATS)}")


def check_report(path: Path, *, overwrite: bool, setting: str = "report") -> None:
    """The same for a file of any kind, which `setting` names."""
    from excolor.photo.files import check_length, check_place

    with named_by(setting):
        check_length(path)
        if os.path.lexists(path.parent):
            check_place(path, overwrite=overwrite)
        else:
            check_folder(path.parent)


@contextmanager
def named_by(setting: str) -> Iterator[None]:
    """Let an OutputError about a file advise to set otherwise what names it, which is not always the output."""
    try:
        yield
    except OutputError as error:
        settings = tuple(setting if name == "output" else name for name in error.settings)
        raise OutputError(str(error), settings=settings) from error


def check_folder(folder: Path) -> None:
    """Find out whether files can be put in a folder, which is made with the first of them. OutputError if not."""
    if isinstance(folder, remote.RemotePath):
        check_scheme(folder, to_write=True)
        return
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        check_folder(folder.parent)
        return
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder ({error.strerror}); choose another one") from error
    if not stat.S_ISDIR(mode):
        raise OutputError(f"{folder}: cannot be made a folder (it is a file); choose another one")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(
            f"cannot write to the folder {folder}: it is not writable; choose another one", settings=("output",)
        )


def make_folder(folder: Path) -> None:
    """Make a folder for results, where there are folders. Raises OutputError if that cannot be."""
    if isinstance(folder, remote.RemotePath):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder ({error.strerror}); choose another one") from error
