"""Names of picture files: which are taken from folders and tar files, and in which order."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from excolor.photo.kinds import READABLE_SUFFIXES

SYSTEM_FOLDERS = frozenset(
    (
        *("@eaDir", "#recycle", "#snapshot"),  # Synology
        *("@Recycle", "@Recently-Snapshot"),  # QNAP
        *("__MACOSX", "$RECYCLE.BIN", "System Volume Information", "lost+found"),
    )
)
"""Folders that storage boxes and systems make beside pictures: of thumbnails, snapshots, and what was deleted."""


def natural_order(name: str | os.PathLike[str]) -> tuple[object, ...]:
    """A key by which img2 comes before img10; upper and lower case count only where nothing else differs."""
    name = os.fspath(name)
    return tuple(tuple(_numbers_apart(part)) for part in Path(name).parts), name


def _numbers_apart(name: str) -> Iterator[tuple[str, int]]:
    for text, digits in re.findall(r"(\D*)(\d*)", name.casefold()):
        yield text, int(digits or 0)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name (without the folder that it is in) is hidden, or a system's own."""
    return name.startswith(".") or name in SYSTEM_FOLDERS


def is_picture(name: str) -> bool:
    """Whether a file of this name (without its folder) is taken for a picture, by its suffix; hidden files are not."""
    return not is_hidden(name) and os.path.splitext(name)[1].lower() in READABLE_SUFFIXES  # noqa: PTH122
