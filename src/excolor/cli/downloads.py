"""Downloads as the terminal shows them: a bar for each file, or a line where there is no terminal."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import click

from excolor.cli.progress import is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from excolor.weights import DownloadProgress, StoredFile


@contextmanager
def downloads(quiet: bool) -> "Iterator[DownloadProgress]":
    """What to give to `fetch` as `progress`: nothing is shown before bytes arrive, and nothing at all if `quiet`.

    Of the hub's client nothing is shown: it would warn of each of its attempts, and the last one's error says enough.
    """
    for module in ("file_download", "utils._http"):
        logging.getLogger(f"huggingface_hub.{module}").addFilter(_is_error)
    if quiet:
        yield lambda _stored, _there, _total: None
    elif is_terminal(sys.stderr):
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        progress = Progress(*columns, console=Console(stderr=True))
        try:
            yield _Bars(progress)
        finally:
            progress.stop()
    else:
        yield _Lines()


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


class _Bars:
    """A bar for each file."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._tasks: dict[StoredFile, TaskID] = {}
        self._lock = Lock()  # files arrive on several threads

    def __call__(self, stored: "StoredFile", there: int, total: int | None) -> None:
        with self._lock:
            if stored not in self._tasks:
                self._progress.start()  # not before: most models are here already
                self._tasks[stored] = self._progress.add_task(stored.file, total=total)
        self._progress.update(self._tasks[stored], total=total, completed=there)


class _Lines:
    """A line for each file when it begins to arrive."""

    def __init__(self) -> None:
        self._announced: set[StoredFile] = set()
        self._lock = Lock()

    def __call__(self, stored: "StoredFile", _there: int, total: int | None) -> None:
        with self._lock:
            if stored not in self._announced:
                self._announced.add(stored)
                size = "" if total is None else f", {total / 1e6:.1f} MB"
                click.echo(f"Downloading {stored.file}{size}", err=True)
