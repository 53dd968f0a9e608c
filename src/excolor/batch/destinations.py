"""Whether files can be written where they are to go, in folders that may not exist yet."""

import os
import stat
from pathlib import Path

from excolor.errors import OutputError


def check_destination(path: Path, *, overwrite: bool) -> None:
    """Find out, as far as possible, whether a picture can be written to `path`, whose folder may not exist yet.

    Raises:
        OutputError: it cannot.
    """
    from excolor.photo import check_output
    from excolor.photo.files import check_length

    check_length(path)
    if os.path.lexists(path.parent):
        check_output(path, overwrite=overwrite)
    else:
        check_folder(path.parent)


def check_report(path: Path, *, overwrite: bool) -> None:
    """The same for a file of any kind."""
    from excolor.photo.files import check_length, check_place

    check_length(path)
    if os.path.lexists(path.parent):
        check_place(path, overwrite=overwrite)
    else:
        check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Find out whether files can be put in a folder, which is made with the first of them. OutputError if not."""
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
    """Make a folder for results. Raises OutputError if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder ({error.strerror}); choose another one") from error
